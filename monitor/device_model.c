/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/device_model.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/control.h"
#include "monitor/devices.h"
#include "monitor/log.h"
#include "monitor/process.h"
#include "monitor/util.h"
#include "monitor/vm.h"

enum { READY_S = 60, END_S = 10 };

struct device_model {
    struct process process;
    uint32_t domid;
    bool ready;
    bool late;  /* not ready in time, and killed for it */
    int log_fd; /* of inotify */
    struct event *log_event;
    struct event *exit_event;
    struct event *deadline; /* of its beginning, or of its end */
    struct store_watch *watch;
    void (*on_ready)(struct vm *vm, struct failure *failure);
    void (*on_gone)(struct vm *vm);
};

static const char *program(void)
{
    /* Debian's, of the package qemu-system-xen; Xen's own; any. */
    static const char *const places[] = {
        "/usr/libexec/xen-qemu-system-i386",
        "/usr/lib/xen/bin/qemu-system-i386",
        "/usr/bin/qemu-system-i386",
    };
    const char *given = getenv("XENVM_QEMU");

    if (given)
        return given;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return NULL;
}

static char *log_path(const struct vm *vm)
{
    return text("%s/vm-%s.qemu.log", vm->directory, vm->uuid);
}

/*
 * The cause alone, of "xen-qemu-system-i386: failed to create 'qdisk' device '51728': failed to
 * create drive: CAUSE". Some qemus, 7.2 is one, open the image itself as read-only, and not what is
 * in it.
 */
static const char *cause_of(const char *line)
{
    static const char head[] = "failed to create drive: ";
    const char *cause = strstr(line, head);

    if (strstr(line, "Block node is read-only"))
        return "this qemu can't serve an image for reading only (a raw one can be, as phystype "
               "file)";
    return cause ? cause + strlen(head) : line;
}

char *device_model_said(const struct vm *vm, const char *sign)
{
    char *path = log_path(vm), *line = NULL, *found = NULL;
    FILE *file = fopen(path, "re");
    size_t size = 0;
    ssize_t length;

    free(path);
    while (file && (length = getline(&line, &size, file)) > 0) {
        while (length > 0 && isspace((unsigned char)line[length - 1]))
            line[--length] = '\0';
        make_line(line);
        if (*line && (!sign || strstr(line, sign)))
            set_text(&found, cause_of(line));
    }
    free(line);
    if (file)
        fclose(file);
    return found;
}

static void on_log(evutil_socket_t fd, short what, void *arg)
{
    struct vm *vm = arg;
    char events[512];

    while (read(vm->model->log_fd, events, sizeof(events)) > 0)
        ;
    devices_hear(vm);
}

/* Has on_log() called when there is more in the log. */
static void follow_log(struct vm *vm)
{
    struct device_model *model = vm->model;
    char *path = log_path(vm);

    model->log_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (model->log_fd >= 0 && inotify_add_watch(model->log_fd, path, IN_MODIFY) >= 0) {
        model->log_event =
            need(event_new(vm->base, model->log_fd, EV_READ | EV_PERSIST, on_log, vm));
        event_add(model->log_event, NULL);
    }
    free(path);
}

bool device_model_is_ready(const struct vm *vm)
{
    return vm->model && vm->model->ready;
}

pid_t device_model_pid(const struct vm *vm)
{
    return vm->model ? vm->model->process.pid : 0;
}

static void state_path(const struct device_model *model, char path[STORE_PATH_SIZE])
{
    snprintf(path, STORE_PATH_SIZE, "/local/domain/0/device-model/%u", model->domid);
}

static void stop_waiting(struct device_model *model)
{
    store_unwatch(model->watch);
    model->watch = NULL;
    if (model->deadline)
        event_free(model->deadline);
    model->deadline = NULL;
}

/* It is no more. */
static void forget(struct vm *vm)
{
    struct device_model *model = vm->model;
    char path[STORE_PATH_SIZE];
    char *log = log_path(vm);

    stop_waiting(model);
    state_path(model, path);
    store_remove(vm->store, path);
    unlink(log);
    free(log);
    if (model->log_event)
        event_free(model->log_event);
    if (model->log_fd >= 0)
        close(model->log_fd);
    event_free(model->exit_event);
    close(model->process.pidfd);
    free(model);
    vm->model = NULL;
}

/* It ended by itself: whoever waits for it hears of it, or else all do. Takes the failure. */
static void lost(struct vm *vm, void (*ready)(struct vm *, struct failure *),
                 struct failure *failure)
{
    log_error("%s", failure->text);
    if (ready) {
        ready(vm, failure);
        return;
    }
    control_event(vm->control, "message", json_pack("{s:s}", "text", failure->text));
    devices_give_up(vm, failure->text);
    failure_free(failure);
}

static void on_exit_of(evutil_socket_t fd, short what, void *arg)
{
    struct vm *vm = arg;
    struct device_model *model = vm->model;
    void (*gone)(struct vm *) = model->on_gone;
    void (*ready)(struct vm *, struct failure *) = model->on_ready;
    char *said = device_model_said(vm, NULL);
    bool late = model->late;
    siginfo_t info = { 0 };

    /* Fails where it was taken over: then it is not our child. */
    waitid(P_PIDFD, (id_t)model->process.pidfd, &info, WEXITED | WNOHANG);
    forget(vm);
    if (gone)
        gone(vm);
    else
        lost(vm, ready,
             late ? fail(RPC_TIMED_OUT, "qemu was not ready in %d s", READY_S)
                  : fail(RPC_FAILED, "qemu has ended%s%s", said ? ": " : "",
                         said ? said : " and said nothing"));
    free(said);
}

static void on_state(void *arg)
{
    struct vm *vm = arg;
    struct device_model *model = vm->model;
    char path[STORE_PATH_SIZE];

    state_path(model, path);
    char *state = store_read(vm->store, "%s/state", path);
    bool running = state && !strcmp(state, "running");
    free(state);
    if (!running)
        return;
    void (*ready)(struct vm *, struct failure *) = model->on_ready;
    stop_waiting(model);
    model->on_ready = NULL;
    model->ready = true;
    if (ready)
        ready(vm, NULL);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct vm *vm = arg;
    struct device_model *model = vm->model;

    if (model->on_gone)
        log_warning("qemu (process %d) does not end: killed", (int)model->process.pid);
    else
        model->late = true;
    pidfd_send_signal(model->process.pidfd, SIGKILL, NULL, 0);
}

static void set_deadline(struct vm *vm, int seconds)
{
    struct timeval wait = { .tv_sec = seconds };

    vm->model->deadline = need(evtimer_new(vm->base, on_deadline, vm));
    evtimer_add(vm->model->deadline, &wait);
}

static struct device_model *take_in(struct vm *vm, const struct process *process)
{
    struct device_model *model = need(calloc(1, sizeof(*model)));

    model->process = *process;
    model->domid = vm->domid;
    model->exit_event = need(event_new(vm->base, process->pidfd, EV_READ, on_exit_of, vm));
    event_add(model->exit_event, NULL);
    vm->model = model;
    follow_log(vm);
    return model;
}

static struct failure *spawn(const struct vm *vm, const char *path, struct process *process)
{
    char domid[16];
    char *log_file = log_path(vm), *name = text("xenvm-%s", vm->uuid);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int log =
        open(log_file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    const char *const argv[] = {
        path,         "-xen-domid", domid,   "-xen-attach", "-name",
        name,         "-machine",   "xenpv", "-nodefaults", "-no-user-config",
        "-nographic", "-vga",       "none",  NULL
    };
    const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                        "XEN_QEMU_CONSOLE_LIMIT=1048576", NULL };
    const struct process_fd fds[] = { { null, STDIN_FILENO },
                                      { log, STDOUT_FILENO },
                                      { log, STDERR_FILENO } };
    struct failure *failure = null < 0 || log < 0 ? fail(RPC_FAILED, "cannot start %s: %s: %s",
                                                         path, log_file, strerror(errno))
                                                  : NULL;

    snprintf(domid, sizeof(domid), "%u", vm->domid);
    if (!failure)
        failure = process_start(process, path, (char *const *)(uintptr_t)argv,
                                (char *const *)(uintptr_t)environment, fds, 3, PROCESS_SESSION);
    if (null >= 0)
        close(null);
    if (log >= 0)
        close(log);
    free(name);
    free(log_file);
    return failure;
}

struct failure *device_model_start(struct vm *vm,
                                   void (*ready)(struct vm *vm, struct failure *failure))
{
    const char *path = program();
    char node[STORE_PATH_SIZE];
    struct process process = { 0, -1 };

    if (!path)
        return fail(RPC_FAILED, "there is no qemu for Xen (apt-get install qemu-system-xen)");
    struct failure *failure = spawn(vm, path, &process);
    if (failure)
        return failure;
    struct device_model *model = take_in(vm, &process);
    log_trace("qemu %d: for domain %u", (int)process.pid, vm->domid);
    model->on_ready = ready;
    state_path(model, node);
    model->watch = store_watch(vm->store, node, on_state, vm);
    set_deadline(vm, READY_S);
    vm_set_state(vm, vm->state); /* for the record */
    return NULL;
}

void device_model_cancel(struct vm *vm)
{
    if (vm->model)
        vm->model->on_ready = NULL;
}

void device_model_stop(struct vm *vm, void (*gone)(struct vm *vm))
{
    if (!vm->model) {
        gone(vm);
        return;
    }
    stop_waiting(vm->model);
    vm->model->on_ready = NULL;
    vm->model->on_gone = gone;
    pidfd_send_signal(vm->model->process.pidfd, SIGTERM, NULL, 0);
    set_deadline(vm, END_S);
}

/* Whether that process was started for this VM. */
static bool is_ours(const struct vm *vm, pid_t pid)
{
    char path[32], line[1024];
    char *name = text("xenvm-%s", vm->uuid);

    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, line, sizeof(line));
    bool ours = got > 0 && memmem(line, (size_t)got, name, strlen(name) + 1);

    if (fd >= 0)
        close(fd);
    free(name);
    return ours;
}

void device_model_adopt(struct vm *vm, pid_t pid)
{
    const struct process process = { pid, pid > 0 ? pidfd_open(pid, 0) : -1 };

    if (process.pidfd < 0)
        return;
    if (!is_ours(vm, pid)) {
        close(process.pidfd);
        return;
    }
    take_in(vm, &process)->ready = true;
    log_trace("qemu %d: taken over", (int)pid);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/device_model.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/control.h"
#include "monitor/devices.h"
#include "monitor/files.h"
#include "monitor/guest.h"
#include "monitor/listeners.h"
#include "monitor/log.h"
#include "monitor/machine.h"
#include "monitor/model_log.h"
#include "monitor/model_order.h"
#include "monitor/model_state.h"
#include "monitor/model_wake.h"
#include "monitor/process.h"
#include "monitor/qmp.h"
#include "monitor/util.h"
#include "monitor/vm.h"

enum { END_S = 10, MODEL_FDS = 5 + MODEL_FILES_MAX };

struct device_model {
    struct process process;
    uint32_t domid;
    bool ready;
    bool late;     /* not ready in time, and killed for it */
    bool incoming; /* the machine's state is still being read */
    int log_fd;    /* of inotify */
    struct event *log_event;
    struct event *exit_event;
    struct qmp *qmp;        /* NULL: none yet, or it is no HVM guest's */
    struct store_wait wait; /* for its beginning, or for its end */
    void (*on_ready)(struct vm *vm, struct failure *failure);
    void (*on_gone)(struct vm *vm);
};

static void on_log(evutil_socket_t fd, short what, void *arg)
{
    struct vm *vm = arg;
    char events[512];

    while (read(vm->model->log_fd, events, sizeof(events)) > 0)
        ;
    devices_hear(vm);
    model_log_bound(vm);
}

/* Has on_log() called when there is more in the log. */
static void follow_log(struct vm *vm)
{
    struct device_model *model = vm->model;
    char *path = model_log_path(vm);

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

static void state_path(uint32_t domid, char path[STORE_PATH_SIZE])
{
    snprintf(path, STORE_PATH_SIZE, "/local/domain/0/device-model/%u", domid);
}

/* What the domain's device model has in xenstore and in the file system, if anything. */
static void remove_traces(const struct vm *vm, uint32_t domid)
{
    char *log = model_log_path(vm), *socket = model_socket(vm), *root = model_root(vm);
    char path[STORE_PATH_SIZE];

    state_path(domid, path);
    store_remove(vm->store, path);
    unlink(log);
    unlink(socket);
    rmdir(root);
    free(log);
    free(socket);
    free(root);
}

/* It is no more. */
static void forget(struct vm *vm)
{
    struct device_model *model = vm->model;

    vm->model = NULL; /* what has not been answered ends here, and may look */
    store_end_wait(&model->wait);
    qmp_close(model->qmp);
    remove_traces(vm, model->domid);
    if (model->log_event)
        event_free(model->log_event);
    if (model->log_fd >= 0)
        close(model->log_fd);
    event_free(model->exit_event);
    close(model->process.pidfd);
    free(model);
}

struct qmp *device_model_qmp(const struct vm *vm)
{
    return vm->model ? vm->model->qmp : NULL;
}

/*
 * It ended by itself: whoever waits for it hears of it, or else all do. A guest whose machine has
 * gone would wait for ever for its next access to a device: it has crashed. Takes the failure.
 */
static void lost(struct vm *vm, void (*ready)(struct vm *, struct failure *),
                 struct failure *failure)
{
    if (ready) {
        ready(vm, failure);
        return;
    }
    log_error("%s", failure->text);
    vm_tell_error(vm, failure);
    devices_give_up(vm, failure->text);
    failure_free(failure);
    vm->model_lost = true;
    device_model_check(vm);
}

void device_model_check(struct vm *vm)
{
    if (vm->model_lost && vm->config->type == GUEST_HVM && vm->domid != DOMID_INVALID)
        domain_crash(vm->xch, vm->domid);
}

static void on_exit_of(evutil_socket_t fd, short what, void *arg)
{
    struct vm *vm = arg;
    struct device_model *model = vm->model;
    void (*gone)(struct vm *) = model->on_gone;
    void (*ready)(struct vm *, struct failure *) = model->on_ready;
    char *cause = model_log_cause(vm);
    bool late = model->late;
    siginfo_t info = { 0 };

    /* Fails where it was taken over: then it is not our child. */
    waitid(P_PIDFD, (id_t)model->process.pidfd, &info, WEXITED | WNOHANG);
    forget(vm);
    if (gone)
        gone(vm);
    else
        lost(vm, ready,
             late ? fail(RPC_TIMED_OUT, "qemu was not ready in %lld s", vm->config->qemu_dm_timeout)
                  : fail(RPC_FAILED, "qemu has ended: %s", cause));
    free(cause);
}

static void end_beginning(struct vm *vm, struct failure *failure)
{
    struct device_model *model = vm->model;
    void (*ready)(struct vm *, struct failure *) = model->on_ready;

    store_end_wait(&model->wait);
    model->on_ready = NULL;
    model->ready = !failure;
    if (ready)
        ready(vm, failure);
    else
        failure_free(failure);
}

static void put_node(const struct vm *vm, const char *node, const char *value)
{
    char *path = text("/local/domain/%u/%s", vm->domid, node);

    failure_free(value ? store_write(vm->store, path, value) : NULL);
    free(path);
}

/* Where it has gone, the end of its process says why. */
static void give_up(struct vm *vm, struct failure *failure)
{
    if (vm->model && vm->model->qmp)
        end_beginning(vm, failure);
    else
        failure_free(failure);
}

static void on_display(void *arg, const json_t *result, struct failure *failure)
{
    struct vm *vm = arg;

    if (json_is_true(json_object_get(result, "enabled"))) {
        put_node(vm, "console/vnc-listen", json_string_value(json_object_get(result, "host")));
        put_node(vm, "console/vnc-port", json_string_value(json_object_get(result, "service")));
    }
    if (!failure)
        end_beginning(vm, NULL);
    else
        give_up(vm, failure);
}

/* Where the serial port leads: "pty:/dev/pts/3". */
static void on_ports(void *arg, const json_t *result, struct failure *failure)
{
    static const char pty[] = "pty:";
    struct vm *vm = arg;
    const json_t *port;
    size_t i;

    json_array_foreach(result, i, port)
    {
        const char *label = json_string_value(json_object_get(port, "label"));
        const char *place = json_string_value(json_object_get(port, "filename"));

        if (label && place && !strcmp(label, "serial0") && !strncmp(place, pty, strlen(pty)))
            put_node(vm, "serial/0/tty", place + strlen(pty));
    }
    if (!failure)
        qmp_send(vm->model->qmp, "query-vnc", NULL, on_display, vm);
    else
        give_up(vm, failure);
}

/* The machine is there, and runs as far as qemu can tell. */
static void machine_runs(struct vm *vm)
{
    qmp_send(vm->model->qmp, "query-chardev", NULL, on_ports, vm);
}

static void on_status(void *arg, const json_t *result, struct failure *failure)
{
    struct vm *vm = arg;

    if (failure)
        give_up(vm, failure);
    else if (json_is_true(json_object_get(result, "running")))
        machine_runs(vm);
    else
        vm->model->incoming = true;
}

static void on_event(void *arg, const char *name, const json_t *data)
{
    struct vm *vm = arg;

    log_trace("qemu: %s", name);
    if (!strcmp(name, "RTC_CHANGE"))
        listeners_tell(vm->listeners, TELL_SET, "rtc:%" JSON_INTEGER_FORMAT,
                       json_integer_value(json_object_get(data, "offset")));
    if (!strcmp(name, "SUSPEND"))
        guest_sleeps(vm);
    if (!strcmp(name, "WAKEUP"))
        model_wake(vm, vm->model->qmp);
    if (!strcmp(name, "RESUME") && vm->model->incoming) {
        vm->model->incoming = false;
        machine_runs(vm);
    }
}

/* It may have gone to sleep, or have been woken, when no monitor was there. */
static void on_status_found(void *arg, const json_t *result, struct failure *failure)
{
    const char *status = json_string_value(json_object_get(result, "status"));
    bool sleeps = status && !strcmp(status, "suspended");
    struct vm *vm = arg;

    failure_log(failure);
    if (sleeps)
        guest_sleeps(vm);
    else if (status &&
             (vm->sleep.paused == SLEEP_IS_WOKEN || machine_acpi_state(vm->xch, vm->domid) != 0))
        model_wake(vm, vm->model->qmp);
}

static void on_lost(void *arg)
{
    struct vm *vm = arg;

    /* It has ended, which its process says; or else nobody hears it any more. */
    struct qmp *qmp = vm->model->qmp;

    vm->model->qmp = NULL;
    qmp_close(qmp);
}

static struct failure *open_qmp(struct vm *vm)
{
    const struct qmp_handlers handlers = { on_event, on_lost, vm };
    char *path = model_socket(vm);
    struct failure *failure = qmp_open(&vm->model->qmp, vm->base, path, &handlers);

    free(path);
    return failure;
}

static void on_state(void *arg)
{
    struct vm *vm = arg;
    struct device_model *model = vm->model;
    char path[STORE_PATH_SIZE];

    state_path(model->domid, path);
    char *state = store_read(vm->store, "%s/state", path);
    bool running = state && !strcmp(state, "running");
    free(state);
    if (running)
        end_beginning(vm, NULL);
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

/* What qemu listens on for us: from the first moment on, and also where it may make no files. */
static struct failure *listen_for_qmp(const struct vm *vm, int *listener)
{
    char *path = model_socket(vm);
    int low;
    struct failure *failure = files_listen_at(path, &low);

    free(path);
    if (failure)
        return failure;
    *listener = process_raise_fd(low);
    return *listener < 0 ? fail(RPC_FAILED, "cannot start qemu: %s", strerror(errno)) : NULL;
}

/* Its standard streams, and a third descriptor for an HVM guest's; -1 for what is not open. */
static struct failure *open_files(const struct vm *vm, int *null, int *log, int *listener)
{
    char *path = model_log_path(vm);
    struct failure *failure = NULL;

    *listener = -1;
    *null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    *log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*null < 0 || *log < 0)
        failure = fail(RPC_FAILED, "cannot start qemu: %s: %s", path, strerror(errno));
    else if (vm->config->type == GUEST_HVM)
        failure = listen_for_qmp(vm, listener);
    free(path);
    return failure;
}

static void close_file(int fd)
{
    if (fd >= 0)
        close(fd);
}

static struct failure *spawn_with(struct vm *vm, struct process *process,
                                  const struct model_order *order, struct process_fd *fds,
                                  size_t count)
{
    char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    char *const environment[] = { path, NULL };

    if (model_state_comes(vm)) {
        lseek(vm->operation->model_fd, 0, SEEK_SET);
        fds[count++] = (struct process_fd){ vm->operation->model_fd, MODEL_STATE_FD };
    }
    for (size_t i = 0; i < order->file_count; i++)
        fds[count++] = order->files[i];
    return process_start(process, order->words[0], order->words, environment, fds, count,
                         PROCESS_SESSION);
}

/* Where it shall see nothing. */
static struct failure *make_root(const struct vm *vm)
{
    struct failure *failure = NULL;
    char *root = model_root(vm);

    if (vm->config->qemu_dm_user && mkdir(root, 0755) < 0 && errno != EEXIST)
        failure = fail(RPC_FAILED, "cannot start qemu: %s: %s", root, strerror(errno));
    free(root);
    return failure;
}

static struct failure *spawn(struct vm *vm, struct process *process)
{
    int null, log, listener;
    struct model_order order = { 0 };
    struct failure *failure = open_files(vm, &null, &log, &listener);
    struct process_fd fds[MODEL_FDS] = { { null, STDIN_FILENO },
                                         { log, STDOUT_FILENO },
                                         { log, STDERR_FILENO },
                                         { listener, MODEL_QMP_FD } };

    if (!failure)
        failure = make_root(vm);
    if (!failure)
        failure = model_order(&order, vm);
    if (!failure)
        failure = spawn_with(vm, process, &order, fds, listener < 0 ? 3 : 4);
    if (failure)
        remove_traces(vm, vm->domid);
    model_order_free(&order);
    close_file(null);
    close_file(log);
    close_file(listener);
    return failure;
}

struct failure *device_model_start(struct vm *vm,
                                   void (*ready)(struct vm *vm, struct failure *failure))
{
    char node[STORE_PATH_SIZE];
    struct process process = { 0, -1 };
    struct failure *failure = spawn(vm, &process);

    if (failure)
        return failure;
    struct device_model *model = take_in(vm, &process);
    log_trace("qemu %d: for domain %u", (int)process.pid, vm->domid);
    model->on_ready = ready;
    state_path(model->domid, node);
    vm_set_state(vm, vm->state); /* for the record */
    bool is_hvm = vm->config->type == GUEST_HVM;
    store_wait(vm->store, &model->wait, is_hvm ? NULL : node, on_state,
               (int)vm->config->qemu_dm_timeout, on_deadline, vm);
    if (!is_hvm)
        return NULL;
    failure = open_qmp(vm);
    if (!failure) {
        qmp_send(model->qmp, "query-status", NULL, on_status, vm);
        return NULL;
    }
    model->on_ready = NULL;
    pidfd_send_signal(process.pidfd, SIGKILL, NULL, 0);
    return failure;
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
    vm->model->on_ready = NULL;
    vm->model->on_gone = gone;
    pidfd_send_signal(vm->model->process.pidfd, SIGTERM, NULL, 0);
    store_wait(vm->store, &vm->model->wait, NULL, NULL, END_S, on_deadline, vm);
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
    bool there = process.pidfd >= 0 && is_ours(vm, pid);

    vm->model_lost = pid > 0 && !there;
    if (vm->model_lost)
        remove_traces(vm, vm->domid);
    if (!there) {
        close_file(process.pidfd);
        return;
    }
    take_in(vm, &process)->ready = true;
    log_trace("qemu %d: taken over", (int)pid);
    if (vm->config->type != GUEST_HVM)
        return;
    struct failure *failure = open_qmp(vm);
    if (!failure)
        qmp_send(vm->model->qmp, "query-status", NULL, on_status_found, vm);
    failure_log(failure);
}

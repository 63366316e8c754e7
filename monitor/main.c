/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config/allow.h"
#include "config/keys.h"
#include "config/value.h"
#include "monitor/commands.h"
#include "monitor/configs.h"
#include "monitor/control.h"
#include "monitor/files.h"
#include "monitor/idle.h"
#include "monitor/listeners.h"
#include "monitor/log.h"
#include "monitor/notify.h"
#include "monitor/options.h"
#include "monitor/record.h"
#include "monitor/sequences.h"
#include "monitor/startup.h"
#include "monitor/state_hooks.h"
#include "monitor/util.h"

static int parent_fd = -1; /* where a daemon says that it is ready */
static bool failed;
static bool ready; /* the VM has come to the state that was asked for */

/* Prints what the configuration's reader had to say. */
static struct vm_config *load(const char *path, unsigned int flags)
{
    struct config_report report;
    struct vm_config *config = config_load(path, flags, &report);

    for (size_t i = 0; i < report.count; i++)
        fprintf(stderr, "xenvm: %s%s\n",
                report.messages[i].level == CONFIG_WARNING ? "warning: " : "",
                report.messages[i].text);
    config_report_free(&report);
    return config;
}

/* The same with what is kept of the VM, which is known by its UUID. */
static bool load_all(struct vm *vm)
{
    struct config_report report;
    bool loaded = configs_load(vm, &report);

    for (size_t i = 0; i < report.count; i++)
        if (report.messages[i].level == CONFIG_ERROR) /* warnings have been told */
            fprintf(stderr, "xenvm: %s\n", report.messages[i].text);
    config_report_free(&report);
    return loaded;
}

/*
 * The VM's file has become wrong since its last monitor read it, and that one has died. A guest
 * is not to be without a monitor for it: this one begins with what that one had read.
 */
static bool stand_in(struct vm *vm, const struct options *options)
{
    vm->stand_in = options->check ? NULL : files_last_read(options->name);
    if (vm->stand_in)
        fprintf(stderr,
                "xenvm: warning: the VM's last monitor has died; this one takes %s as that one had "
                "read it, until it is right again\n",
                options->config_path);
    return vm->stand_in;
}

/* The configuration that says which VM it is. */
static void load_file(struct vm *vm, const struct options *options)
{
    vm->config_flags = options->lenient ? CONFIG_LENIENT : 0;
    vm->config = load(options->config_path, vm->config_flags);
    if (!vm->config && stand_in(vm, options))
        vm->config = load(vm->stand_in, vm->config_flags);
    if (!vm->config)
        exit(1);
}

/* Takes the UUID from the file, the command line, or nowhere; a new one is printed. */
static void choose_uuid(struct vm *vm, const struct options *options)
{
    bool in_file = !uuid_is_null(vm->config->uuid);

    if (in_file && options->uuid_given && uuid_compare(vm->config->uuid, options->uuid) != 0) {
        fprintf(stderr, "xenvm: --uuid: %s names another UUID\n", options->config_path);
        exit(2);
    }
    if (!in_file && !options->uuid_given &&
        (notify_wanted() || options->exit_on_shutdown || vm->after)) {
        fprintf(stderr,
                "xenvm: %s: uuid: missing, accepted: one that the next monitor finds the VM by, "
                "and what is kept of it (uuidgen makes one)\n",
                options->config_path);
        exit(1);
    }
    if (in_file)
        uuid_copy(vm->uuid_bytes, vm->config->uuid);
    else if (options->uuid_given)
        uuid_copy(vm->uuid_bytes, options->uuid);
    else
        uuid_generate(vm->uuid_bytes);
    uuid_unparse_lower(vm->uuid_bytes, vm->uuid);
    if (!in_file && !options->uuid_given) {
        printf("%s\n", vm->uuid);
        fflush(stdout);
    }
}

/* Takes the name from the file or the command line, or else the UUID. */
static void choose_name(struct vm *vm, const struct options *options)
{
    struct vm_config *config = vm->config;
    const char *name = options->name;

    if (name && config->name && strcmp(config->name, name) != 0) {
        fprintf(stderr, "xenvm: --name %s: %s has name = %s\n", name, options->config_path,
                config->name);
        exit(2);
    }
    char *wrong = name ? config_value_set(config_key_find("name"), config, name) : NULL;
    if (wrong) {
        fprintf(stderr, "xenvm: --name: %s\n", wrong);
        exit(2);
    }
    vm->name = copy_text(config->name ? config->name : vm->uuid);
}

/* The parent's part: waits until the daemon is ready, or has failed and said why. */
static int wait_for_daemon(int fd)
{
    char status = 1;
    ssize_t got;

    do
        got = read(fd, &status, 1);
    while (got < 0 && errno == EINTR);
    if (got != 1)
        fprintf(stderr, "xenvm: the monitor died while it was starting\n");
    return got == 1 ? status : 1;
}

static void daemonize(void)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0) {
        perror("xenvm: pipe");
        exit(1);
    }
    pid_t pid = fork();
    if (pid < 0) {
        perror("xenvm: fork");
        exit(1);
    }
    if (pid > 0) {
        close(ends[1]);
        exit(wait_for_daemon(ends[0]));
    }
    close(ends[0]);
    parent_fd = ends[1];
    setsid();
    if (chdir("/") < 0)
        log_warning("cannot change to /: %s", strerror(errno));
}

static void tell_parent(char status)
{
    if (parent_fd < 0)
        return;
    if (write(parent_fd, &status, 1) != 1)
        log_warning("the process that started the monitor has gone");
    close(parent_fd);
    parent_fd = -1;
}

/* Nobody reads a daemon's standard error once the shell has its prompt back. */
static void leave_terminal(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0)
        return;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    close(null);
}

static void settled(struct vm *vm, bool ok)
{
    if (!ok) {
        failed = true;
        vm_quit(vm);
    }
    idle_soon();
    ready = ok;
    if (ok)
        notify("READY=1\nSTATUS=%s", state_name(vm->state));
    if (ok && parent_fd >= 0) {
        log_quiet();
        leave_terminal();
        tell_parent(0);
    }
}

/* A service that is stopped before it was ready has no guest yet, and is not to leave one. */
static bool take_back_start(struct vm *vm)
{
    const struct operation *operation = vm->operation;

    if (ready || !notify_wanted() || !operation ||
        (operation->kind != OP_START && operation->kind != OP_RESTORE))
        return false;
    stop_destroy(vm, NULL);
    return true;
}

/* The second one does not wait for hooks. */
static void on_quit_signal(evutil_socket_t signal, short what, void *arg)
{
    struct vm *vm = arg;

    if (vm->quitting)
        state_hooks_give_up(vm->state_hooks);
    log_info("%s: ending, %s", strsignal((int)signal),
             take_back_start(arg) ? "and the start is taken back" : "the VM stays as it is");
    vm_quit(arg);
}

static void on_hangup(evutil_socket_t signal, short what, void *arg)
{
    if (ready)
        notify("RELOADING=1");
    struct failure *failure = configs_read(arg, NULL);

    if (failure)
        log_error("the configuration stays as it was: %s", failure->text);
    failure_free(failure);
    if (ready)
        notify("READY=1");
}

static void catch_signals(struct vm *vm)
{
    static const struct {
        int signal;
        event_callback_fn handler;
    } signals[] = {
        { SIGTERM, on_quit_signal },
        { SIGINT, on_quit_signal },
        { SIGHUP, on_hangup },
    };

    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        event_add(need(evsignal_new(vm->base, signals[i].signal, signals[i].handler, vm)), NULL);
}

/* A thousand clients need more descriptors than a shell gives. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* Of those who listen, and of the clients. */
static void hang_up(struct vm *vm)
{
    listeners_tell(vm->listeners, TELL_HUP, "hup");
    listeners_close(vm->listeners);
    control_close(vm->control);
}

/*
 * Where the last monitor has died, its VM is not to be left alone because this one lacks something,
 * Xen as a rule: what the next try needs stays, as after a death.
 */
static bool is_to_try_again(const struct vm *vm, const struct failure *failure)
{
    return failure->code != RPC_DENIED && record_is_there(vm);
}

static struct failure *prepare(struct vm *vm)
{
    int listener;
    struct failure *failure = files_open_directory(vm);

    if (!failure)
        failure = files_lock(vm);
    if (failure)
        return failure;
    configs_tidy(vm);
    files_keep_read(vm);
    failure = files_open_trace(vm, vm->config);
    if (!failure)
        failure = files_listen(vm, &listener);
    if (failure) {
        if (!is_to_try_again(vm, failure))
            files_remove(vm);
        return failure;
    }
    vm->base = need(event_base_new());
    idle_init(vm->base);
    files_set_access(vm, &configs_lasting(vm)->allow);
    vm->control = control_open(vm->base, vm, listener, command_run);
    vm->listeners = listeners_open(vm->base, vm->uuid, &configs_lasting(vm)->notify);
    listeners_tell(vm->listeners, TELL_PING, "ping");
    vm->state_hooks = state_hooks_open(vm);
    catch_signals(vm);
    notify_start(vm->base);
    failure = vm_need_xen(vm);
    if (failure && vm->config->startup == STARTUP_SHUTDOWN && !vm->xch) {
        log_warning("%s", failure->text);
        failure_free(failure);
        failure = NULL;
    }
    if (failure) {
        listeners_tell(vm->listeners, TELL_ERROR, "error:%s", failure->text);
        hang_up(vm);
        if (!is_to_try_again(vm, failure))
            files_remove(vm);
    }
    return failure;
}

/* Whether a new monitor would have to know something that Xen can't tell it. */
static bool has_to_remember(const struct vm *vm)
{
    return vm->domid != DOMID_INVALID || vm->operation;
}

static void end(struct vm *vm, int status)
{
    notify("STOPPING=1");
    hang_up(vm);
    if (!has_to_remember(vm))
        record_remove(vm);
    if (status != MONITOR_AGAIN)
        files_remove(vm);
    log_info("the monitor ends");
}

static int run(struct vm *vm)
{
    struct failure *failure = prepare(vm);
    int status = 0;

    if (failure) {
        status = is_to_try_again(vm, failure) ? MONITOR_AGAIN : 1;
        failure_log(failure);
        tell_parent((char)status);
        return status;
    }
    startup_begin(vm, settled);
    if (!vm_is_over(vm))
        event_base_dispatch(vm->base);
    if (failed)
        status = vm->domid != DOMID_INVALID ? MONITOR_AGAIN : 1;
    end(vm, status);
    tell_parent((char)status);
    return status;
}

/* What --check has to say beyond the file. */
static int check_host(const struct vm *vm, const struct options *options)
{
    const struct config_texts *allow = &vm->config->allow;
    struct allow_rule rule;
    int status = 0;

    for (size_t i = 0; i < allow->count; i++) {
        char *wrong = allow_read(allow->list[i], &rule);

        if (wrong) {
            fprintf(stderr, "xenvm: %s: allow: %s\n", options->config_path, wrong);
            status = 1;
        }
        free(wrong);
    }
    return status;
}

/* Ends by exit, not by return: what main holds is then no leak to LeakSanitizer. */
int main(int argc, char **argv)
{
    struct vm vm = { .state = VM_SHUTDOWN, .domid = DOMID_INVALID };
    struct options options;

    options_parse(argc, argv, &options);
    load_file(&vm, &options);
    if (options.check)
        exit(check_host(&vm, &options));
    notify_init(!options.daemonize);
    choose_uuid(&vm, &options);
    choose_name(&vm, &options);
    vm.config_path = copy_text(options.config_path);
    vm.exit_on_shutdown = options.exit_on_shutdown;
    if (!load_all(&vm) && (vm.stand_in || !stand_in(&vm, &options) || !load_all(&vm)))
        exit(1);
    raise_descriptor_limit();
    /* A lock or a pipe of the caller's is not to be held for as long as the VM lives. */
    close_range(STDERR_FILENO + 1, ~0U, 0);
    if (options.daemonize)
        daemonize();
    log_open(vm.uuid, options.daemonize ? LOG_STDERR_WARNINGS
                      : notify_wanted() ? LOG_STDERR_NOTHING
                                        : LOG_STDERR_ALL);
    exit(run(&vm));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/log.h"
#include "monitor/process.h"
#include "monitor/util.h"

enum { MAX_FDS = 3, ORPHAN_WAIT_MS = 10000 };

struct child {
    struct process process;
    int channel;
    struct event *channel_event;
    struct event *exit_event;
    struct child_events events;
    struct failure *failure; /* what the worker said of it */
    bool reported;           /* `ended` has been called */
};

static void child_free(struct child *child)
{
    event_free(child->channel_event);
    event_free(child->exit_event);
    close(child->channel);
    close(child->process.pidfd);
    failure_free(child->failure);
    free(child);
}

static void handle(struct child *child, const struct message *message)
{
    const char *verb = message_verb(message);

    if (child->reported)
        return;
    if (!strcmp(verb, "progress")) {
        child->events.progress(message_number(message, "done", 0),
                               message_number(message, "total", 0),
                               message_number(message, "pass", 0), child->events.arg);
    } else if (!strcmp(verb, "failed") && !child->failure) {
        const char *why = message_get(message, "text");

        child->failure = fail(RPC_FAILED, "%s", why ? why : "the worker gives no cause");
    } else if (!strcmp(verb, "done")) {
        log_trace("worker %d: done", (int)child->process.pid);
        child->reported = true;
        child->events.ended(message, NULL, child->events.arg);
    } else {
        child->events.message(child, message, child->events.arg);
    }
}

/* True while there may be more. */
static bool read_message(struct child *child)
{
    static struct message message;
    int got = message_receive(child->channel, &message, MSG_DONTWAIT);

    if (got <= 0) {
        if (got != -EAGAIN)
            event_del(child->channel_event); /* its exit says the rest */
        return false;
    }
    handle(child, &message);
    return true;
}

static void on_channel(evutil_socket_t fd, short what, void *arg)
{
    read_message(arg); /* one at a time: a handler may have ended everything */
}

static struct failure *exit_failure(const siginfo_t *info)
{
    if (info->si_code == CLD_EXITED)
        return fail(RPC_FAILED, "the worker ended with status %d and gave no cause",
                    info->si_status);
    return fail(RPC_FAILED, "the worker died: %s", strsignal(info->si_status));
}

static void on_exit_of(evutil_socket_t fd, short what, void *arg)
{
    struct child *child = arg;
    siginfo_t info = { 0 };

    if (waitid(P_PIDFD, (id_t)child->process.pidfd, &info, WEXITED | WNOHANG) < 0 ||
        info.si_pid == 0)
        return;
    while (event_pending(child->channel_event, EV_READ, NULL) && read_message(child))
        ;

    if (!child->reported) {
        struct failure *failure = child->failure ? child->failure : exit_failure(&info);

        child->failure = NULL;
        log_trace("worker %d: %s", (int)child->process.pid, failure->text);
        child->events.ended(NULL, failure, child->events.arg);
    }
    child_free(child);
}

static const char *worker_path(void)
{
    const char *path = getenv("XENVM_WORKER");

    return path ? path : XENVM_LIBEXECDIR "/xenvm-worker";
}

static struct failure *spawn(struct process *process, int channel, const int *fds, size_t count)
{
    char *const argv[] = { (char *)(uintptr_t) "xenvm-worker", NULL };
    struct process_fd plan[MAX_FDS + 1] = { { channel, WORKER_CHANNEL_FD } };

    for (size_t i = 0; i < count; i++)
        plan[i + 1] = (struct process_fd){ fds[i], WORKER_FIRST_FD + (int)i };
    return process_start(process, worker_path(), argv, environ, plan, count + 1, 0);
}

/* Starts a worker; `*channel` is the parent's end of what they talk over. */
static struct failure *spawn_with_channel(struct process *process, int *channel, const int *fds,
                                          size_t count)
{
    struct failure *failure = NULL;
    int pair[2], high[MAX_FDS + 1];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return process_cannot_start(worker_path(), errno);
    for (size_t i = 0; i <= count; i++) {
        high[i] = process_high_fd(i < count ? fds[i] : pair[1]);
        if (high[i] < 0 && !failure)
            failure = process_cannot_start(worker_path(), errno);
    }
    if (!failure)
        failure = spawn(process, high[count], high, count);
    for (size_t i = 0; i <= count; i++)
        if (high[i] >= 0)
            close(high[i]);
    close(pair[1]);
    if (failure)
        close(pair[0]);
    *channel = pair[0];
    return failure;
}

struct failure *child_start(struct child **result, struct event_base *base,
                            const struct message *order, const int *fds, size_t count,
                            const struct child_events *events)
{
    struct process process = { 0, -1 };
    int channel = -1;
    struct failure *failure = spawn_with_channel(&process, &channel, fds, count);

    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    if (failure)
        return failure;
    struct child *child = need(calloc(1, sizeof(*child)));
    child->process = process;
    child->channel = channel;
    child->events = *events;
    child->channel_event = need(event_new(base, channel, EV_READ | EV_PERSIST, on_channel, child));
    child->exit_event =
        need(event_new(base, child->process.pidfd, EV_READ | EV_PERSIST, on_exit_of, child));
    event_add(child->channel_event, NULL);
    event_add(child->exit_event, NULL);
    log_trace("worker %d: %s", (int)process.pid, message_verb(order));
    child_send(child, order);
    *result = child;
    return NULL;
}

void child_send(struct child *child, const struct message *message)
{
    int error = message_send(child->channel, message);

    if (error == -EMSGSIZE)
        child_kill(child);
}

void child_kill(struct child *child)
{
    if (child)
        pidfd_send_signal(child->process.pidfd, SIGKILL, NULL, 0);
}

pid_t child_pid(const struct child *child)
{
    return child->process.pid;
}

static bool is_worker(pid_t pid)
{
    char path[32], name[32] = "";
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    file = fopen(path, "re");
    if (!file)
        return false;
    bool same = fgets(name, sizeof(name), file) && !strncmp(name, "xenvm-worker", 12);
    fclose(file);
    return same;
}

void child_kill_orphan(pid_t pid)
{
    struct pollfd wait = { .events = POLLIN };

    if (pid <= 0)
        return;
    wait.fd = pidfd_open(pid, 0);
    if (wait.fd < 0)
        return;
    if (is_worker(pid)) {
        log_warning("ending worker %d, which an earlier monitor left", (int)pid);
        pidfd_send_signal(wait.fd, SIGKILL, NULL, 0);
        poll(&wait, 1, ORPHAN_WAIT_MS);
    }
    close(wait.fd);
}

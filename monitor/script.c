/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/script.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/log.h"
#include "monitor/process.h"
#include "monitor/util.h"

enum { SAID_MAX = 500, MAX_ENVIRONMENT = 8, OWN_FDS = 3 };

struct script {
    struct process process;
    bool foreign;
    int output; /* -1: what it prints is nobody's */
    char *name;
    bool named;              /* it is part of every failure */
    char said[SAID_MAX + 1]; /* the end of what it printed */
    size_t length;
    bool late;
    struct event *exit_event, *output_event, *deadline;
    script_ended *ended;
    void *arg;
};

static void script_free(struct script *script)
{
    event_free(script->exit_event);
    if (script->output_event)
        event_free(script->output_event);
    event_free(script->deadline);
    close(script->process.pidfd);
    if (script->output >= 0)
        close(script->output);
    free(script->name);
    free(script);
}

/* Keeps the last of it. */
static void keep(struct script *script, const char *bytes, size_t count)
{
    if (count > SAID_MAX) {
        bytes += count - SAID_MAX;
        count = SAID_MAX;
    }
    if (script->length + count > SAID_MAX) {
        size_t over = script->length + count - SAID_MAX;

        memmove(script->said, script->said + over, script->length - over);
        script->length -= over;
    }
    memcpy(script->said + script->length, bytes, count);
    script->length += count;
    script->said[script->length] = '\0';
}

static void on_output(evutil_socket_t fd, short what, void *arg)
{
    struct script *script = arg;
    char bytes[1024];
    ssize_t got;

    while ((got = read(script->output, bytes, sizeof(bytes))) > 0)
        keep(script, bytes, (size_t)got);
    if (got == 0 || (errno != EAGAIN && errno != EINTR))
        event_del(script->output_event);
}

/* The last line that it printed, or an empty string. */
static const char *last_line(struct script *script)
{
    char *end = script->said + script->length;

    while (end > script->said && isspace((unsigned char)end[-1]))
        *--end = '\0';
    char *newline = strrchr(script->said, '\n');
    char *last = newline ? newline + 1 : script->said;
    make_line(last);
    return last;
}

static struct failure *judge(struct script *script, const siginfo_t *info)
{
    const char *said = last_line(script);

    if (script->late)
        return fail(RPC_TIMED_OUT, "%s took too long", script->name);
    if (info->si_code != CLD_EXITED)
        return fail(RPC_FAILED, "%s died: %s", script->name, strsignal(info->si_status));
    if (info->si_status == 0)
        return NULL;
    if (*said && script->named)
        return fail(RPC_FAILED, "%s: %s", script->name, said);
    if (*said)
        return fail(RPC_FAILED, "%s", said);
    return fail(RPC_FAILED, "%s ended with status %d", script->name, info->si_status);
}

/* Also of one that has ended, but not been waited for: its group is still its own. */
static void kill_all(const struct script *script)
{
    if (script->foreign)
        kill(-script->process.pid, SIGKILL);
    else
        pidfd_send_signal(script->process.pidfd, SIGKILL, NULL, 0);
}

static void on_exit_of(evutil_socket_t fd, short what, void *arg)
{
    struct script *script = arg;
    siginfo_t info = { 0 };

    if (script->foreign)
        kill_all(script);
    if (waitid(P_PIDFD, (id_t)script->process.pidfd, &info, WEXITED | WNOHANG) < 0 ||
        info.si_pid == 0)
        return;
    if (script->output >= 0)
        on_output(script->output, EV_READ, script);
    struct failure *failure = judge(script, &info);
    script_ended *ended = script->ended;
    void *owner = script->arg;
    script_free(script);
    if (ended)
        ended(failure, owner);
    else
        failure_free(failure);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct script *script = arg;

    script->late = true;
    kill_all(script);
}

static struct failure *spawn(struct process *process, const struct script_order *order, int output)
{
    static const char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    const char *all[MAX_ENVIRONMENT + 2] = { path };
    struct process_fd fds[OWN_FDS + SCRIPT_FDS_MAX];
    int null = open("/dev/null", (order->foreign ? O_RDWR : O_RDONLY) | O_CLOEXEC);

    if (null < 0)
        return process_cannot_start(order->argv[0], errno);
    for (size_t i = 0; i < MAX_ENVIRONMENT && order->environment[i]; i++)
        all[i + 1] = order->environment[i];
    fds[0] = (struct process_fd){ null, STDIN_FILENO };
    fds[1] = (struct process_fd){ order->foreign ? null : output, STDOUT_FILENO };
    fds[2] = (struct process_fd){ order->foreign ? null : output, STDERR_FILENO };
    for (size_t i = 0; i < order->fd_count; i++)
        fds[OWN_FDS + i] = (struct process_fd){ order->fds[i], SCRIPT_FIRST_FD + (int)i };
    struct failure *failure =
        process_start(process, order->argv[0], (char *const *)(uintptr_t)order->argv,
                      (char *const *)(uintptr_t)all, fds, OWN_FDS + order->fd_count,
                      order->foreign ? PROCESS_GROUP : 0);
    close(null);
    return failure;
}

static struct script *new_script(const struct script_order *order, const struct process *process,
                                 int output)
{
    struct script *script = need(calloc(1, sizeof(*script)));

    script->process = *process;
    script->foreign = order->foreign;
    script->output = output;
    script->named = order->name != NULL;
    script->name = copy_text(order->name ? order->name : order->argv[0]);
    return script;
}

static void follow_output(struct script *script, struct event_base *base)
{
    if (script->output < 0)
        return;
    fcntl(script->output, F_SETFL, O_NONBLOCK);
    script->output_event =
        need(event_new(base, script->output, EV_READ | EV_PERSIST, on_output, script));
    event_add(script->output_event, NULL);
}

struct failure *script_start(struct script **result, struct event_base *base,
                             const struct script_order *order, script_ended *ended, void *arg)
{
    struct timeval wait = { .tv_sec = order->seconds };
    const char *const *argv = order->argv;
    struct process process = { 0, -1 };
    int ends[2] = { -1, -1 };

    if (!order->foreign && pipe2(ends, O_CLOEXEC) < 0)
        return process_cannot_start(argv[0], errno);
    struct failure *failure = spawn(&process, order, ends[1]);
    if (ends[1] >= 0)
        close(ends[1]);
    if (failure && ends[0] >= 0)
        close(ends[0]);
    if (failure)
        return failure;
    struct script *script = new_script(order, &process, ends[0]);
    script->ended = ended;
    script->arg = arg;
    script->exit_event =
        need(event_new(base, process.pidfd, EV_READ | EV_PERSIST, on_exit_of, script));
    script->deadline = need(evtimer_new(base, on_deadline, script));
    event_add(script->exit_event, NULL);
    follow_output(script, base);
    evtimer_add(script->deadline, &wait);
    log_trace("script %d: %s %s", (int)process.pid, argv[0], argv[1] ? argv[1] : "");
    *result = script;
    return NULL;
}

void script_cancel(struct script *script)
{
    if (!script)
        return;
    script->ended = NULL;
    kill_all(script);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/qmp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "monitor/log.h"
#include "monitor/util.h"

/* qemu's lines are short; what it says of its devices may be some KiB. */
enum { LINE_MAX_BYTES = 256 * 1024, READ_SIZE = 4096, ANSWER_S = 60 };

struct qmp_command {
    struct qmp_command *next;
    json_int_t id;
    char *text;
    int fd; /* that goes with it; -1: none */
    qmp_answered *answered;
    void *arg;
};

struct qmp {
    struct qmp_handlers handlers;
    int fd;
    struct event *readable, *deadline;
    char *line;
    size_t used, room;
    bool greeted;
    json_int_t serial;
    struct qmp_command *commands; /* not answered yet, the first one first */
    bool working, closed;         /* in here, and it is to be closed at the end */
};

static struct failure *connect_to(const char *path, int *fd)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof(address.sun_path))
        return fail(RPC_FAILED, "the path %s is too long for a socket", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd >= 0 && connect(*fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return NULL;
    struct failure *failure = fail(RPC_FAILED, "cannot talk to qemu: %s", strerror(errno));
    if (*fd >= 0)
        close(*fd);
    return failure;
}

/* The first of the commands is to be answered in time, if there are any. */
static void await_answer(struct qmp *qmp)
{
    static const struct timeval wait = { .tv_sec = ANSWER_S };

    if (qmp->commands && qmp->greeted)
        evtimer_add(qmp->deadline, &wait);
    else
        evtimer_del(qmp->deadline);
}

/* The socket holds far more than commands ever are; what it does not take, qemu is not hearing. */
static void transmit(struct qmp *qmp, const struct qmp_command *command)
{
    struct iovec text = { command->text, strlen(command->text) };
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = { 0 };
    struct msghdr message = { .msg_iov = &text, .msg_iovlen = 1 };

    if (command->fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &command->fd, sizeof(int));
    }
    if (sendmsg(qmp->fd, &message, MSG_NOSIGNAL) != (ssize_t)text.iov_len)
        log_warning("qemu does not take a command");
}

/* The command, which is the last one now. */
static const struct qmp_command *queue(struct qmp *qmp, const char *name, json_t *arguments, int fd,
                                       qmp_answered *answered, void *arg)
{
    struct qmp_command *command = need(calloc(1, sizeof(*command)));
    struct qmp_command **place = &qmp->commands;
    json_t *object = json_pack("{s:s, s:I}", "execute", name, "id", ++qmp->serial);

    if (!object || (arguments && json_object_set_new(object, "arguments", arguments) < 0))
        out_of_memory();
    char *json = need(json_dumps(object, JSON_COMPACT));
    command->text = text("%s\n", json);
    free(json);
    json_decref(object);
    command->id = qmp->serial;
    command->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
    command->answered = answered;
    command->arg = arg;
    while (*place)
        place = &(*place)->next;
    *place = command;
    return command;
}

static void send_with(struct qmp *qmp, const char *name, json_t *arguments, int fd,
                      qmp_answered *answered, void *arg)
{
    const struct qmp_command *command = queue(qmp, name, arguments, fd, answered, arg);

    if (qmp->greeted)
        transmit(qmp, command);
    if (command == qmp->commands)
        await_answer(qmp);
}

struct failure *qmp_send_file(struct qmp *qmp, const char *path, int mode, qmp_answered *answered,
                              void *arg)
{
    int fd = open(path, mode | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return fail(RPC_FAILED, "%s: %s", path, strerror(errno));
    send_with(qmp, "add-fd", NULL, fd, answered, arg);
    close(fd);
    return NULL;
}

char *qmp_file_name(const json_t *added, json_int_t *set)
{
    *set = json_integer_value(json_object_get(added, "fdset-id"));
    return text("/dev/fdset/%lld", (long long)*set);
}

void qmp_drop_file(struct qmp *qmp, json_int_t set)
{
    qmp_send(qmp, "remove-fd", json_pack("{s:I}", "fdset-id", set), NULL, NULL);
}

void qmp_send(struct qmp *qmp, const char *name, json_t *arguments, qmp_answered *answered,
              void *arg)
{
    send_with(qmp, name, arguments, -1, answered, arg);
}

static void free_command(struct qmp_command *command)
{
    if (command->fd >= 0)
        close(command->fd);
    free(command->text);
    free(command);
}

static void greet(struct qmp *qmp)
{
    qmp->greeted = true;
    for (const struct qmp_command *command = qmp->commands; command; command = command->next)
        transmit(qmp, command);
    await_answer(qmp);
}

static void take_answer(struct qmp *qmp, const json_t *object)
{
    json_int_t id = json_integer_value(json_object_get(object, "id"));
    const json_t *error = json_object_get(object, "error");
    const char *said = json_string_value(json_object_get(error, "desc"));
    struct qmp_command **place = &qmp->commands;

    while (*place && (*place)->id != id)
        place = &(*place)->next;
    struct qmp_command *command = *place;
    if (!command)
        return;
    *place = command->next;
    await_answer(qmp);
    if (command->answered)
        command->answered(command->arg, json_object_get(object, "return"),
                          error ? fail(RPC_FAILED, "qemu: %s", said ? said : "it gives no reason")
                                : NULL);
    free_command(command);
}

static void take_line(struct qmp *qmp, const char *line, size_t size)
{
    json_t *object = json_loadb(line, size, 0, NULL);
    const char *event = json_string_value(json_object_get(object, "event"));

    if (json_object_get(object, "QMP"))
        greet(qmp);
    else if (event)
        qmp->handlers.event(qmp->handlers.arg, event, json_object_get(object, "data"));
    else if (object)
        take_answer(qmp, object);
    json_decref(object);
}

/* All whole lines that are there. */
static void take_lines(struct qmp *qmp)
{
    char *end;

    qmp->working = true;
    while (!qmp->closed && (end = memchr(qmp->line, '\n', qmp->used))) {
        size_t size = (size_t)(end - qmp->line) + 1;
        char *line = need(malloc(size));

        memcpy(line, qmp->line, size);
        qmp->used -= size;
        memmove(qmp->line, end + 1, qmp->used);
        take_line(qmp, line, size);
        free(line);
    }
    qmp->working = false;
    if (qmp->closed)
        qmp_close(qmp);
}

static void lose(struct qmp *qmp)
{
    event_del(qmp->readable);
    evtimer_del(qmp->deadline);
    qmp->handlers.lost(qmp->handlers.arg);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    log_error("qemu has not answered for %d s", ANSWER_S);
    lose(arg);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct qmp *qmp = arg;

    if (qmp->room - qmp->used < READ_SIZE) {
        qmp->room += READ_SIZE;
        qmp->line = need(realloc(qmp->line, qmp->room));
    }
    ssize_t got = read(fd, qmp->line + qmp->used, qmp->room - qmp->used);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0 || qmp->used + (size_t)got > LINE_MAX_BYTES) {
        lose(qmp);
        return;
    }
    qmp->used += (size_t)got;
    take_lines(qmp);
}

struct failure *qmp_open(struct qmp **result, struct event_base *base, const char *path,
                         const struct qmp_handlers *handlers)
{
    int fd = -1;
    struct failure *failure = connect_to(path, &fd);

    if (failure)
        return failure;
    struct qmp *qmp = need(calloc(1, sizeof(*qmp)));
    qmp->handlers = *handlers;
    qmp->fd = fd;
    qmp->readable = need(event_new(base, fd, EV_READ | EV_PERSIST, on_readable, qmp));
    qmp->deadline = need(evtimer_new(base, on_deadline, qmp));
    event_add(qmp->readable, NULL);
    queue(qmp, "qmp_capabilities", NULL, -1, NULL, NULL);
    *result = qmp;
    return NULL;
}

void qmp_close(struct qmp *qmp)
{
    if (!qmp)
        return;
    qmp->closed = true;
    if (qmp->working)
        return;
    while (qmp->commands) {
        struct qmp_command *command = qmp->commands;

        qmp->commands = command->next;
        if (command->answered)
            command->answered(command->arg, NULL, fail(RPC_FAILED, "qemu does not answer"));
        free_command(command);
    }
    event_free(qmp->readable);
    event_free(qmp->deadline);
    close(qmp->fd);
    free(qmp->line);
    free(qmp);
}

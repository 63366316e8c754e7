/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "monitor/access.h"
#include "monitor/idle.h"
#include "monitor/log.h"
#include "monitor/util.h"

enum {
    REQUEST_SECONDS = 10,    /* a client has to say what it wants */
    ANSWER_SECONDS = 30,     /* and to take the answer */
    OF_ONE_USER = 32,        /* connections, of one that is not root */
    OUTPUT_MAX = 256 * 1024, /* what a slow listener may leave unread */
    DESCRIPTOR_WAIT_SECONDS = 1,
};

struct connection {
    LIST_ENTRY(connection) entry;
    struct control *control;
    struct bufferevent *stream;
    uid_t user;
    struct call *call; /* NULL: the request has not come yet, or has been answered */
    bool asked;        /* the one request of the connection has come */
    bool streams;
    bool closing; /* to be closed once all is written */
};

struct control {
    struct event_base *base;
    struct vm *vm;
    request_handler *handler;
    int listener;
    struct event *accept_event;
    struct event *accept_again;
    LIST_HEAD(connections, connection) connections;
};

static void connection_close(struct connection *connection)
{
    idle_soon();
    if (connection->call)
        connection->call->connection = NULL;
    LIST_REMOVE(connection, entry);
    bufferevent_free(connection->stream);
    free(connection);
}

static void connection_send(struct connection *connection, char *message, bool framed)
{
    struct evbuffer *output = bufferevent_get_output(connection->stream);
    struct timeval patience = { .tv_sec = ANSWER_SECONDS };
    size_t length = strlen(need(message));
    uint8_t header[FRAME_HEADER];

    if (framed) {
        frame_header(header, (uint32_t)length);
        evbuffer_add(output, header, sizeof(header));
    }
    evbuffer_add(output, message, length);
    free(message);
    bufferevent_set_timeouts(connection->stream, NULL, &patience);
}

static void close_when_written(struct connection *connection)
{
    connection->closing = true;
    if (evbuffer_get_length(bufferevent_get_output(connection->stream)) == 0)
        connection_close(connection);
}

static void on_written(struct bufferevent *stream, void *arg)
{
    struct connection *connection = arg;

    if (connection->closing)
        connection_close(connection);
    else if (connection->asked) /* not of a new one, which is found writable before it has asked */
        bufferevent_set_timeouts(stream, NULL, NULL);
}

static void on_event(struct bufferevent *stream, short what, void *arg)
{
    struct connection *connection = arg;

    /* One that has no more to say may wait for its answer; if it is gone, writing will show it. */
    if ((what & BEV_EVENT_EOF) && (connection->call || connection->closing))
        return;
    connection_close(connection);
}

static void refuse(struct connection *connection, int code, const char *why)
{
    connection_send(connection, rpc_error_text(NULL, code, why, NULL), false);
    bufferevent_disable(connection->stream, EV_READ);
    close_when_written(connection);
}

static void handle_request(struct connection *connection, const char *body, size_t size)
{
    struct rpc_request request;
    const char *why;
    int code = rpc_request_parse(body, size, &request, &why);

    if (code) {
        refuse(connection, code, why);
        return;
    }
    struct call *call = need(calloc(1, sizeof(*call)));
    call->connection = connection;
    call->id = json_incref(request.id);
    call->stream = request.stream;
    connection->call = call;
    connection->streams = request.stream;
    bufferevent_set_timeouts(connection->stream, NULL, NULL);
    connection->control->handler(connection->control->vm, call, request.method, request.params);
    rpc_request_free(&request);
}

static void on_readable(struct bufferevent *stream, void *arg)
{
    struct connection *connection = arg;
    struct evbuffer *input = bufferevent_get_input(stream);
    uint8_t header[FRAME_HEADER];

    if (connection->closing)
        return;
    if (connection->asked) { /* one request a connection */
        if (evbuffer_get_length(input) > 0)
            connection_close(connection);
        return;
    }
    if (evbuffer_copyout(input, header, sizeof(header)) < (ev_ssize_t)sizeof(header))
        return;
    uint32_t length = frame_length(header);
    if (length > FRAME_MAX) {
        refuse(connection, RPC_INVALID_REQUEST, "the request is longer than 65536 bytes");
        return;
    }
    if (evbuffer_get_length(input) < sizeof(header) + length)
        return;
    connection->asked = true;

    char *frame = need(malloc(sizeof(header) + length));
    evbuffer_remove(input, frame, sizeof(header) + length);
    handle_request(connection, frame + sizeof(header), length);
    free(frame);
}

static uid_t user_of(int fd)
{
    struct ucred credentials = { .uid = (uid_t)-1 };
    socklen_t size = sizeof(credentials);

    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size);
    return credentials.uid;
}

/* Whether one who isn't root has more than a fair share of the monitor's descriptors. */
static bool is_crowding(const struct control *control, uid_t user)
{
    const struct connection *connection;
    int count = 0;

    if (access_is_root(user))
        return false;
    for (connection = LIST_FIRST(&control->connections); connection;
         connection = LIST_NEXT(connection, entry))
        count += connection->user == user;
    return count > OF_ONE_USER;
}

static void add_connection(struct control *control, int fd)
{
    struct connection *connection = need(calloc(1, sizeof(*connection)));
    struct timeval patience = { .tv_sec = REQUEST_SECONDS };

    connection->control = control;
    connection->stream = need(bufferevent_socket_new(control->base, fd, BEV_OPT_CLOSE_ON_FREE));
    LIST_INSERT_HEAD(&control->connections, connection, entry);
    bufferevent_setcb(connection->stream, on_readable, on_written, on_event, connection);
    bufferevent_set_timeouts(connection->stream, &patience, NULL);
    bufferevent_setwatermark(connection->stream, EV_READ, 0, FRAME_HEADER + FRAME_MAX);
    connection->user = user_of(fd);
    bufferevent_enable(connection->stream, EV_READ | EV_WRITE);
    if (is_crowding(control, connection->user))
        refuse(connection, RPC_DENIED, "the user has too many connections");
}

static void on_accept(evutil_socket_t listener, short what, void *arg)
{
    struct control *control = arg;
    struct timeval wait = { .tv_sec = DESCRIPTOR_WAIT_SECONDS };
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        add_connection(control, fd);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        log_warning("no more clients for now: %s", strerror(errno));
        event_del(control->accept_event);
        evtimer_add(control->accept_again, &wait);
    }
}

static void on_accept_again(evutil_socket_t fd, short what, void *arg)
{
    struct control *control = arg;

    event_add(control->accept_event, NULL);
}

struct control *control_open(struct event_base *base, struct vm *vm, int listener,
                             request_handler *handler)
{
    struct control *control = need(calloc(1, sizeof(*control)));

    control->base = base;
    control->vm = vm;
    control->handler = handler;
    control->listener = listener;
    LIST_INIT(&control->connections);
    control->accept_event =
        need(event_new(base, listener, EV_READ | EV_PERSIST, on_accept, control));
    control->accept_again = need(evtimer_new(base, on_accept_again, control));
    event_add(control->accept_event, NULL);
    return control;
}

/* The last words to a client, as far as its socket takes them without waiting. */
static void flush(struct connection *connection)
{
    struct evbuffer *output = bufferevent_get_output(connection->stream);

    evbuffer_unfreeze(output, 1); /* a bufferevent keeps others from draining its buffer */
    evbuffer_write(output, bufferevent_getfd(connection->stream));
}

void control_close(struct control *control)
{
    struct connection *connection;

    while ((connection = LIST_FIRST(&control->connections))) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): closing takes it off the list */
        flush(connection);
        connection_close(connection);
    }
    event_free(control->accept_event);
    event_free(control->accept_again);
    close(control->listener);
    free(control);
}

static void answer(struct call *call, char *message)
{
    struct connection *connection = call->connection;

    if (connection) {
        connection->call = NULL;
        connection_send(connection, message, call->stream);
        close_when_written(connection);
    } else {
        free(message);
    }
    json_decref(call->id);
    free(call);
}

int call_socket(const struct call *call)
{
    return bufferevent_getfd(call->connection->stream);
}

void call_result(struct call *call, json_t *result)
{
    answer(call, rpc_result_text(call->id, result));
}

void call_failure(struct call *call, const struct failure *failure)
{
    answer(call, rpc_error_text(call->id, failure->code, failure->text,
                                failure->data ? json_incref(failure->data) : NULL));
}

void call_subscribe(struct call *call)
{
    struct connection *connection = call->connection;

    if (connection)
        connection->call = NULL;
    json_decref(call->id);
    free(call);
}

static bool may_watch(const struct connection *connection, const struct access *access)
{
    struct failure *failure = access_check(access, bufferevent_getfd(connection->stream),
                                           &command_table[CMD_WATCH], NULL);
    bool allowed = !failure;

    failure_free(failure);
    return allowed;
}

void control_review(struct control *control, const struct access *access)
{
    struct connection *connection = LIST_FIRST(&control->connections);

    while (connection) {
        struct connection *next = LIST_NEXT(connection, entry);
        bool subscribed = connection->streams && !connection->call && !connection->closing;

        if (subscribed && !may_watch(connection, access))
            connection_close(connection);
        connection = next;
    }
}

static void send_event(struct connection *connection, char *message)
{
    if (evbuffer_get_length(bufferevent_get_output(connection->stream)) > OUTPUT_MAX) {
        free(message);
        connection_close(connection); /* it does not read */
        return;
    }
    connection_send(connection, message, true);
}

void control_event(struct control *control, const char *event, json_t *params)
{
    struct connection *connection = LIST_FIRST(&control->connections);
    char *message = NULL;

    while (connection) {
        struct connection *next = LIST_NEXT(connection, entry);

        if (connection->streams && !connection->closing) {
            if (!message)
                message = need(rpc_event_text(event, json_incref(params)));
            send_event(connection, copy_text(message));
        }
        connection = next;
    }
    free(message);
    json_decref(params);
}

void call_event(struct call *call, const char *event, json_t *params)
{
    if (call->connection)
        send_event(call->connection, rpc_event_text(event, params));
    else
        json_decref(params);
}

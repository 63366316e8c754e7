/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/listeners.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/notify.h"
#include "monitor/log.h"
#include "monitor/util.h"

enum {
    QUEUE_MAX = 256, /* lines */
    CONNECT_WITHIN = 30 /* s */,
    LONGEST_WAIT = 60, /* s, between two attempts */
};

struct line {
    STAILQ_ENTRY(line) entry;
    size_t length;
    char text[];
};

/*
 * There is a connection from the first line on, until the listener ends it; the next line makes
 * a new one. So with nothing to say there is nothing to wake up for.
 */
struct listener {
    LIST_ENTRY(listener) entry;
    struct event_base *base;
    char *name; /* as in the configuration */
    struct notify_address address;
    bool wanted;                       /* while the configuration changes */
    int fd;                            /* -1: no connection */
    bool connecting;                   /* not known yet whether there is somebody */
    struct event *readable, *writable; /* of the connection */
    struct event *again;               /* pending: it has failed, and is tried again then */
    int wait;                          /* s, before that */
    STAILQ_HEAD(, line) lines;
    size_t count;
    size_t sent; /* bytes of the first line */
    unsigned long long lost;
    bool complained;
};

struct listeners {
    struct event_base *base;
    const char *uuid;
    LIST_HEAD(, listener) list;
};

static void flush(struct listener *listener);

static void remove_line(struct listener *listener, struct line *line)
{
    STAILQ_REMOVE(&listener->lines, line, line, entry);
    listener->count--;
    free(line);
}

static void disconnect(struct listener *listener)
{
    if (listener->fd < 0)
        return;
    event_free(listener->readable);
    event_free(listener->writable);
    close(listener->fd);
    listener->fd = -1;
    listener->connecting = false;
    listener->sent = 0; /* the next connection gets the whole line */
}

static void failed(struct listener *listener, const char *why)
{
    struct timeval wait = { 0 };

    if (!listener->complained)
        log_warning("notify %s: %s; what there is to say waits", listener->name, why);
    listener->complained = true;
    disconnect(listener);
    listener->wait = listener->wait ? 2 * listener->wait : 1;
    if (listener->wait > LONGEST_WAIT)
        listener->wait = LONGEST_WAIT;
    wait.tv_sec = listener->wait;
    if (listener->count > 0)
        evtimer_add(listener->again, &wait);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    flush(arg);
}

/* A listener has nothing to say: what is read is its end. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct listener *listener = arg;
    char bytes[256];
    ssize_t got = recv(listener->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    if (listener->count > 0)
        failed(listener, got < 0 ? strerror(errno) : "the listener ended the connection");
    else
        disconnect(listener);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct listener *listener = arg;
    int error = 0;
    socklen_t size = sizeof(error);

    if (listener->connecting && (what & EV_TIMEOUT))
        error = ETIMEDOUT;
    else if (listener->connecting)
        getsockopt(listener->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    listener->connecting = false;
    if (error)
        failed(listener, strerror(error));
    else
        flush(listener);
}

static void watch(struct listener *listener)
{
    const struct timeval patience = { .tv_sec = CONNECT_WITHIN };

    listener->readable =
        need(event_new(listener->base, listener->fd, EV_READ | EV_PERSIST, on_readable, listener));
    listener->writable =
        need(event_new(listener->base, listener->fd, EV_WRITE, on_writable, listener));
    event_add(listener->readable, NULL);
    if (listener->connecting)
        event_add(listener->writable, &patience);
}

/* Begins to connect, where that has not been done. */
static bool try_to_connect(struct listener *listener)
{
    const struct notify_address *to = &listener->address;

    if (listener->fd >= 0)
        return true;
    listener->fd = socket(to->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int result = listener->fd < 0
                     ? -1
                     : connect(listener->fd, (const struct sockaddr *)&to->socket, to->size);
    int error = errno;
    if (result < 0 && error != EINPROGRESS) {
        if (listener->fd >= 0)
            close(listener->fd);
        listener->fd = -1;
        failed(listener, strerror(error));
        return false;
    }
    listener->connecting = result < 0;
    watch(listener);
    return true;
}

static void all_sent(struct listener *listener)
{
    listener->wait = 0;
    if (listener->complained && listener->lost > 0)
        log_warning("notify %s: it listens again, and has missed %llu lines", listener->name,
                    listener->lost);
    else if (listener->complained)
        log_info("notify %s: it listens again", listener->name);
    listener->complained = false;
    listener->lost = 0;
}

static void flush(struct listener *listener)
{
    struct line *line;

    if (evtimer_pending(listener->again, NULL))
        return;
    while ((line = STAILQ_FIRST(&listener->lines))) {
        if (!try_to_connect(listener) || listener->connecting)
            return;
        ssize_t count = send(listener->fd, line->text + listener->sent,
                             line->length - listener->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN) {
            event_add(listener->writable, NULL);
            return;
        }
        if (count < 0) {
            failed(listener, strerror(errno));
            return;
        }
        listener->sent += (size_t)count;
        if (listener->sent == line->length) {
            listener->sent = 0;
            remove_line(listener, line);
        }
    }
    all_sent(listener);
}

/* The oldest of them, but not one of which a part is on its way. */
static void make_room(struct listener *listener)
{
    struct line *first = STAILQ_FIRST(&listener->lines);

    if (listener->count < QUEUE_MAX)
        return;
    remove_line(listener, listener->sent > 0 ? STAILQ_NEXT(first, entry) : first);
    if (listener->lost++ == 0)
        log_warning("notify %s: does not listen, and misses lines from now on", listener->name);
    listener->complained = true;
}

static void enqueue(struct listener *listener, const char *text, size_t length)
{
    struct line *line = need(malloc(sizeof(*line) + length));

    make_room(listener);
    line->length = length;
    memcpy(line->text, text, length);
    STAILQ_INSERT_TAIL(&listener->lines, line, entry);
    listener->count++;
    flush(listener);
}

static struct listener *find(struct listeners *listeners, const char *name)
{
    struct listener *listener = LIST_FIRST(&listeners->list);

    while (listener && strcmp(listener->name, name) != 0)
        listener = LIST_NEXT(listener, entry);
    return listener;
}

static struct listener *add(struct listeners *listeners, const char *name)
{
    struct listener *listener = need(calloc(1, sizeof(*listener)));

    listener->base = listeners->base;
    listener->name = copy_text(name);
    listener->fd = -1;
    notify_read(name, &listener->address);
    listener->again = need(evtimer_new(listeners->base, on_again, listener));
    STAILQ_INIT(&listener->lines);
    LIST_INSERT_HEAD(&listeners->list, listener, entry);
    return listener;
}

static void drop(struct listener *listener)
{
    struct line *line;

    LIST_REMOVE(listener, entry);
    while ((line = STAILQ_FIRST(&listener->lines)))
        remove_line(listener, line);
    disconnect(listener);
    event_free(listener->again);
    free(listener->name);
    free(listener);
}

struct listeners *listeners_open(struct event_base *base, const char *uuid,
                                 const struct config_texts *notify)
{
    struct listeners *listeners = need(calloc(1, sizeof(*listeners)));

    listeners->base = base;
    listeners->uuid = uuid;
    LIST_INIT(&listeners->list);
    listeners_change(listeners, notify);
    return listeners;
}

void listeners_change(struct listeners *listeners, const struct config_texts *notify)
{
    struct listener *listener;

    for (size_t i = 0; i < notify->count; i++) {
        struct listener *known = find(listeners, notify->list[i]);

        (known ? known : add(listeners, notify->list[i]))->wanted = true;
    }
    for (listener = LIST_FIRST(&listeners->list); listener;) {
        struct listener *next = LIST_NEXT(listener, entry);

        if (!listener->wanted)
            drop(listener);
        else
            listener->wanted = false;
        listener = next;
    }
}

void listeners_tell(struct listeners *listeners, enum listeners_code code, const char *format, ...)
{
    struct listener *listener;
    va_list arguments;
    char *message = NULL;

    if (LIST_EMPTY(&listeners->list))
        return;
    va_start(arguments, format);
    if (vasprintf(&message, format, arguments) < 0)
        message = NULL;
    va_end(arguments);
    make_line(need(message));
    char *line = text("%s:%d:%s\n", listeners->uuid, code, message);
    for (listener = LIST_FIRST(&listeners->list); listener; listener = LIST_NEXT(listener, entry))
        enqueue(listener, line, strlen(line));
    free(line);
    free(message);
}

void listeners_close(struct listeners *listeners)
{
    struct listener *listener;

    while ((listener = LIST_FIRST(&listeners->list))) {
        /* Try again now. NOLINTNEXTLINE(clang-analyzer-unix.Malloc): drop() takes it away */
        evtimer_del(listener->again);
        flush(listener);
        drop(listener);
    }
    free(listeners);
}

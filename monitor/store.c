/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenctrl.h>

#include "monitor/log.h"
#include "monitor/util.h"

enum { TOKEN_SIZE = 12 };

struct store_watch {
    struct store *store;
    struct store_watch *next;
    char *path;
    char token[TOKEN_SIZE]; /* never used again: an event may come late */
    unsigned int due;       /* its place among those that are to fire now; 0: it is not */
    void (*fired)(void *arg);
    void *arg;
};

struct store {
    struct xs_handle *xs;
    struct event_base *base;
    struct event *event;
    struct event *closed; /* the connection has ended; NULL: nobody will tell */
    int closed_fd;
    struct event *again;         /* to reach it again */
    bool asked;                  /* whether this connection is new */
    struct store_watch *watches; /* a VM has few */
    unsigned int watch_serial;
};

struct store_watch *store_watch(struct store *store, const char *path, void (*fired)(void *arg),
                                void *arg)
{
    struct store_watch *watch = need(calloc(1, sizeof(*watch)));

    snprintf(watch->token, sizeof(watch->token), "%x", store->watch_serial++);
    if (!xs_watch(store->xs, path, watch->token)) {
        int error = errno;

        log_error("cannot watch %s: %s", path, strerror(error));
        free(watch);
        errno = error;
        return NULL;
    }
    watch->store = store;
    watch->path = copy_text(path);
    watch->fired = fired;
    watch->arg = arg;
    watch->next = store->watches;
    store->watches = watch;
    return watch;
}

static void end_watch(struct store_watch *watch)
{
    xs_unwatch(watch->store->xs, watch->path, watch->token);
    free(watch->path);
    free(watch);
}

void store_unwatch(struct store_watch *watch)
{
    struct store_watch **place;

    if (!watch)
        return;
    for (place = &watch->store->watches; *place != watch; place = &(*place)->next)
        ;
    *place = watch->next;
    end_watch(watch);
}

void store_wait(struct store *store, struct store_wait *wait, const char *path,
                void (*changed)(void *arg), int seconds, event_callback_fn late, void *arg)
{
    const struct timeval length = { .tv_sec = seconds };

    store_end_wait(wait);
    if (path)
        wait->watch = store_watch(store, path, changed, arg);
    wait->deadline = need(evtimer_new(store->base, late, arg));
    evtimer_add(wait->deadline, &length);
}

void store_end_wait(struct store_wait *wait)
{
    store_unwatch(wait->watch);
    wait->watch = NULL;
    if (wait->deadline)
        event_free(wait->deadline);
    wait->deadline = NULL;
}

static void take_note(struct store *store, const char *token, unsigned int place)
{
    for (struct store_watch *watch = store->watches; watch; watch = watch->next)
        if (!watch->due && !strcmp(watch->token, token))
            watch->due = place;
}

static struct store_watch *first_due(const struct store *store)
{
    struct store_watch *first = NULL;

    for (struct store_watch *watch = store->watches; watch; watch = watch->next)
        if (watch->due && (!first || watch->due < first->due))
            first = watch;
    return first;
}

/*
 * A watch fires once for all that has come: a guest that writes without end to what is watched
 * would otherwise keep us from all else.
 */
static void on_watch(evutil_socket_t fd, short what, void *arg)
{
    struct store *store = arg;
    struct store_watch *watch;
    unsigned int count = 0;
    char **event;

    while ((event = xs_check_watch(store->xs))) {
        take_note(store, event[XS_WATCH_TOKEN], ++count);
        free(event);
    }
    while ((watch = first_due(store))) {
        watch->due = 0;
        watch->fired(watch->arg);
    }
}

static void stop_listening(struct store *store)
{
    if (store->event)
        event_free(store->event);
    store->event = NULL;
    if (!store->closed)
        return;
    event_free(store->closed);
    store->closed = NULL;
    close(store->closed_fd);
}

static void come_back_later(struct store *store)
{
    static const struct timeval wait = { .tv_sec = 1 };

    evtimer_add(store->again, &wait);
}

static void on_closed(evutil_socket_t fd, short what, void *arg)
{
    struct store *store = arg;

    log_error("lost the connection to xenstored");
    stop_listening(store);
    come_back_later(store);
}

/* The descriptor that is opened next. */
static int next_fd(void)
{
    int fd = open("/", O_PATH | O_CLOEXEC);

    if (fd >= 0)
        close(fd);
    return fd;
}

/*
 * libxenstore has a thread that reads, and keeps it for itself when that comes to the end. So the
 * connection's descriptor is doubled, and only its end looked for.
 */
static struct xs_handle *reach(struct store *store)
{
    int fd = next_fd();
    struct xs_handle *xs = xs_open(0);
    struct stat st;

    if (!xs)
        return NULL;
    bool is_socket = fd >= 0 && !fstat(fd, &st) && S_ISSOCK(st.st_mode);
    /* Where xenstored is a process here, the kernel's way to it waits for one, for ever. */
    if (!is_socket && access(xs_daemon_socket(), F_OK) == 0) {
        xs_close(xs);
        errno = ECONNREFUSED;
        return NULL;
    }
    store->event =
        need(event_new(store->base, xs_fileno(xs), EV_READ | EV_PERSIST, on_watch, store));
    event_add(store->event, NULL);
    store->closed_fd = is_socket ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (store->closed_fd >= 0) {
        store->closed = need(event_new(store->base, store->closed_fd, EV_CLOSED, on_closed, store));
        event_add(store->closed, NULL);
    }
    return xs;
}

/* Watches fire when they are made, so that nothing is missed that happened meanwhile. */
static void on_again(evutil_socket_t fd, short what, void *arg)
{
    struct store *store = arg;
    struct xs_handle *xs = reach(store);

    if (!xs) {
        come_back_later(store);
        return;
    }
    xs_close(store->xs);
    store->xs = xs;
    store->asked = false;
    for (const struct store_watch *watch = store->watches; watch; watch = watch->next)
        if (!xs_watch(xs, watch->path, watch->token))
            log_error("cannot watch %s: %s", watch->path, strerror(errno));
    log_warning("xenstored can be reached again");
}

struct failure *store_open(struct store **result, struct event_base *base)
{
    struct store *store = need(calloc(1, sizeof(*store)));

    store->base = base;
    store->xs = reach(store);
    if (!store->xs) {
        free(store);
        return fail(RPC_XEN, "cannot reach xenstored: %s", strerror(errno));
    }
    store->again = need(evtimer_new(base, on_again, store));
    *result = store;
    return NULL;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    while (store->watches) {
        struct store_watch *watch = store->watches;

        store->watches = watch->next;
        end_watch(watch);
    }
    stop_listening(store);
    event_free(store->again);
    xs_close(store->xs);
    free(store);
}

#define FORMAT_PATH(path)                                                                          \
    do {                                                                                           \
        va_list arguments;                                                                         \
        va_start(arguments, format);                                                               \
        vsnprintf(path, sizeof(path), format, arguments);                                          \
        va_end(arguments);                                                                         \
    } while (0)

char *store_read(struct store *store, const char *format, ...)
{
    char path[STORE_PATH_SIZE];

    FORMAT_PATH(path);
    return xs_read(store->xs, XBT_NULL, path, NULL);
}

long long store_number(struct store *store, long long missing, const char *format, ...)
{
    char path[STORE_PATH_SIZE];

    FORMAT_PATH(path);
    char *value = xs_read(store->xs, XBT_NULL, path, NULL);
    char *end = value;
    long long number = value ? strtoll(value, &end, 10) : missing;

    if (end == value || *end)
        number = missing;
    free(value);
    return number;
}

char **store_list(struct store *store, const char *path, unsigned int *count)
{
    char **names = xs_directory(store->xs, XBT_NULL, path, count);

    if (!names)
        *count = 0;
    return names;
}

struct failure *store_write(struct store *store, const char *path, const char *value)
{
    if (xs_write(store->xs, XBT_NULL, path, value, (unsigned int)strlen(value)))
        return NULL;
    return fail(RPC_XEN, "cannot write %s: %s", path, strerror(errno));
}

void store_remove(struct store *store, const char *path)
{
    xs_rm(store->xs, XBT_NULL, path);
}

struct failure *store_introduce(struct store *store, uint32_t domid, unsigned long mfn,
                                unsigned int port)
{
    if (xs_introduce_domain(store->xs, domid, mfn, port))
        return NULL;
    return fail(RPC_XEN, "xenstored will not serve domain %u: %s", domid, strerror(errno));
}

struct failure *store_resume(struct store *store, uint32_t domid)
{
    if (xs_resume_domain(store->xs, domid))
        return NULL;
    return fail(RPC_XEN, "xenstored will not serve domain %u again: %s", domid, strerror(errno));
}

bool store_has_forgotten(const struct store *store, uint32_t domid)
{
    return !xs_is_domain_introduced(store->xs, domid);
}

bool store_is_new(struct store *store)
{
    bool asked = store->asked;

    store->asked = true;
    return !asked;
}

/* Transactions */

static void note_error(struct writing *writing, bool ok)
{
    if (!ok && !writing->error)
        writing->error = errno ? errno : EIO;
}

enum { NODE_PATH_SIZE = STORE_PATH_SIZE + 64 };

static void path_of(const struct writing *writing, const char *node, char path[NODE_PATH_SIZE])
{
    snprintf(path, NODE_PATH_SIZE, "%s%s%s", writing->root, *node ? "/" : "", node);
}

void writing_put(struct writing *writing, const char *node, const char *format, ...)
{
    char path[NODE_PATH_SIZE];
    char *value;
    va_list arguments;

    va_start(arguments, format);
    int length = vasprintf(&value, format, arguments);
    va_end(arguments);
    if (length < 0)
        out_of_memory();
    path_of(writing, node, path);
    note_error(writing,
               xs_write(writing->xs, writing->transaction, path, value, (unsigned int)length));
    free(value);
}

void writing_make(struct writing *writing, const char *node, uint32_t owner, uint32_t reader)
{
    struct xs_permissions permissions[] = {
        { .id = owner, .perms = XS_PERM_NONE },
        { .id = reader, .perms = XS_PERM_READ },
    };
    char path[NODE_PATH_SIZE];

    path_of(writing, node, path);
    note_error(writing, xs_mkdir(writing->xs, writing->transaction, path));
    note_error(writing, xs_set_permissions(writing->xs, writing->transaction, path, permissions,
                                           reader == DOMID_INVALID ? 1 : 2));
}

char *writing_read(struct writing *writing, const char *node)
{
    char path[NODE_PATH_SIZE];

    path_of(writing, node, path);
    return xs_read(writing->xs, writing->transaction, path, NULL);
}

void writing_drop(struct writing *writing, const char *node)
{
    char path[NODE_PATH_SIZE];

    path_of(writing, node, path);
    xs_rm(writing->xs, writing->transaction, path);
}

void writing_remove(struct writing *writing)
{
    xs_rm(writing->xs, writing->transaction, writing->root);
}

struct failure *store_transact(struct store *store, void (*write)(struct writing *, const void *),
                               const void *arg, const char *what)
{
    struct writing writing = { .xs = store->xs };
    bool ended;

    do {
        writing.error = 0;
        writing.transaction = xs_transaction_start(store->xs);
        note_error(&writing, writing.transaction != XBT_NULL);
        if (!writing.error)
            write(&writing, arg);
        ended = writing.transaction == XBT_NULL ||
                xs_transaction_end(store->xs, writing.transaction, writing.error != 0);
    } while (!ended && errno == EAGAIN);
    if (!ended)
        note_error(&writing, false);
    if (!writing.error)
        return NULL;
    return fail(RPC_XEN, "cannot write %s: %s", what, strerror(writing.error));
}

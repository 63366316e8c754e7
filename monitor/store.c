/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>

#include "monitor/log.h"
#include "monitor/util.h"

enum { PATH_SIZE = 160, CONSOLE_LIMIT = 1048576, KIB = 1024 };

struct store {
    struct xs_handle *xs;
    struct event *event;
    struct store_events events;
    uint32_t followed; /* the domain whose control/shutdown is watched */
    bool introductions;
};

static const char token_release[] = "release";
static const char token_introduce[] = "introduce";
static const char token_answer[] = "answer";

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
    struct store *store = arg;
    char **watch;

    while ((watch = xs_check_watch(store->xs))) {
        const char *token = watch[XS_WATCH_TOKEN];

        if (!strcmp(token, token_release))
            store->events.released(store->events.arg);
        else if (!strcmp(token, token_introduce))
            store->events.introduced(store->events.arg);
        else
            store->events.answered(store->events.arg);
        free(watch);
    }
    if (errno != EAGAIN && errno != EINTR) {
        log_error("lost the connection to xenstored: %s", strerror(errno));
        event_del(store->event);
    }
}

struct failure *store_open(struct store **result, struct event_base *base,
                           const struct store_events *events)
{
    struct xs_handle *xs = xs_open(0);

    if (!xs)
        return fail(RPC_XEN, "cannot reach xenstored: %s", strerror(errno));
    if (!xs_watch(xs, "@releaseDomain", token_release)) {
        struct failure *failure = fail(RPC_XEN, "cannot watch xenstore: %s", strerror(errno));

        xs_close(xs);
        return failure;
    }

    struct store *store = need(calloc(1, sizeof(*store)));
    store->xs = xs;
    store->events = *events;
    store->followed = DOMID_INVALID;
    store->event = need(event_new(base, xs_fileno(xs), EV_READ | EV_PERSIST, on_watch, store));
    event_add(store->event, NULL);
    *result = store;
    return NULL;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    event_free(store->event);
    xs_close(store->xs);
    free(store);
}

void store_watch_introductions(struct store *store, bool on)
{
    if (on == store->introductions)
        return;
    store->introductions = on;
    if (on)
        xs_watch(store->xs, "@introduceDomain", token_introduce);
    else
        xs_unwatch(store->xs, "@introduceDomain", token_introduce);
}

static uint32_t read_domid(struct store *store, const char *path)
{
    char *value = xs_read(store->xs, XBT_NULL, path, NULL);
    uint32_t domid = value ? (uint32_t)strtoul(value, NULL, 10) : 0;

    free(value);
    return domid;
}

void store_read_peers(struct store *store, struct domain_plan *plan)
{
    plan->store_domid = read_domid(store, "/tool/xenstored/domid");
    plan->console_domid = read_domid(store, "/tool/xenconsoled/domid");
}

/* A transaction under way below one directory; the first error sticks. */
struct writing {
    struct xs_handle *xs;
    xs_transaction_t transaction;
    char root[PATH_SIZE / 2];
    int error;
};

static void note_error(struct writing *writing, bool ok)
{
    if (!ok && !writing->error)
        writing->error = errno ? errno : EIO;
}

static void put(struct writing *writing, const char *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void put(struct writing *writing, const char *node, const char *format, ...)
{
    char path[PATH_SIZE], value[PATH_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(value, sizeof(value), format, arguments);
    va_end(arguments);
    snprintf(path, sizeof(path), "%s/%s", writing->root, node);
    note_error(writing, xs_write(writing->xs, writing->transaction, path, value,
                                 (unsigned int)strlen(value)));
}

/* An empty node; `owner` may write it, `reader` may read it (DOMID_INVALID: nobody). */
static void make(struct writing *writing, const char *node, uint32_t owner, uint32_t reader)
{
    struct xs_permissions permissions[] = {
        { .id = owner, .perms = XS_PERM_NONE },
        { .id = reader, .perms = XS_PERM_READ },
    };
    char path[PATH_SIZE];

    snprintf(path, sizeof(path), "%s%s%s", writing->root, *node ? "/" : "", node);
    note_error(writing, xs_mkdir(writing->xs, writing->transaction, path));
    note_error(writing, xs_set_permissions(writing->xs, writing->transaction, path, permissions,
                                           reader == DOMID_INVALID ? 1 : 2));
}

/* What the guest may write: its answers, its features, and room for its agents. */
static void make_guest_nodes(struct writing *writing, uint32_t domid)
{
    static const char *const nodes[] = {
        "control/shutdown",
        "control/feature-poweroff",
        "control/feature-reboot",
        "control/feature-suspend",
        "control/sysrq",
        "device/suspend/event-channel",
        "data",
        "drivers",
        "feature",
        "attr",
        "error",
    };

    make(writing, "device", 0, domid);
    make(writing, "control", 0, domid);
    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
        make(writing, nodes[i], domid, DOMID_INVALID);
    put(writing, "control/platform-feature-multiprocessor-suspend", "1");
    put(writing, "control/platform-feature-xs_reset_watches", "1");
}

static void write_home(struct writing *writing, uint32_t domid, const char *uuid, const char *name,
                       const struct domain_plan *plan, unsigned long store_mfn,
                       unsigned long console_mfn)
{
    snprintf(writing->root, sizeof(writing->root), "/local/domain/%u", domid);
    xs_rm(writing->xs, writing->transaction, writing->root);
    make(writing, "", 0, domid);
    make(writing, "cpu", 0, domid);
    make(writing, "memory", 0, domid);
    make_guest_nodes(writing, domid);
    put(writing, "vm", "/vm/%s", uuid);
    put(writing, "name", "%s", name);
    put(writing, "domid", "%u", domid);
    put(writing, "memory/static-max", "%llu", plan->memory_max * KIB);
    put(writing, "memory/target", "%llu", plan->memory * KIB);
    put(writing, "memory/videoram", "0");
    for (unsigned int vcpu = 0; vcpu < plan->vcpus; vcpu++) {
        char node[32];

        snprintf(node, sizeof(node), "cpu/%u/availability", vcpu);
        put(writing, node, "online");
    }
    put(writing, "store/port", "%u", plan->store_port);
    put(writing, "store/ring-ref", "%lu", store_mfn);
    put(writing, "console/port", "%u", plan->console_port);
    put(writing, "console/ring-ref", "%lu", console_mfn);
    put(writing, "console/type", "xenconsoled");
    put(writing, "console/output", "pty");
    put(writing, "console/limit", "%d", CONSOLE_LIMIT);
}

static void write_vm(struct writing *writing, uint32_t domid, const char *uuid, const char *name)
{
    snprintf(writing->root, sizeof(writing->root), "/vm/%s", uuid);
    xs_rm(writing->xs, writing->transaction, writing->root);
    make(writing, "", 0, domid);
    put(writing, "uuid", "%s", uuid);
    put(writing, "name", "%s", name);
}

struct failure *store_introduce(struct store *store, uint32_t domid, const char *uuid,
                                const char *name, const struct domain_plan *plan,
                                unsigned long store_mfn, unsigned long console_mfn)
{
    struct writing writing = { .xs = store->xs };
    bool ended;

    do {
        writing.error = 0;
        writing.transaction = xs_transaction_start(store->xs);
        note_error(&writing, writing.transaction != XBT_NULL);
        if (!writing.error) {
            write_home(&writing, domid, uuid, name, plan, store_mfn, console_mfn);
            write_vm(&writing, domid, uuid, name);
        }
        ended = writing.transaction == XBT_NULL ||
                xs_transaction_end(store->xs, writing.transaction, writing.error != 0);
    } while (!ended && errno == EAGAIN);
    if (!ended)
        note_error(&writing, false);
    if (writing.error)
        return fail(RPC_XEN, "cannot write the domain's xenstore nodes: %s",
                    strerror(writing.error));
    if (!xs_introduce_domain(store->xs, domid, store_mfn, plan->store_port))
        return fail(RPC_XEN, "xenstored will not serve domain %u: %s", domid, strerror(errno));
    return NULL;
}

static void home_path(char path[PATH_SIZE], uint32_t domid, const char *node)
{
    snprintf(path, PATH_SIZE, "/local/domain/%u%s%s", domid, *node ? "/" : "", node);
}

static char *read_home(struct store *store, xs_transaction_t transaction, uint32_t domid,
                       const char *node)
{
    char path[PATH_SIZE];

    home_path(path, domid, node);
    return xs_read(store->xs, transaction, path, NULL);
}

bool store_has_domain(struct store *store, uint32_t domid)
{
    char *name = read_home(store, XBT_NULL, domid, "name");

    free(name);
    return name != NULL;
}

struct failure *store_resume(struct store *store, uint32_t domid)
{
    if (xs_resume_domain(store->xs, domid))
        return NULL;
    return fail(RPC_XEN, "xenstored will not serve domain %u again: %s", domid, strerror(errno));
}

static void unfollow(struct store *store)
{
    char path[PATH_SIZE];

    if (store->followed == DOMID_INVALID)
        return;
    home_path(path, store->followed, "control/shutdown");
    xs_unwatch(store->xs, path, token_answer);
    store->followed = DOMID_INVALID;
}

void store_follow(struct store *store, uint32_t domid)
{
    char path[PATH_SIZE];

    unfollow(store);
    home_path(path, domid, "control/shutdown");
    if (xs_watch(store->xs, path, token_answer))
        store->followed = domid;
}

/* What xl wrote of a domain that it made, and we took over and ended: it will not clear up. */
static void forget_xl(struct store *store, uint32_t domid)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof(path), "/libxl/%u", domid);
    xs_rm(store->xs, XBT_NULL, path);
    snprintf(path, sizeof(path), "/local/domain/0/backend/console/%u", domid);
    xs_rm(store->xs, XBT_NULL, path);
}

void store_forget(struct store *store, uint32_t domid, const char *uuid)
{
    char vm[PATH_SIZE], path[PATH_SIZE];
    char *owner = read_home(store, XBT_NULL, domid, "vm");

    unfollow(store);
    snprintf(vm, sizeof(vm), "/vm/%s", uuid);
    if (owner && !strcmp(owner, vm)) {
        xs_rm(store->xs, XBT_NULL, vm);
        forget_xl(store, domid);
        home_path(path, domid, ""); /* last: it says whose all this is, also to a new monitor */
        xs_rm(store->xs, XBT_NULL, path);
    }
    free(owner);
}

struct failure *store_ask(struct store *store, uint32_t domid, const char *what)
{
    char path[PATH_SIZE];

    home_path(path, domid, "control/shutdown");
    if (xs_write(store->xs, XBT_NULL, path, what, (unsigned int)strlen(what)))
        return NULL;
    return fail(RPC_XEN, "cannot write %s: %s", path, strerror(errno));
}

bool store_acknowledged(struct store *store, uint32_t domid)
{
    char *value = read_home(store, XBT_NULL, domid, "control/shutdown");
    bool acknowledged = !value || !*value;

    free(value);
    return acknowledged;
}

bool store_withdraw(struct store *store, uint32_t domid)
{
    char path[PATH_SIZE];
    bool pending, ended;

    home_path(path, domid, "control/shutdown");
    do {
        xs_transaction_t transaction = xs_transaction_start(store->xs);

        if (transaction == XBT_NULL)
            return true;
        char *value = xs_read(store->xs, transaction, path, NULL);
        pending = value && *value;
        free(value);
        if (pending)
            xs_write(store->xs, transaction, path, "", 0);
        ended = xs_transaction_end(store->xs, transaction, !pending);
    } while (!ended && errno == EAGAIN);
    return pending;
}

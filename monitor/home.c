/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/home.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONSOLE_LIMIT = 1048576, KIB = 1024 };

void home_read_peers(struct store *store, struct domain_plan *plan)
{
    plan->store_domid = (uint32_t)store_number(store, 0, "/tool/xenstored/domid");
    plan->console_domid = (uint32_t)store_number(store, 0, "/tool/xenconsoled/domid");
}

/* What is to be written. */
struct home {
    uint32_t domid;
    const char *uuid, *name;
    const struct domain_plan *plan;
    unsigned long store_mfn, console_mfn;
};

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

    writing_make(writing, "device", 0, domid);
    writing_make(writing, "control", 0, domid);
    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
        writing_make(writing, nodes[i], domid, DOMID_INVALID);
    writing_put(writing, "control/platform-feature-multiprocessor-suspend", "1");
    writing_put(writing, "control/platform-feature-xs_reset_watches", "1");
}

static void write_home(struct writing *writing, const struct home *home)
{
    const struct domain_plan *plan = home->plan;
    uint32_t domid = home->domid;

    snprintf(writing->root, sizeof(writing->root), "/local/domain/%u", domid);
    writing_remove(writing);
    writing_make(writing, "", 0, domid);
    writing_make(writing, "cpu", 0, domid);
    writing_make(writing, "memory", 0, domid);
    make_guest_nodes(writing, domid);
    writing_put(writing, "vm", "/vm/%s", home->uuid);
    writing_put(writing, "name", "%s", home->name);
    writing_put(writing, "domid", "%u", domid);
    writing_put(writing, "memory/static-max", "%llu", plan->memory_max * KIB);
    writing_put(writing, "memory/target", "%llu", plan->memory * KIB);
    writing_put(writing, "memory/videoram", "0");
    for (unsigned int vcpu = 0; vcpu < plan->vcpus; vcpu++) {
        char node[32];

        snprintf(node, sizeof(node), "cpu/%u/availability", vcpu);
        writing_put(writing, node, "online");
    }
    writing_put(writing, "store/port", "%u", plan->store_port);
    writing_put(writing, "store/ring-ref", "%lu", home->store_mfn);
    writing_put(writing, "console/port", "%u", plan->console_port);
    writing_put(writing, "console/ring-ref", "%lu", home->console_mfn);
    writing_put(writing, "console/type", "xenconsoled");
    writing_put(writing, "console/output", "pty");
    writing_put(writing, "console/limit", "%d", CONSOLE_LIMIT);
}

static void write_vm(struct writing *writing, const struct home *home)
{
    snprintf(writing->root, sizeof(writing->root), "/vm/%s", home->uuid);
    writing_remove(writing);
    writing_make(writing, "", 0, home->domid);
    writing_put(writing, "uuid", "%s", home->uuid);
    writing_put(writing, "name", "%s", home->name);
}

static void write_all(struct writing *writing, const void *arg)
{
    write_home(writing, arg);
    write_vm(writing, arg);
}

struct failure *home_introduce(struct store *store, uint32_t domid, const char *uuid,
                               const char *name, const struct domain_plan *plan,
                               unsigned long store_mfn, unsigned long console_mfn)
{
    const struct home home = { domid, uuid, name, plan, store_mfn, console_mfn };
    struct failure *failure =
        store_transact(store, write_all, &home, "the domain's xenstore nodes");

    if (failure)
        return failure;
    return store_introduce(store, domid, store_mfn, plan->store_port);
}

bool home_exists(struct store *store, uint32_t domid)
{
    char *name = store_read(store, "/local/domain/%u/name", domid);

    free(name);
    return name != NULL;
}

bool home_is_of(struct store *store, uint32_t domid, const char *uuid)
{
    char *owner = store_read(store, "/local/domain/%u/vm", domid);
    bool same = owner && !strncmp(owner, "/vm/", 4) && !strcmp(owner + 4, uuid);

    free(owner);
    return same;
}

/* What xl wrote of a domain that it made, and we took over and ended: it will not clear up. */
static void forget_xl(struct store *store, uint32_t domid)
{
    char path[STORE_PATH_SIZE];

    snprintf(path, sizeof(path), "/libxl/%u", domid);
    store_remove(store, path);
    snprintf(path, sizeof(path), "/local/domain/0/backend/console/%u", domid);
    store_remove(store, path);
}

void home_forget(struct store *store, uint32_t domid, const char *uuid)
{
    char path[STORE_PATH_SIZE];

    if (!home_is_of(store, domid, uuid))
        return;
    snprintf(path, sizeof(path), "/vm/%s", uuid);
    store_remove(store, path);
    forget_xl(store, domid);
    /* Last: it says whose all this is, also to a new monitor. */
    snprintf(path, sizeof(path), "/local/domain/%u", domid);
    store_remove(store, path);
}

static void shutdown_path(uint32_t domid, char path[STORE_PATH_SIZE])
{
    snprintf(path, STORE_PATH_SIZE, "/local/domain/%u/control/shutdown", domid);
}

struct store_watch *home_watch(struct store *store, uint32_t domid, void (*answered)(void *arg),
                               void *arg)
{
    char path[STORE_PATH_SIZE];

    shutdown_path(domid, path);
    return store_watch(store, path, answered, arg);
}

struct failure *home_ask(struct store *store, uint32_t domid, const char *what)
{
    char path[STORE_PATH_SIZE];

    shutdown_path(domid, path);
    return store_write(store, path, what);
}

bool home_acknowledged(struct store *store, uint32_t domid)
{
    char *value = store_read(store, "/local/domain/%u/control/shutdown", domid);
    bool acknowledged = !value || !*value;

    free(value);
    return acknowledged;
}

struct withdrawal {
    uint32_t domid;
    bool *pending;
};

static void withdraw(struct writing *writing, const void *arg)
{
    const struct withdrawal *withdrawal = arg;

    snprintf(writing->root, sizeof(writing->root), "/local/domain/%u", withdrawal->domid);
    char *value = writing_read(writing, "control/shutdown");
    *withdrawal->pending = value && *value;
    free(value);
    if (*withdrawal->pending)
        writing_put(writing, "control/shutdown", "%s", "");
}

bool home_withdraw(struct store *store, uint32_t domid)
{
    bool pending = true;
    const struct withdrawal withdrawal = { domid, &pending };

    failure_free(store_transact(store, withdraw, &withdrawal, "control/shutdown"));
    return pending;
}

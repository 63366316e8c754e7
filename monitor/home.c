/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/home.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xen/hvm/hvm_xs_strings.h>

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

    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
        writing_make(writing, nodes[i], domid, DOMID_INVALID);
    writing_put(writing, "control/platform-feature-multiprocessor-suspend", "1");
    writing_put(writing, "control/platform-feature-xs_reset_watches", "1");
}

/* MiB that the video card has of what the guest is given. */
static unsigned long long video_memory(const struct domain_plan *plan)
{
    return plan->config->type == GUEST_HVM ? (unsigned long long)plan->config->videoram : 0;
}

/* Where hvmloader finds tables of the host. */
static void write_range(struct writing *writing, const char *address, const char *length,
                        const struct guest_range *range)
{
    if (range->size == 0)
        return;
    writing_put(writing, address, "0x%llx", range->address);
    writing_put(writing, length, "0x%llx", range->size);
}

/* xen/docs/misc/xenstore-paths.pandoc: what hvmloader reads, and the guest's drivers. */
static void write_machine(struct writing *writing, const struct home *home)
{
    const struct vm_config *config = home->plan->config;

    writing_make(writing, "control/feature-s3", home->domid, DOMID_INVALID);
    writing_make(writing, "control/feature-s4", home->domid, DOMID_INVALID);
    writing_put(writing, "hvmloader/bios", "seabios");
    writing_put(writing, "hvmloader/allow-memory-relocate", "0");
    write_range(writing, HVM_XS_SMBIOS_PT_ADDRESS, HVM_XS_SMBIOS_PT_LENGTH, &home->plan->smbios);
    write_range(writing, HVM_XS_ACPI_PT_ADDRESS, HVM_XS_ACPI_PT_LENGTH, &home->plan->acpi_tables);
    writing_put(writing, "platform/acpi", "%d", config->acpi);
    writing_put(writing, "platform/acpi_s3", "%d", config->acpi);
    writing_put(writing, "platform/acpi_s4", "%d", config->acpi);
    for (size_t i = 0; i < config->platform.count; i++) {
        const char *pair = config->platform.list[i];
        size_t length = strcspn(pair, "=");
        char node[96];

        snprintf(node, sizeof(node), "platform/%.*s", (int)length, pair);
        writing_put(writing, node, "%s", pair + length + 1);
    }
}

static void write_home(struct writing *writing, const struct home *home)
{
    const struct domain_plan *plan = home->plan;
    uint32_t domid = home->domid;

    snprintf(writing->root, sizeof(writing->root), "/local/domain/%u", domid);
    writing_remove(writing);
    writing_make(writing, "", 0, domid); /* what is made below it inherits that */
    make_guest_nodes(writing, domid);
    writing_put(writing, "vm", "/vm/%s", home->uuid);
    writing_put(writing, "name", "%s", home->name);
    writing_put(writing, "domid", "%u", domid);
    writing_put(writing, "memory/static-max", "%llu", plan->memory_max * KIB);
    writing_put(writing, "memory/target", "%llu", plan->memory * KIB);
    writing_put(writing, "memory/videoram", "%llu", video_memory(plan) * KIB);
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
    if (plan->config->type == GUEST_HVM)
        write_machine(writing, home);
}

static void write_vm(struct writing *writing, const struct home *home)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(writing->root, sizeof(writing->root), "/vm/%s", home->uuid);
    writing_remove(writing);
    writing_make(writing, "", 0, home->domid);
    writing_put(writing, "uuid", "%s", home->uuid);
    writing_put(writing, "name", "%s", home->name);
    /* As xl writes it, and `xl uptime` reads it. */
    writing_put(writing, "start_time", "%lld.%02d", (long long)now.tv_sec,
                (int)(now.tv_nsec / 10000000));
    if (home->plan->config->type == GUEST_HVM)
        writing_put(writing, "rtc/timeoffset", "%lld", home->plan->config->timeoffset);
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

long long home_uptime(struct store *store, const char *uuid)
{
    char *text = store_read(store, "/vm/%s/start_time", uuid);
    long long started = text ? strtoll(text, NULL, 10) : 0;
    long long now = (long long)time(NULL);

    free(text);
    if (started <= 0)
        return -1;
    /* Somebody may have set the clock meanwhile. */
    return now > started ? now - started : 0;
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

    snprintf(path, sizeof(path), "/local/domain/%u/control", domid);
    return store_watch(store, path, answered, arg);
}

void home_stir(struct store *store, uint32_t domid)
{
    char path[STORE_PATH_SIZE];

    shutdown_path(domid, path);
    char *request = store_read(store, "%s", path);
    if (request && !*request)
        failure_log(store_write(store, path, ""));
    free(request);
    free(store_read(store, "%s", path)); /* xenstored tells the guest before it takes this */
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

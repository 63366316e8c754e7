/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/domain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <xentoollog.h>

#include "monitor/log.h"
#include "monitor/machine.h"

enum {
    KIB = 1024,
    PAGES_PER_MIB = 256,
    NS_PER_MS = 1000000,
    /* What libxl adds to a guest's limit, for allocations that are not its memory. */
    EXTRA_KIB = 1024,
    MAX_EVENT_CHANNEL = 1023,
    FIND_BATCH = 64,
    MAP_MAX = 128,
    MAP_RAM = 1, /* the e820 type */
};

#define GIB_4 (4ULL << 30)

static void trace_message(xentoollog_logger *logger, xentoollog_level level, int error,
                          const char *context, const char *format, va_list arguments)
    __attribute__((format(printf, 5, 0)));

static void trace_message(xentoollog_logger *logger, xentoollog_level level, int error,
                          const char *context, const char *format, va_list arguments)
{
    char *line;

    if (level < XTL_WARN || vasprintf(&line, format, arguments) < 0)
        return;
    log_trace("libxenctrl: %s%s%s", line, error > 0 ? ": " : "", error > 0 ? strerror(error) : "");
    free(line);
}

static void destroy_logger(xentoollog_logger *logger)
{
}

struct failure *domain_open(xc_interface **xch)
{
    static xentoollog_logger logger = { trace_message, NULL, destroy_logger };

    *xch = xc_interface_open(&logger, &logger, 0);
    if (*xch)
        return NULL;
    return fail(RPC_XEN, "Xen is not there: cannot open /dev/xen/privcmd: %s", strerror(errno));
}

struct failure *domain_check_memory(xc_interface *xch, const struct domain_plan *plan)
{
    xc_physinfo_t host;

    if (xc_physinfo(xch, &host) < 0)
        return fail(RPC_XEN, "cannot ask Xen for the host's free memory: %s", strerror(errno));

    unsigned long long pages = host.free_pages + host.scrub_pages;
    pages -= pages < host.outstanding_pages ? pages : host.outstanding_pages;
    unsigned long long free_mib = pages / PAGES_PER_MIB;
    unsigned long long need_mib = plan->memory + (EXTRA_KIB + machine_pool(plan)) / KIB;

    if (need_mib <= free_mib)
        return NULL;
    struct failure *failure =
        fail(RPC_XEN, "not enough memory: the guest needs %llu MiB, the host has %llu MiB free",
             need_mib, free_mib);
    fail_with(failure, "needed", json_integer((json_int_t)need_mib));
    return fail_with(failure, "free", json_integer((json_int_t)free_mib));
}

struct failure *domain_limit_memory(xc_interface *xch, uint32_t domid, unsigned long long mib)
{
    if (xc_domain_setmaxmem(xch, domid, mib * KIB + EXTRA_KIB) == 0)
        return NULL;
    return fail(RPC_XEN, "cannot limit the domain to %llu MiB: %s", mib, strerror(errno));
}

/* The limits that stand before the first page is allocated (xen/tools/libs/light/libxl_dom.c). */
static struct failure *set_limits(xc_interface *xch, const struct domain_plan *plan, uint32_t domid)
{
    if (xc_domain_max_vcpus(xch, domid, plan->vcpus))
        return fail(RPC_XEN, "cannot give the domain %u vcpus: %s", plan->vcpus, strerror(errno));
    struct failure *failure = domain_limit_memory(xch, domid, plan->memory);
    if (failure)
        return failure;
    if (plan->config->type == GUEST_PV &&
        xc_domain_set_memmap_limit(xch, domid, plan->memory_max * KIB))
        return fail(RPC_XEN, "cannot set the domain's largest memory to %llu MiB: %s",
                    plan->memory_max, strerror(errno));
    if (xc_domain_set_tsc_info(xch, domid, 0, 0, 0, 0))
        return fail(RPC_XEN, "cannot set the domain's time stamp counter: %s", strerror(errno));
    return NULL;
}

bool domain_has_iommu(xc_interface *xch)
{
    xc_physinfo_t host;

    return xc_physinfo(xch, &host) == 0 && host.capabilities & XEN_SYSCTL_PHYSCAP_directio;
}

/* Where the host's memory below 4 GiB ends, and with it what devices may have begins. */
static uint64_t end_of_low_memory(xc_interface *xch)
{
    struct e820entry host[MAP_MAX];
    int count = xc_get_machine_memory_map(xch, host, MAP_MAX);
    uint64_t end = 0;

    for (int i = 0; i < count; i++) {
        uint64_t here = host[i].addr + host[i].size;

        if (host[i].type == MAP_RAM && host[i].addr < GIB_4)
            end = here < GIB_4 ? here : GIB_4;
    }
    return end;
}

/*
 * A PV guest finds a device's memory where the host has it, and must not take that for its own:
 * the guest's memory that would lie there begins at 4 GiB instead. `e820_host` of xl.cfg(5).
 */
static struct failure *leave_hole(xc_interface *xch, const struct domain_plan *plan, uint32_t domid)
{
    uint64_t size = (uint64_t)plan->memory_max * KIB * KIB, low = end_of_low_memory(xch);
    struct e820entry map[] = {
        { .addr = 0, .size = low, .type = MAP_RAM },
        { .addr = GIB_4, .size = size - low, .type = MAP_RAM },
    };

    if (low == 0 || size <= low)
        return NULL;
    if (xc_domain_set_memory_map(xch, domid, map, 2) == 0)
        return NULL;
    return fail(RPC_XEN, "cannot leave the devices their place in the domain's memory: %s",
                strerror(errno));
}

static struct failure *open_ports(xc_interface *xch, struct domain_plan *plan, uint32_t domid)
{
    int store = xc_evtchn_alloc_unbound(xch, domid, plan->store_domid);
    int console = store < 0 ? -1 : xc_evtchn_alloc_unbound(xch, domid, plan->console_domid);

    if (console < 0)
        return fail(RPC_XEN, "cannot make the domain's event channels: %s", strerror(errno));
    plan->store_port = (unsigned int)store;
    plan->console_port = (unsigned int)console;
    return NULL;
}

struct failure *domain_create(xc_interface *xch, struct domain_plan *plan, uint32_t *domid)
{
    struct xen_domctl_createdomain create = {
        .max_vcpus = plan->vcpus,
        .max_evtchn_port = MAX_EVENT_CHANNEL,
        .max_grant_frames = -1, /* the hypervisor's own limits */
        .max_maptrack_frames = -1,
        .grant_opts = XEN_DOMCTL_GRANT_version(1),
    };

    struct failure *failure = machine_choose(xch, plan, &create);
    if (failure)
        return failure;
    if (plan->devices && domain_has_iommu(xch))
        create.flags |= XEN_DOMCTL_CDF_iommu;
    memcpy(create.handle, plan->uuid, sizeof(create.handle));
    *domid = 0;
    if (xc_domain_create(xch, domid, &create)) {
        *domid = DOMID_INVALID;
        return fail(RPC_XEN, "Xen will not create a domain of %u vcpus: %s", plan->vcpus,
                    strerror(errno));
    }

    failure = set_limits(xch, plan, *domid);
    if (!failure)
        failure = machine_set_up(xch, plan, *domid);
    if (!failure && plan->devices && plan->config->type == GUEST_PV)
        failure = leave_hole(xch, plan, *domid);
    if (!failure)
        failure = open_ports(xch, plan, *domid);
    if (failure) {
        xc_domain_destroy(xch, *domid); /* quick: it has no memory yet */
        *domid = DOMID_INVALID;
    }
    return failure;
}

struct failure *domain_pause(xc_interface *xch, uint32_t domid)
{
    if (xc_domain_pause(xch, domid))
        return fail(RPC_XEN, "cannot pause domain %u: %s", domid, strerror(errno));
    return NULL;
}

struct failure *domain_unpause(xc_interface *xch, uint32_t domid)
{
    if (xc_domain_unpause(xch, domid))
        return fail(RPC_XEN, "cannot unpause domain %u: %s", domid, strerror(errno));
    return NULL;
}

struct failure *domain_trigger(xc_interface *xch, uint32_t domid, uint32_t trigger)
{
    if (xc_domain_send_trigger(xch, domid, trigger, 0) == 0)
        return NULL;
    return fail(RPC_XEN, "Xen does not pass it on to domain %u: %s", domid, strerror(errno));
}

struct failure *domain_reset(xc_interface *xch, uint32_t domid)
{
    if (xc_domain_shutdown(xch, (int)domid, SHUTDOWN_reboot) == 0)
        return NULL;
    return fail(RPC_XEN, "cannot reset domain %u: %s", domid, strerror(errno));
}

void domain_crash(xc_interface *xch, uint32_t domid)
{
    if (xc_domain_shutdown(xch, (int)domid, SHUTDOWN_crash))
        log_error("cannot end domain %u: %s", domid, strerror(errno));
}

static void fill_info(const xc_domaininfo_t *from, struct domain_info *info)
{
    info->domid = from->domain;
    info->paused = from->flags & XEN_DOMINF_paused;
    info->dying = from->flags & XEN_DOMINF_dying;
    info->ended = from->flags & XEN_DOMINF_shutdown;
    info->ran = from->cpu_time > 0;
    info->reason = (from->flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask;
    info->memory = from->tot_pages / PAGES_PER_MIB;
    info->vcpus = from->nr_online_vcpus;
    info->cpu_time = from->cpu_time / NS_PER_MS;
}

bool domain_is_there(xc_interface *xch, uint32_t domid)
{
    xc_domaininfo_t found;

    return xc_domain_getinfolist(xch, domid, 1, &found) == 1 && found.domain == domid;
}

bool domain_get(xc_interface *xch, uint32_t domid, const uuid_t uuid, struct domain_info *info)
{
    xc_domaininfo_t found;

    if (xc_domain_getinfolist(xch, domid, 1, &found) != 1 || found.domain != domid ||
        memcmp(found.handle, uuid, sizeof(found.handle)) != 0)
        return false;
    fill_info(&found, info);
    return true;
}

bool domain_find(xc_interface *xch, const uuid_t uuid, struct domain_info *info)
{
    static xc_domaininfo_t batch[FIND_BATCH];
    uint32_t first = 1;

    for (;;) {
        int count = xc_domain_getinfolist(xch, first, FIND_BATCH, batch);

        for (int i = 0; i < count; i++) {
            if (memcmp(batch[i].handle, uuid, sizeof(batch[i].handle)) != 0 ||
                (batch[i].flags & XEN_DOMINF_dying))
                continue;
            fill_info(&batch[i], info);
            return true;
        }
        if (count < FIND_BATCH)
            return false;
        first = batch[count - 1].domain + 1u;
    }
}

const char *domain_reason_name(unsigned int reason)
{
    switch (reason) {
    case SHUTDOWN_poweroff:
        return "poweroff";
    case SHUTDOWN_reboot:
        return "reboot";
    case SHUTDOWN_suspend:
        return "suspend";
    case SHUTDOWN_watchdog:
        return "watchdog";
    case SHUTDOWN_soft_reset:
        return "soft reset";
    default:
        return "crash";
    }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_DOMAIN_H
#define XENVM_MONITOR_DOMAIN_H

/*
 * The hypercalls that the monitor makes by itself: quick ones only. What takes time or parses a
 * guest's bytes is the worker's.
 */

#include <stdbool.h>
#include <stdint.h>

#include <uuid/uuid.h>
#include <xenctrl.h>

#include "config/config.h"
#include "monitor/failure.h"

struct domain_info {
    uint32_t domid;
    bool paused;
    bool dying;
    bool ended;                /* shut itself down, for whatever reason */
    bool ran;                  /* has used processor time */
    unsigned int reason;       /* SHUTDOWN_* of xen/include/public/sched.h, when ended */
    unsigned long long memory; /* MiB that it has now */
    unsigned int vcpus;
    unsigned long long cpu_time; /* ms of all processors together, since it was made */
};

/* Bytes of the guest's memory; size 0: none. */
struct guest_range {
    unsigned long long address, size;
};

/* What a domain is made of; ports and peers are filled in by domain_create(). */
struct domain_plan {
    unsigned char uuid[16];
    unsigned long long memory;     /* MiB */
    unsigned long long memory_max; /* MiB, not less than memory */
    unsigned int vcpus;
    bool devices;                   /* it is to have PCI devices of the host */
    bool restoring;                 /* what the guest has of its machine comes in the image */
    const struct vm_config *config; /* the rest */
    uint32_t store_domid, console_domid;
    unsigned int store_port, console_port;
    struct guest_range smbios, acpi_tables; /* the host's, once the guest is built */
};

/* Opens Xen's control interface. Fails where this is no Xen host. */
struct failure *domain_open(xc_interface **xch);

/* Fails where the host has not enough free memory for `plan`; the text says both figures. */
struct failure *domain_check_memory(xc_interface *xch, const struct domain_plan *plan);

/* Whether Xen can keep a device of the host to the memory of the guest that has it. */
bool domain_has_iommu(xc_interface *xch);

/* Makes an empty, paused domain with its event channels; leaves nothing behind on a failure. */
struct failure *domain_create(xc_interface *xch, struct domain_plan *plan, uint32_t *domid);

/* How much memory the guest may take, besides what Xen needs for it. */
struct failure *domain_limit_memory(xc_interface *xch, uint32_t domid, unsigned long long mib);

struct failure *domain_pause(xc_interface *xch, uint32_t domid);
/* XEN_DOMCTL_SENDTRIGGER_*: a button, or an interrupt of its first processor. */
struct failure *domain_trigger(xc_interface *xch, uint32_t domid, uint32_t trigger);

/* Ends it as if its guest had asked for a reboot. */
struct failure *domain_reset(xc_interface *xch, uint32_t domid);

/* Ends it as if its guest had crashed. */
void domain_crash(xc_interface *xch, uint32_t domid);

struct failure *domain_unpause(xc_interface *xch, uint32_t domid);

/* Whether there is a domain of that number, whosever it is. */
bool domain_is_there(xc_interface *xch, uint32_t domid);

/* False where there is no such domain, or it belongs to another UUID. */
bool domain_get(xc_interface *xch, uint32_t domid, const uuid_t uuid, struct domain_info *info);

/* The domain of a UUID; a dying one does not count. */
bool domain_find(xc_interface *xch, const uuid_t uuid, struct domain_info *info);

/* "poweroff", "reboot", "suspend", "crash", "watchdog" or "soft reset". */
const char *domain_reason_name(unsigned int reason);

#endif

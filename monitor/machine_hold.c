/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/machine.h" /* first: it brings the types that save.h is made of */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xen/hvm/save.h>

#include "monitor/util.h"

/* The task priority's register: nothing below it is delivered (Intel SDM, volume 3, chapter 11). */
enum { TASK_PRIORITY = 0x80, HIGHEST_PRIORITY = 0xff };

/* The registers of the first processor's APIC in a context (xen/include/public/hvm/save.h). */
static struct hvm_hw_lapic_regs *find_apic(uint8_t *context, size_t size)
{
    struct hvm_save_descriptor entry;

    for (size_t at = 0; at + sizeof(entry) <= size; at += sizeof(entry) + entry.length) {
        memcpy(&entry, context + at, sizeof(entry));
        if (entry.typecode == HVM_SAVE_CODE(LAPIC_REGS) && entry.instance == 0 &&
            entry.length == sizeof(struct hvm_hw_lapic_regs) &&
            at + sizeof(entry) + entry.length <= size)
            return (struct hvm_hw_lapic_regs *)(context + at + sizeof(entry));
    }
    return NULL;
}

static int raise_priority(xc_interface *xch, uint32_t domid, uint8_t *context, size_t size)
{
    int length = xc_domain_hvm_getcontext(xch, domid, context, (uint32_t)size);
    struct hvm_hw_lapic_regs *apic = length > 0 ? find_apic(context, (size_t)length) : NULL;

    if (length < 0)
        return -1;
    if (!apic || apic->data[TASK_PRIORITY] == HIGHEST_PRIORITY)
        return 0;
    apic->data[TASK_PRIORITY] = HIGHEST_PRIORITY;
    return xc_domain_hvm_setcontext(xch, domid, context, (uint32_t)length);
}

struct failure *machine_hold_events(xc_interface *xch, uint32_t domid)
{
    int size = machine_has_drivers(xch, domid) ? xc_domain_hvm_getcontext(xch, domid, NULL, 0) : 0;
    uint8_t *context = size > 0 ? need(malloc((size_t)size)) : NULL;
    int result = context ? raise_priority(xch, domid, context, (size_t)size) : size;
    int error = errno;

    free(context);
    if (result == 0)
        return NULL;
    return fail(RPC_XEN, "Xen does not hold up the events of domain %u, which sleeps: %s", domid,
                strerror(error));
}

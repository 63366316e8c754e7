/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define XC_WANT_COMPAT_DEVICEMODEL_API 1

#include "monitor/machine_events.h" /* first: it brings the types that save.h is made of */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xen/hvm/params.h>
#include <xen/hvm/save.h>

#include "monitor/util.h"

/*
 * Intel's Software Developer's Manual, volume 3, chapter 11: of the APIC's registers, those of the
 * interrupts that are in service and of those that are requested, each eight of 32 vectors; and
 * the address that messages go to.
 */
enum { IN_SERVICE = 0x100, REQUESTED = 0x200, REGISTER_STEP = 0x10, REGISTER_BITS = 32 };
enum { VECTORS = 256 };
static const uint64_t APIC_ADDRESS = 0xfee00000;

static uint8_t *byte_of(struct hvm_hw_lapic_regs *apic, unsigned int which, unsigned int vector)
{
    return &apic->data[which + vector / REGISTER_BITS * REGISTER_STEP + vector % REGISTER_BITS / 8];
}

static bool has(struct hvm_hw_lapic_regs *apic, unsigned int which, unsigned int vector)
{
    return *byte_of(apic, which, vector) >> vector % 8 & 1;
}

/* The highest vector that such registers have, or 0. */
static uint8_t highest(struct hvm_hw_lapic_regs *apic, unsigned int which)
{
    unsigned int vector = VECTORS - 1;

    while (vector > 0 && !has(apic, which, vector))
        vector--;
    return (uint8_t)vector;
}

static int get_apic(xc_interface *xch, uint32_t domid, struct hvm_hw_lapic_regs *apic)
{
    return xc_domain_hvm_getcontext_partial(xch, domid, HVM_SAVE_CODE(LAPIC_REGS), 0, apic,
                                            sizeof(*apic));
}

/* A guest that hears through its APICs says that it uses an interrupt line, as older ones do. */
bool machine_may_have_vector(xc_interface *xch, uint32_t domid)
{
    uint64_t irq;

    return xc_hvm_param_get(xch, domid, HVM_PARAM_CALLBACK_IRQ, &irq) == 0 && irq != 0 &&
           irq >> 56 != HVM_PARAM_CALLBACK_TYPE_VECTOR;
}

uint8_t machine_find_vector(xc_interface *xch, uint32_t domid, void (*stir)(void *arg), void *arg)
{
    struct hvm_hw_lapic_regs before, after;

    if (get_apic(xch, domid, &before) < 0)
        return 0;
    stir(arg);
    if (get_apic(xch, domid, &after) < 0)
        return 0;
    for (unsigned int vector = VECTORS - 1; vector > 0; vector--)
        if (has(&after, REQUESTED, vector) && !has(&before, REQUESTED, vector))
            return (uint8_t)vector;
    return 0;
}

uint8_t machine_requested(xc_interface *xch, uint32_t domid)
{
    struct hvm_hw_lapic_regs apic;

    if (!machine_may_have_vector(xch, domid) || get_apic(xch, domid, &apic) < 0)
        return 0;
    return highest(&apic, REQUESTED);
}

bool machine_serves(xc_interface *xch, uint32_t domid, uint8_t *vector)
{
    struct hvm_hw_lapic_regs apic;

    if (get_apic(xch, domid, &apic) < 0)
        return false;
    if (*vector == 0)
        *vector = highest(&apic, IN_SERVICE);
    return *vector != 0 && has(&apic, IN_SERVICE, *vector);
}

/* All of the domain's context, malloc'd; NULL and errno. */
static uint8_t *get_context(xc_interface *xch, uint32_t domid, size_t *size)
{
    int length = xc_domain_hvm_getcontext(xch, domid, NULL, 0);
    uint8_t *context = length > 0 ? need(malloc((size_t)length)) : NULL;

    if (context)
        length = xc_domain_hvm_getcontext(xch, domid, context, (uint32_t)length);
    if (length > 0) {
        *size = (size_t)length;
        return context;
    }
    free(context);
    return NULL;
}

/*
 * The first processor's record of a kind in a context (xen/include/public/hvm/save.h): where it is,
 * NULL where it is not there, of this size at least.
 */
static uint8_t *find_record(uint8_t *context, size_t size, unsigned int type, size_t wanted)
{
    struct hvm_save_descriptor entry;

    for (size_t at = 0; at + sizeof(entry) <= size; at += sizeof(entry) + entry.length) {
        memcpy(&entry, context + at, sizeof(entry));
        if (entry.typecode == type && entry.instance == 0)
            return entry.length >= wanted && size - at - sizeof(entry) >= wanted
                       ? context + at + sizeof(entry)
                       : NULL;
    }
    return NULL;
}

/* All of it is set again: a processor that a context does not have is stopped by that. */
static int end_service(xc_interface *xch, uint32_t domid, uint8_t vector)
{
    size_t size = 0;
    uint8_t *context = get_context(xch, domid, &size);
    struct hvm_hw_lapic_regs *apic =
        context ? (struct hvm_hw_lapic_regs *)find_record(context, size, HVM_SAVE_CODE(LAPIC_REGS),
                                                          sizeof(*apic))
                : NULL;
    int result = -1;

    if (apic) {
        const uint8_t others = (uint8_t)(0xff ^ 1 << vector % 8);

        *byte_of(apic, IN_SERVICE, vector) &= others;
        /* A processor that waits is woken by a request alone, not by one that it has already. */
        *byte_of(apic, REQUESTED, vector) &= others;
        result = xc_domain_hvm_setcontext(xch, domid, context, (uint32_t)size);
    }
    free(context);
    return result;
}

struct failure *machine_end_service(xc_interface *xch, uint32_t domid, uint8_t vector)
{
    if (end_service(xch, domid, vector) == 0)
        return NULL;
    return fail(RPC_XEN, "cannot end the service of domain %u's interrupt %u: %s", domid, vector,
                strerror(errno));
}

struct failure *machine_raise(xc_interface *xch, uint32_t domid, uint8_t vector)
{
    if (xc_hvm_inject_msi(xch, domid, APIC_ADDRESS, vector) == 0)
        return NULL;
    return fail(RPC_XEN, "cannot raise interrupt %u of domain %u: %s", vector, domid,
                strerror(errno));
}

bool machine_has_system(xc_interface *xch, uint32_t domid)
{
    enum { PAGING_BIT = 31, LONG_MODE_BIT = 10, HALF = 31, LONG_HALF = 63 };
    struct hvm_hw_cpu cpu;

    if (xc_domain_hvm_getcontext_partial(xch, domid, HVM_SAVE_CODE(CPU), 0, &cpu, sizeof(cpu)) < 0)
        return false;
    /* Systems live in the upper half of their addresses, and firmware in what the machine has. */
    return cpu.cr0 >> PAGING_BIT & 1 &&
           cpu.rip >> (cpu.msr_efer >> LONG_MODE_BIT & 1 ? LONG_HALF : HALF) & 1;
}

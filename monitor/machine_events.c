/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define XC_WANT_COMPAT_DEVICEMODEL_API 1

#include "monitor/machine_events.h" /* first: it brings the types that save.h is made of */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xen/hvm/params.h>
#include <xen/hvm/save.h>

#include "monitor/domain.h"
#include "monitor/util.h"

/*
 * Intel's Software Developer's Manual, volume 3, chapter 11: of the APIC's registers, those of the
 * interrupts that are in service and of those that are requested, each eight of 32 vectors; and
 * the address that messages go to.
 */
enum { IN_SERVICE = 0x100, REQUESTED = 0x200, REGISTER_STEP = 0x10, REGISTER_BITS = 32 };
enum { VECTORS = 256 };
static const uint64_t APIC_ADDRESS = 0xfee00000;

/* A context with nothing but the APIC (xen/include/public/hvm/save.h); the rest stays as it is. */
struct apic_context {
    struct hvm_save_descriptor header_is;
    HVM_SAVE_TYPE(HEADER) header;
    struct hvm_save_descriptor apic_is;
    struct hvm_hw_lapic_regs apic;
    struct hvm_save_descriptor end_is;
} __attribute__((packed));

static uint8_t *byte_of(struct hvm_hw_lapic_regs *apic, unsigned int which, unsigned int vector)
{
    return &apic->data[which + vector / REGISTER_BITS * REGISTER_STEP + vector % REGISTER_BITS / 8];
}

static bool has(struct hvm_hw_lapic_regs *apic, unsigned int which, unsigned int vector)
{
    return *byte_of(apic, which, vector) >> vector % 8 & 1;
}

static int get_apic(xc_interface *xch, uint32_t domid, struct hvm_hw_lapic_regs *apic)
{
    return xc_domain_hvm_getcontext_partial(xch, domid, HVM_SAVE_CODE(LAPIC_REGS), 0, apic,
                                            sizeof(*apic));
}

/* A guest that hears through its APICs says that it uses an interrupt line, as older ones do. */
static bool may_have_vector(xc_interface *xch, uint32_t domid)
{
    uint64_t irq;

    return xc_hvm_param_get(xch, domid, HVM_PARAM_CALLBACK_IRQ, &irq) == 0 && irq != 0 &&
           irq >> 56 != HVM_PARAM_CALLBACK_TYPE_VECTOR;
}

static uint8_t find_vector(xc_interface *xch, uint32_t domid, void (*stir)(void *arg), void *arg)
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

uint8_t machine_find_vector(xc_interface *xch, uint32_t domid, void (*stir)(void *arg), void *arg)
{
    if (!may_have_vector(xch, domid) || xc_domain_pause(xch, domid) < 0)
        return 0;
    uint8_t vector = find_vector(xch, domid, stir, arg);
    xc_domain_unpause(xch, domid);
    return vector;
}

uint8_t machine_requested(xc_interface *xch, uint32_t domid)
{
    struct hvm_hw_lapic_regs apic;
    unsigned int vector = VECTORS - 1;

    if (!may_have_vector(xch, domid) || get_apic(xch, domid, &apic) < 0)
        return 0;
    while (vector > 0 && !has(&apic, REQUESTED, vector))
        vector--;
    return (uint8_t)vector;
}

bool machine_serves(xc_interface *xch, uint32_t domid, uint8_t *vector)
{
    struct hvm_hw_lapic_regs apic;

    if (get_apic(xch, domid, &apic) < 0)
        return false;
    for (unsigned int i = VECTORS - 1; i > 0 && *vector == 0; i--)
        if (has(&apic, IN_SERVICE, i))
            *vector = (uint8_t)i;
    return *vector != 0 && has(&apic, IN_SERVICE, *vector);
}

/* The header comes first in every context. */
static int get_header(xc_interface *xch, uint32_t domid, struct apic_context *context)
{
    const int wanted = offsetof(struct apic_context, apic_is);
    int size = xc_domain_hvm_getcontext(xch, domid, NULL, 0);
    uint8_t *whole = size > 0 ? need(malloc((size_t)size)) : NULL;

    if (whole)
        size = xc_domain_hvm_getcontext(xch, domid, whole, (uint32_t)size);
    if (size >= wanted)
        memcpy(context, whole, (size_t)wanted);
    else if (size >= 0)
        errno = EPROTO;
    free(whole);
    return size >= wanted ? 0 : -1;
}

static int end_service(xc_interface *xch, uint32_t domid, uint8_t vector)
{
    struct apic_context context = {
        .apic_is = { HVM_SAVE_CODE(LAPIC_REGS), 0, sizeof(context.apic) },
        .end_is = { HVM_SAVE_CODE(END), 0, 0 },
    };

    if (get_header(xch, domid, &context) < 0 || get_apic(xch, domid, &context.apic) < 0)
        return -1;
    *byte_of(&context.apic, IN_SERVICE, vector) &= (uint8_t) ~(1 << vector % 8);
    return xc_domain_hvm_setcontext(xch, domid, (uint8_t *)&context, sizeof(context));
}

struct failure *machine_end_service(xc_interface *xch, uint32_t domid, uint8_t vector)
{
    struct failure *failure = domain_pause(xch, domid);

    if (failure)
        return failure;
    if (end_service(xch, domid, vector) < 0)
        failure = fail(RPC_XEN, "cannot end the service of domain %u's interrupt %u: %s", domid,
                       vector, strerror(errno));
    xc_domain_unpause(xch, domid);
    return failure;
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

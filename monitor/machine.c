/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/machine.h"

#include <errno.h>
#include <string.h>

#include <xen/hvm/params.h>

enum {
    KIB = 1024,
    PAGE_KIB = 4,
    PAGES_PER_VCPU = 256,
    ACPI_S3 = 3,
};

static bool is_pv(const struct domain_plan *plan)
{
    return plan->config->type == GUEST_PV;
}

unsigned long long machine_pool(const struct domain_plan *plan)
{
    /* Of each MiB: where it is in the host's memory; and, of shadows, what shows it to the guest.
     */
    unsigned int pages_per_mib = plan->config->hap ? 1 : 2;

    if (is_pv(plan))
        return 0;
    return PAGE_KIB *
           (PAGES_PER_VCPU * (unsigned long long)plan->vcpus + pages_per_mib * plan->memory_max);
}

struct failure *machine_choose(xc_interface *xch, const struct domain_plan *plan,
                               struct xen_domctl_createdomain *create)
{
    const struct vm_config *config = plan->config;
    xc_physinfo_t host;

    if (is_pv(plan))
        return NULL;
    if (xc_physinfo(xch, &host) < 0)
        return fail(RPC_XEN, "cannot ask Xen what this host can do: %s", strerror(errno));
    if (!(host.capabilities & XEN_SYSCTL_PHYSCAP_hvm))
        return fail(RPC_XEN,
                    "this host can't run %s guests: its processor has no SVM or VMX, or the "
                    "firmware has turned it off",
                    plan->config->type == GUEST_PVH ? "PVH" : "HVM");
    if (config->hap && !(host.capabilities & XEN_SYSCTL_PHYSCAP_hap))
        return fail(RPC_XEN, "this host's processor has no nested page tables, NPT or EPT "
                             "(hap = false does without)");
    if (!config->hap && !(host.capabilities & XEN_SYSCTL_PHYSCAP_shadow))
        return fail(RPC_XEN, "hap = false needs a hypervisor built with shadow paging");
    create->flags |= XEN_DOMCTL_CDF_hvm;
    if (config->hap)
        create->flags |= XEN_DOMCTL_CDF_hap;
    if (config->nested)
        create->flags |= XEN_DOMCTL_CDF_nested_virt;
    create->arch.emulation_flags =
        config->type == GUEST_PVH ? XEN_X86_EMU_LAPIC : XEN_X86_EMU_ALL & ~XEN_X86_EMU_VPCI;
    return NULL;
}

/* What Windows finds of a hypervisor that it knows: what the library of xl turns on by default. */
static uint64_t viridian_features(const struct vm_config *config)
{
    return config->viridian ? HVMPV_base_freq | HVMPV_time_ref_count | HVMPV_apic_assist |
                                  HVMPV_crash_ctl | HVMPV_no_vp_limit | HVMPV_cpu_hotplug
                            : 0;
}

/* xen/include/public/hvm/params.h. An image brings the viridian features of its guest. */
static struct failure *set_parameters(xc_interface *xch, const struct domain_plan *plan,
                                      uint32_t domid)
{
    const struct vm_config *config = plan->config;
    const struct {
        const char *name;
        uint64_t value;
        uint32_t number;
        bool hvm_only, new_only;
    } parameters[] = {
        { "hpet", config->hpet, HVM_PARAM_HPET_ENABLED, true, false },
        { "vpt-align", config->vpt_align, HVM_PARAM_VPT_ALIGN, true, false },
        { "timer-mode", (uint64_t)config->timer_mode, HVM_PARAM_TIMER_MODE, false, false },
        { "viridian", viridian_features(config), HVM_PARAM_VIRIDIAN, true, true },
    };

    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
        if ((parameters[i].hvm_only && config->type != GUEST_HVM) ||
            (parameters[i].new_only && (plan->restoring || parameters[i].value == 0)))
            continue;
        if (xc_hvm_param_set(xch, domid, parameters[i].number, parameters[i].value) < 0)
            return fail(RPC_XEN, "cannot set %s: %s", parameters[i].name, strerror(errno));
    }
    if (config->timeoffset && xc_domain_set_time_offset(xch, domid, (int32_t)config->timeoffset))
        return fail(RPC_XEN, "cannot set timeoffset: %s", strerror(errno));
    return NULL;
}

struct failure *machine_set_up(xc_interface *xch, const struct domain_plan *plan, uint32_t domid)
{
    if (is_pv(plan))
        return NULL;
    if (xc_set_paging_mempool_size(xch, domid, machine_pool(plan) * KIB))
        return fail(RPC_XEN, "cannot set %llu KiB aside for the domain's page tables: %s",
                    machine_pool(plan), strerror(errno));
    return set_parameters(xch, plan, domid);
}

bool machine_has_drivers(xc_interface *xch, uint32_t domid)
{
    uint64_t irq;

    return xc_hvm_param_get(xch, domid, HVM_PARAM_CALLBACK_IRQ, &irq) == 0 && irq != 0;
}

int machine_acpi_state(xc_interface *xch, uint32_t domid)
{
    uint64_t state;

    return xc_hvm_param_get(xch, domid, HVM_PARAM_ACPI_S_STATE, &state) == 0 && state == ACPI_S3
               ? ACPI_S3
               : 0;
}

static int set_acpi_state(xc_interface *xch, uint32_t domid, uint64_t state)
{
    return xc_hvm_param_set(xch, domid, HVM_PARAM_ACPI_S_STATE, state);
}

struct failure *machine_sleep(xc_interface *xch, uint32_t domid)
{
    if (set_acpi_state(xch, domid, ACPI_S3) == 0)
        return NULL;
    return fail(RPC_XEN, "Xen does not let domain %u sleep: %s", domid, strerror(errno));
}

struct failure *machine_wake(xc_interface *xch, uint32_t domid)
{
    if (set_acpi_state(xch, domid, 0) == 0)
        return NULL;
    return fail(RPC_XEN, "Xen does not wake domain %u: %s", domid, strerror(errno));
}

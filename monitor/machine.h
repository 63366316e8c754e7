/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_MACHINE_H
#define XENVM_MONITOR_MACHINE_H

/*
 * What Xen itself makes of the machine that a PVH or HVM guest sees: its processors' page tables,
 * its interrupt controllers and timers. For PV guests there is nothing of the kind. The sequence is
 * that of xen/tools/libs/light/libxl_x86.c.
 */

#include <stdint.h>

#include <xenctrl.h>

#include "monitor/domain.h"
#include "monitor/failure.h"

/* KiB of the host's memory that the guest's page tables need, besides its own memory. */
unsigned long long machine_pool(const struct domain_plan *plan);

/* Sets what has to be known when the domain is made. Fails where the host can't run such a guest.
 */
struct failure *machine_choose(xc_interface *xch, const struct domain_plan *plan,
                               struct xen_domctl_createdomain *create);

/* And what has to be set before the guest has memory. */
struct failure *machine_set_up(xc_interface *xch, const struct domain_plan *plan, uint32_t domid);

/* Whether an HVM guest has drivers that know Xen, and hears of events. */
bool machine_has_drivers(xc_interface *xch, uint32_t domid);

/* The ACPI state that an HVM guest's machine is in: 0, or 3 where it sleeps in its memory. */
int machine_acpi_state(xc_interface *xch, uint32_t domid);

/* Has it sleep, as its guest has told its device model to; or wake. */
struct failure *machine_sleep(xc_interface *xch, uint32_t domid);
struct failure *machine_wake(xc_interface *xch, uint32_t domid);

#endif

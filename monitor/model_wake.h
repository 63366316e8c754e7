/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_MODEL_WAKE_H
#define XENVM_MONITOR_MODEL_WAKE_H

/* What qemu makes of an HVM guest that wakes from ACPI's S3. */

#include "monitor/qmp.h"
#include "monitor/vm.h"

/* qemu has reset the machine, and waits for Xen: makes that as the guest left it, and wakes it. */
void model_wake(struct vm *vm, struct qmp *qmp);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_STARTUP_H
#define XENVM_MONITOR_STARTUP_H

#include "monitor/vm.h"

/*
 * Adopts what is there, then does what the configuration's `startup` says where no domain is.
 * `settled` is called once: with true when the VM is in the state that was asked for.
 */
void startup_begin(struct vm *vm, void (*settled)(struct vm *vm, bool ok));

#endif

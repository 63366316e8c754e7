/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_RESIZE_H
#define XENVM_MONITOR_RESIZE_H

/* The guest is asked, in xenstore, for less or more; that it does it is seen in Xen. */

#include "monitor/vm.h"

/*
 * Each begins an operation that answers the call, or returns a failure and has begun nothing. A
 * guest that does not follow in `timeout` seconds is asked to go back to where it was.
 */
struct failure *resize_vcpus(struct vm *vm, struct call *call, unsigned int count, int timeout);
struct failure *resize_memory(struct vm *vm, struct call *call, unsigned long long mib,
                              int timeout);

/* An operation of these is cancelled. */
void resize_free(struct resize *resize);

#endif

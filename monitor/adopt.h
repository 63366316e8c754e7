/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_ADOPT_H
#define XENVM_MONITOR_ADOPT_H

#include "monitor/vm.h"

/*
 * Finds what an earlier monitor of this VM, or somebody else, left: takes a whole domain over in
 * the state it is in, and cleans up what was half done. May begin an operation. Called once,
 * before the event loop runs; with no Xen it only takes the record over. True where an earlier
 * monitor died when the VM was down or on its way there, and was to stay so.
 */
bool adopt(struct vm *vm);

/* Takes over a domain of this UUID that somebody else has just started. */
void adopt_newcomer(struct vm *vm);

#endif

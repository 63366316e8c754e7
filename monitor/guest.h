/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_GUEST_H
#define XENVM_MONITOR_GUEST_H

#include "monitor/vm.h"

/* Whether it has the drivers that `what` is asked of; a guest without them has buttons at best. */
bool guest_has_drivers(const struct vm *vm, const char *what);

/* Asks through control/shutdown, with a deadline for each of the two answers. */
void guest_ask(struct vm *vm, const char *what, int timeout,
               void (*ended)(struct vm *vm, unsigned int reason, struct failure *failure));

/* The same where an earlier monitor has asked, and died: waits for what it waited for. */
void guest_has_been_asked(struct vm *vm, const char *what, int timeout,
                          void (*ended)(struct vm *vm, unsigned int reason,
                                        struct failure *failure));

/* Forgets the request; `withdraw` also takes it back from the guest. */
void guest_forget(struct vm *vm, bool withdraw);

/* The guest's machine has gone to sleep, in its memory. */
void guest_sleeps(struct vm *vm);

/* The domain has ended, for a reason of SHUTDOWN_*, or is gone (a failure, taken over). */
void guest_ended(struct vm *vm, unsigned int reason, struct failure *failure);

/* The guest's control/shutdown has changed. */
void guest_answered(struct vm *vm);

/* Of one that did not do what it was asked for: xen/include/public/sched.h has the reasons. */
struct failure *guest_ended_instead(unsigned int reason);

#endif

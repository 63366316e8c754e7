/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_STATE_HOOKS_H
#define XENVM_MONITOR_STATE_HOOKS_H

/*
 * The host's own programs that are run at each change of a VM's state, those in
 * /etc/xenvm/hooks.d: one change after the other, and for each one program after the other. The VM
 * does not wait for them.
 */

#include <stdbool.h>

#include "monitor/vm.h"

struct state_hooks *state_hooks_open(struct vm *vm);

/* The VM has come from the state `old` to its present one; `reason` may be NULL. */
void state_hooks_changed(struct state_hooks *hooks, enum vm_state old, const char *reason);

/* Whether some have not come to their end. When they have, a monitor that is quitting ends. */
bool state_hooks_busy(const struct state_hooks *hooks);

/* Kills the one that runs and forgets the others. */
void state_hooks_give_up(struct state_hooks *hooks);

#endif

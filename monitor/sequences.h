/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_SEQUENCES_H
#define XENVM_MONITOR_SEQUENCES_H

/*
 * The sequences of the long operations. Each runs in steps between events and ends in
 * vm_finish(); a failure on the way takes back what was done first.
 */

#include "monitor/vm.h"

/* start.c: builds the domain of the configuration. For start, restart and a guest's reboot. */
void start_domain(struct vm *vm);

/* The last step: lets a whole domain run, unless it is to stay paused, and spends its image. */
struct failure *start_let_run(struct vm *vm);

/* Takes what a worker made, introduces it and lets it run: the common end of start and restore. */
void start_finish(struct vm *vm, const struct message *done);

/* Takes a domain that did not come up down again, then fails the operation. */
void start_undo(struct vm *vm, struct failure *failure);

/* Creates the domain of a plan whose sizes are set; checks memory first. */
struct failure *start_create(struct vm *vm, struct domain_plan *plan);

/* Adds what the worker has to know of the new domain. */
void start_describe(const struct vm *vm, const struct domain_plan *plan, struct message *message);

/* teardown.c: Destroys the domain and removes its nodes, then calls `done`. */
void tear_down(struct vm *vm, void (*done)(struct vm *vm));

/* stop.c */
/* To the ACPI state "s3" or "s4". */
void stop_sleep(struct vm *vm, const char *state);
void stop_shutdown(struct vm *vm, bool force);
void stop_restart(struct vm *vm, bool force);
/* Cancels what is under way; `call` may be NULL. */
void stop_destroy(struct vm *vm, struct call *call);

/* Begins to take down what an earlier monitor left half done; `again` starts the VM anew. */
void stop_leftover(struct vm *vm, bool again);

/* The domain is gone, by somebody else's doing. */
void stop_lost(struct vm *vm);

/* The domain ended by itself: what on_halt, on_reboot or on_crash say happens. */
void stop_by_guest(struct vm *vm, unsigned int reason);

/* stop_method.c */
/* What stop-method says, when the operation under way is over; no other stop is there yet. */
void stop_as_configured(struct vm *vm, struct call *call);
/* Begins what waits for its turn. */
void stop_in_turn(struct vm *vm);

/* save.c: suspend and checkpoint; the operation holds the options. */
void save_begin(struct vm *vm);

/* Begins to let a guest go on that nobody saves: `stopped` if it has suspended itself. */
void save_resume(struct vm *vm, bool stopped, bool live);

/* Begins to end a domain whose image, taken over, is whole. */
void save_conclude(struct vm *vm, struct image *image);

/* Gives up the image of a suspend that a destroy has cancelled; of any other operation, nothing. */
void save_withdraw(struct vm *vm, const struct image *image);

/* restore.c */
void restore_begin(struct vm *vm);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_MODEL_STATE_H
#define XENVM_MONITOR_MODEL_STATE_H

/* The state of an HVM guest's device model, which goes into the image beside the guest's memory. */

#include <stdbool.h>

#include "monitor/failure.h"

struct vm;

/* Whether the VM has a device model whose state belongs to the guest. */
bool model_state_matters(const struct vm *vm);

/* Whether its guest's image has a state for it to begin with: the operation's model_fd. */
bool model_state_comes(const struct vm *vm);

/*
 * Makes a file in memory to keep it in, the operation's model_fd. `*fd` is one more descriptor of
 * it, for a worker.
 */
struct failure *model_state_open(struct vm *vm, int *fd);

typedef void model_state_done(struct vm *vm, struct failure *failure);

/* Stops the device model and has its state written to the file. `done` comes from the event loop.
 */
void model_state_save(struct vm *vm, int fd, model_state_done *done);

/* Lets it go on; if it `logs` what it writes to, it need not any more. */
void model_state_go_on(struct vm *vm, bool logs);

/* Has it say from now on, or no longer, which pages of the guest it writes to. */
void model_state_log_dirty(struct vm *vm, bool enable, model_state_done *done);

#endif

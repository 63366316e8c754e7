/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_MODEL_ORDER_H
#define XENVM_MONITOR_MODEL_ORDER_H

/*
 * What the device model is told of its domain: words name=value, in no order, for
 * scripts/qemu-dm-wrapper, which makes them the arguments of the qemu at hand. The wrapper's head
 * says what they mean.
 */

#include "monitor/process.h"

struct vm;

/* The descriptors that it finds what it begins with at, the socket for QMP, and its disks. */
enum { MODEL_STATE_FD = 3, MODEL_QMP_FD, MODEL_FIRST_FILE_FD };

/* Each disk of a PC's buses twice. */
enum { MODEL_FILES_MAX = 2 * 11 };

struct model_order {
    char **words; /* the program and its arguments */
    size_t word_count;
    struct process_fd files[MODEL_FILES_MAX]; /* that it gets open */
    size_t file_count;
};

/* The domain's disks are ready. To be freed by model_order_free(), also after a failure. */
struct failure *model_order(struct model_order *order, struct vm *vm);
void model_order_free(struct model_order *order);

/* Where qemu listens for the monitor, malloc'd. */
char *model_socket(const struct vm *vm);

/* The empty folder that is all it sees where it has a user of its own, malloc'd. */
char *model_root(const struct vm *vm);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_KEEP_H
#define XENVM_MONITOR_KEEP_H

/*
 * What a VM has to know after the host has been down, in small files of /var/lib/xenvm/<uuid>/.
 * Each is replaced as a whole, by a worker: it is the one that waits for the disk.
 */

#include "monitor/vm.h"

/* Called when the disk has it; the failure is the receiver's. */
typedef void keep_done(struct vm *vm, struct failure *failure, void *arg);

/* The path of a file, malloc'd. */
char *keep_path(const struct vm *vm, const char *name);

/* Whether it is there. */
bool keep_has(const struct vm *vm, const char *name);

/*
 * Begins to write the content to a file, or with NULL to remove it. `done` is called later, unless
 * there is a failure now. What is under way holds up the end of the monitor.
 */
struct failure *keep_write(struct vm *vm, const char *name, const char *content, keep_done *done,
                           void *arg);

/* Removes what an earlier monitor has left half written of a file. */
void keep_tidy(const struct vm *vm, const char *name);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_MODEL_LOG_H
#define XENVM_MONITOR_MODEL_LOG_H

/* What a VM's device model has said: the file that it writes its messages to. */

struct vm;

/* malloc'd. */
char *model_log_path(const struct vm *vm);

/*
 * What it complained of: the last line with `sign` in it, or where that is NULL, the first one.
 * malloc'd, or NULL.
 */
char *model_log_complaint(const struct vm *vm, const char *sign);

/* Why it has ended: its first complaint, or else its name and what it said last, malloc'd. */
char *model_log_cause(const struct vm *vm);

/* Keeps the file from growing without end: a guest may have qemu complain for ever. */
void model_log_bound(const struct vm *vm);

#endif

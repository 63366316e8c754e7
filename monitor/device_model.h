/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_DEVICE_MODEL_H
#define XENVM_MONITOR_DEVICE_MODEL_H

/*
 * qemu, one for each domain that needs it: as the backend of disks that the kernel can't serve,
 * and for HVM guests as their machine. It has a session of its own and outlives the monitor.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "monitor/failure.h"

struct device_model;
struct qmp;
struct vm;

/*
 * Starts it for the domain, unless it is there. `ready` comes from the event loop, once; not
 * after a failure here.
 */
struct failure *device_model_start(struct vm *vm,
                                   void (*ready)(struct vm *vm, struct failure *failure));

/* Ends it, and removes what is left of it; `gone` comes at once where there is none. */
void device_model_stop(struct vm *vm, void (*gone)(struct vm *vm));

/* Nobody waits any more for its being ready. */
void device_model_cancel(struct vm *vm);

/* Takes over one that an earlier monitor started; a process of something else is left alone. */
void device_model_adopt(struct vm *vm, pid_t pid);

bool device_model_is_ready(const struct vm *vm);

/* For commands to it; NULL where nobody hears them: it is gone, or serves only disks. */
struct qmp *device_model_qmp(const struct vm *vm);

/* 0: none. */
pid_t device_model_pid(const struct vm *vm);

/* A guest that goes on without the device model that it had has crashed: Xen is told so. */
void device_model_check(struct vm *vm);

#endif

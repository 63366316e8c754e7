/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_FAMILIES_H
#define XENVM_MONITOR_FAMILIES_H

/* What the lists of the configuration differ in, where their entries become devices. */

#include <stddef.h>

#include "config/devices.h"
#include "monitor/device.h"
#include "monitor/failure.h"

struct vm;

/* Begins to attach a device; for a place that is taken, nothing. `about` is only read at once. */
typedef struct failure *device_adder(struct vm *vm, const struct device_kind *kind,
                                     const struct device_place *place, const char *label,
                                     const void *about);

struct family {
    const struct config_devices *list;
    const char *frontend; /* the folder that tells its devices from others' */
    void (*place)(const struct vm *vm, size_t index, struct device_place *place);
    /* What can be said against one before there is a domain. */
    struct failure *(*check)(const struct vm *vm, size_t index);
    /* Has it attached, where there is anything to attach. */
    struct failure *(*add)(struct vm *vm, size_t index, device_adder *adder);
};

/* The last one has no list. */
extern const struct family families[];

const struct family *family_of(const struct config_devices *list);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_DEVICE_NODES_H
#define XENVM_MONITOR_DEVICE_NODES_H

/*
 * What we write of a device in xenstore, at both of its ends, each time in one transaction.
 * xen/include/public/io/xenbus.h has the states.
 */

#include <stdbool.h>

#include "monitor/device.h"

/* All of it; a backend that we don't call begins at that. `about` is the kind's own. */
struct failure *device_nodes_write(const struct device *device, const void *about);

void device_nodes_remove(const struct device *device);

/* A backend that waited for it begins. */
void device_nodes_begin(const struct device *device);

/* The backend is to let the device go; `for_guest`: the frontend is said to have done so. */
void device_nodes_close(const struct device *device, bool for_guest);

/* And it is not, after all. */
void device_nodes_open(const struct device *device);

#endif

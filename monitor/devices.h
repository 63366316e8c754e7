/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_DEVICES_H
#define XENVM_MONITOR_DEVICES_H

/*
 * The devices of the VM's domain, all side by side. The lists of the configuration say which
 * there are to be, also the plugged ones; what stands in xenstore is the truth: devices that an
 * earlier monitor left are found there, and taken over or away.
 */

#include <stddef.h>
#include <stdint.h>

#include "config/devices.h"
#include "monitor/device.h"
#include "monitor/failure.h"

struct devices;
struct vm;

/* What can be said against the configuration's devices before there is a domain. */
struct failure *devices_check(const struct vm *vm);

struct failure *devices_check_one(const struct vm *vm, const struct config_devices *list,
                                  size_t index);

/* What can be said against a suspend: a device of the host has no state that could be saved. */
struct failure *devices_check_save(struct vm *vm);

/* The end of one thing or of all; the failure is the receiver's. */
typedef void devices_done(struct vm *vm, struct failure *failure);

/*
 * Attaches all devices of the configuration to the domain, whose nodes are there. `done` comes
 * from the event loop, or at once where there are none; after a failure, devices_stop() is due.
 */
void devices_start(struct vm *vm, devices_done *done);

/* The guest is let run, after its start or after a pause. */
void devices_guest_runs(struct vm *vm);

/* Waits until the guest's drivers have joined what was attached, and nothing is under way. */
void devices_join(struct vm *vm, devices_done *done);

/* Takes all devices of a domain that is no more away, also those half attached. */
void devices_stop(struct vm *vm, uint32_t domid, void (*done)(struct vm *vm));

/* qemu has logged something: it may be about a disk that it is to serve. */
void devices_hear(struct vm *vm);

/* qemu has ended by itself: what waits for it fails with this cause. */
void devices_give_up(struct vm *vm, const char *cause);

/* Nobody waits any more for the end of what is being started, attached or detached. */
void devices_cancel(struct vm *vm);

/*
 * Takes note of the devices that the domain has. What is not in the configuration, or was about
 * to go, goes.
 */
void devices_adopt(struct vm *vm);

/* Attaches one device of a list of the configuration. Not after a failure here is `done` called. */
struct failure *devices_attach(struct vm *vm, const struct config_devices *list, size_t index,
                               int seconds, devices_done *done);

/* Detaches one that the domain has; where the guest doesn't let it go, it stays. */
void devices_detach(struct vm *vm, const struct config_devices *list, size_t index,
                    enum device_removal how, int seconds, devices_done *done);

/*
 * One device of a list, or NULL where the domain hasn't got it: a cdrom drive without a medium.
 * Those of the host's PCI devices that are on one bus of the guest's are one device.
 */
struct device *devices_get(struct vm *vm, const struct config_devices *list, size_t index);

/* The one that a PCI bus is being made anew without, or NULL. */
const struct pci_device *devices_leaving(const struct vm *vm);

#endif

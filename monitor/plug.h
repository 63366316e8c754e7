/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_PLUG_H
#define XENVM_MONITOR_PLUG_H

/*
 * Devices that come and go while the guest is there: the long operations attach, detach, insert
 * and switch. Each changes the configuration's lists, which a reboot, a restore and a new monitor
 * then go by.
 */

#include <stddef.h>

#include "config/devices.h"
#include "config/disk.h"
#include "monitor/vm.h"

/*
 * They begin an operation that answers the call, or return a failure and have begun nothing; then
 * the call is still the caller's.
 */
struct failure *plug_attach(struct vm *vm, struct call *call, const struct config_devices *list,
                            const char *text, int timeout);
struct failure *plug_detach(struct vm *vm, struct call *call, const struct config_devices *list,
                            size_t index, bool force, int timeout);

/* Another medium for a cdrom drive; a NULL path takes it out. */
struct failure *plug_insert(struct vm *vm, struct call *call, size_t index,
                            enum disk_phystype phystype, const char *path, bool force, int timeout);

/* Another bridge for a network card. */
struct failure *plug_switch(struct vm *vm, struct call *call, size_t index, const char *bridge);

/* An operation of these is cancelled: its device, half attached, is to go with the domain. */
void plug_cancelled(struct vm *vm, struct operation *operation);

void plug_free(struct plug *plug);

/* {"disks": […]}, {"nics": […]} and {"pcis": […]}: new references. */
json_t *plug_list_disks(struct vm *vm);
json_t *plug_list_nics(struct vm *vm);
json_t *plug_list_pcis(struct vm *vm);

#endif

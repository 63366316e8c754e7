/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_DRIVE_H
#define XENVM_MONITOR_DRIVE_H

/* Disks that are part of an HVM guest's emulated machine. */

#include <stdbool.h>

#include "config/disk.h"
#include "monitor/failure.h"

struct vm;

/* Whether the guest finds it on one of the machine's own buses. */
bool drive_is_emulated(const struct vm *vm, const struct disk *disk);

struct drive_change;

/*
 * Puts a raw medium into the machine's cdrom drive, or takes out what is in there where `path` is
 * NULL. A guest that has locked it is asked, and has so many seconds to let it go; with `force` it
 * has none. `done` comes from the event loop, and what is returned is gone by then.
 */
struct drive_change *drive_insert(struct vm *vm, const struct disk *disk, const char *path,
                                  bool force, int seconds,
                                  void (*done)(struct vm *vm, struct failure *failure));

/* Nobody waits for it any more. NULL is fine. */
void drive_forget(struct drive_change *change);

#endif

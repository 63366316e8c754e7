/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_REAL_DISK_H
#define XENVM_MONITOR_REAL_DISK_H

/* What a disk of the host says of itself. */

#include <stdio.h>

/* As long as an emulated disk can have them; empty where the disk does not say. ASCII. */
struct real_disk {
    char vendor[8 + 1];
    char model[40 + 1];
    char serial[36 + 1];
};

/* From an entry of udev's database: lines, of which those that matter are E:NAME=VALUE. */
void real_disk_read(FILE *entry, struct real_disk *disk);

/*
 * Of the disk that the block device `path` is, is a partition of, or is made of as a volume of
 * device-mapper's: where there are several, or there is none, nothing is known.
 */
void real_disk_find(const char *path, struct real_disk *disk);

#endif

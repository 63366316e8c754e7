/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_VBD_H
#define XENVM_MONITOR_VBD_H

/* Disks as devices: xen/include/public/io/blkif.h. What is written is about a struct disk. */

#include "config/disk.h"
#include "monitor/device.h"

/* Of the kernel's backend, and of qemu's: backend/vbd and backend/qdisk. */
extern const struct device_kind vbd_kind, qdisk_kind;

/* Whether qemu is its backend, not the kernel. */
bool vbd_is_qemus(const struct disk *disk);

/* qemu's name of its format: raw, qcow2, … */
const char *vbd_qemu_format(const struct disk *disk);

/*
 * Whether an HVM guest finds it on a bus that its BIOS knows, emulated, besides: hda to hdd on an
 * IDE bus, sda to sdg on a SCSI bus.
 */
bool vbd_is_emulated(const struct disk *disk);

/* "disk xvda (/dev/vg/test)", malloc'd. */
char *vbd_label(const struct disk *disk);

/* What can be seen of its files without opening them: that they are there, and of the kind. */
struct failure *vbd_check(const struct disk *disk);

#endif

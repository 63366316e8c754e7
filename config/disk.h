/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_CONFIG_DISK_H
#define XENVM_CONFIG_DISK_H

/* The key `disk`: physpath:phystype:virtpath:mode:devtype[:k=v...] */

#include <stdbool.h>
#include <stdint.h>

#define DISK_FORMAT "physpath:phystype:virtpath:mode:devtype[:k=v...]"

/* What stands behind a disk, and who serves it. */
enum disk_phystype {
    DISK_PHY,   /* a block device, blkback */
    DISK_FILE,  /* a raw file by a loop device, blkback */
    DISK_AIO,   /* a raw file, qemu */
    DISK_QCOW,  /* qemu */
    DISK_QCOW2, /* qemu */
    DISK_VHD,   /* qemu */
};

enum { DISK_VIRTPATH_SIZE = 16 };

struct disk {
    char *physpath; /* absolute; NULL: a cdrom without a medium */
    enum disk_phystype phystype;
    char virtpath[DISK_VIRTPATH_SIZE]; /* as given: xvda, sdb1 */
    uint32_t number;                   /* that as xenstore has it */
    bool writable;
    bool cdrom; /* never writable, always a whole disk */
    unsigned int backend_domid;
    char *cipher; /* of dm-crypt; NULL: not encrypted. Then phystype is DISK_PHY or DISK_FILE. */
    unsigned int key_size; /* in bits; 0: not given */
    char *key_file;        /* absolute; not NULL where cipher isn't */
    bool share;            /* may be in use elsewhere while it is writable here */
};

/* Reads a value. NULL with `*error`, malloc'd, that names the wrong part and what is accepted. */
struct disk *disk_parse(const char *value, char **error);

/* The value as text that disk_parse() reads, malloc'd: never longer than what it came from. */
char *disk_text(const struct disk *disk);

void disk_free(struct disk *disk);

const char *disk_phystype_name(enum disk_phystype phystype);

/*
 * The number of a virtual block device, the name of its xenstore folder, from its virtpath:
 * "Concrete encoding in the VBD interface" of Xen's xen-vbd-interface(7). False for what is none.
 */
bool disk_number(const char *virtpath, uint32_t *number);

/*
 * Whether one VM can have both: not the same virtpath twice, and not a whole disk beside one of
 * its partitions. NULL, or what is wrong about `disk`, malloc'd.
 */
char *disk_conflict(const struct disk *disk, const struct disk *other);

/*
 * Changes a cdrom's medium; a NULL physpath takes it out. NULL, or what is wrong, malloc'd; the
 * disk is then as it was.
 */
char *disk_set_medium(struct disk *disk, enum disk_phystype phystype, const char *physpath);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_WORKER_BOOTLOADER_H
#define XENVM_WORKER_BOOTLOADER_H

/*
 * xenvm-bootloader SECONDS VIRTPATH:FORMAT:PATH... -- PROGRAM ARGUMENT...
 *
 * Runs a bootloader of Xen's kind, such as pygrub, on disks whose bytes are a guest's. It has a
 * root of its own with /usr to read, the disks to read, and one folder to write to; it is nobody,
 * without capabilities or network, and has limits. Its arguments and its answer are those that
 * libxl gives and takes (xen/tools/libs/light/libxl_bootloader.c).
 *
 * The kernel that it finds, its initrd and command line are written to descriptors 3, 4 and 5.
 * Everything else goes when the process ends, however it ends: the namespaces, what is mounted
 * in them, the loop devices. A failure is one line on standard error, and status 1.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Where the bootloader's root is, in a namespace of our own. */
#define BOOTLOADER_ROOT "/run"
/* Within that root: */
#define BOOTLOADER_OUT    "/out"
#define BOOTLOADER_RESULT "result"

enum {
    BOOTLOADER_SPACE_MIB = 512,        /* of what it writes */
    BOOTLOADER_ANSWER_MAX = 64 * 1024, /* bytes */
    BOOTLOADER_SAYS_MAX = 1024 * 1024, /* bytes, on standard output and error */
    BOOTLOADER_MEMORY_MIB = 1024,      /* of each of its processes */
    BOOTLOADER_PROCESSES = 64,
};

struct boot_user {
    uid_t uid;
    gid_t gid;
};

struct boot_disk {
    const char *virtpath;
    dev_t device;
};

struct boot_order {
    int seconds; /* of processor time */
    struct boot_disk *disks;
    size_t disk_count;
    char **program; /* its path and arguments; ends with NULL */
    struct boot_user user;
};

/* What a bootloader answered; points into its text. */
struct boot_answer {
    const char *kernel, *ramdisk; /* paths; ramdisk may be NULL */
    const char *args;             /* NULL: none */
};

/* Ends the process with the line that says why. What is in it may be the bootloader's words. */
void give_up(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The block device that a raw disk's path stands for: itself, or a loop device that lasts as we do.
 */
dev_t bootloader_open_disk(const char *path);

/* That of an image in a format of qemu's, which qemu-nbd serves as long as we last. */
dev_t bootloader_open_image(const char *path, const char *format);

/* Before the guest's own qemu opens them; what is left of them when we are killed ends then. */
void bootloader_close_images(void);

/* Enters namespaces of our own; the next child is the first process of its own. */
void bootloader_make_room(const struct boot_order *order);

/* In that child, as the last thing: becomes the bootloader. `output` is a pipe. */
void bootloader_run(const struct boot_order *order, int output) __attribute__((noreturn));

/* Reads `size` bytes, behind which there is a NUL. NULL, or what is wrong with them. */
const char *bootloader_parse(const char *text, size_t size, struct boot_answer *answer);

#endif

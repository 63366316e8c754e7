/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_BOOTLOADER_H
#define XENVM_MONITOR_BOOTLOADER_H

/*
 * The bootloader of a PV or PVH guest: a program that finds kernel, initrd and command line in
 * the guest's disks. worker/bootloader.h says how it is confined. What it finds is in memory
 * that has no name, so that nothing is left of it whatever ends first.
 */

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

#include "config/config.h"
#include "monitor/failure.h"

struct bootloader;

/* The end, once: NULL, or a failure to own. */
typedef void bootloader_ended(struct failure *failure, void *arg);

/* What it found. All but the descriptors belongs to the bootloader. */
struct boot_parts {
    int fds[2]; /* kernel and, where `count` is 2, initrd */
    size_t count;
    const char *origin;  /* for messages, behind "kernel" or "initrd" */
    const char *cmdline; /* "": none */
};

/* Whether the guest is started by one; what the configuration has is its kernel otherwise. */
bool bootloader_wanted(const struct vm_config *config);

/* Starts the configuration's. */
struct failure *bootloader_start(struct bootloader **result, struct event_base *base,
                                 const struct vm_config *config, bootloader_ended *ended,
                                 void *arg);

/* What one that ended without a failure found, once. */
struct failure *bootloader_take(struct bootloader *bootloader, struct boot_parts *parts);

/* Kills it where it still runs; `ended` is not called any more. NULL is fine. */
void bootloader_free(struct bootloader *bootloader);

#endif

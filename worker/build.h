/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_WORKER_BUILD_H
#define XENVM_WORKER_BUILD_H

/* What is different between the kinds of guests when they are built. */

#include <xenctrl.h>
#include <xenguest.h>

#include "worker/worker.h"

/* A file of the order, mapped. */
struct blob {
    void *data;
    size_t size;
};

struct guest_kind {
    const char *type;  /* as the configuration has it */
    const char *title; /* for people */
    const char *part;  /* the key of what it begins with */
    int container;     /* XC_DOM_PV_CONTAINER or XC_DOM_HVM_CONTAINER */
    /* Hands the files to the library. 0 or -1, reported; as the two below. */
    int (*load)(struct worker *worker, struct xc_dom_image *dom);
    /* Where its memory is to be; returns how many MiB that are. */
    unsigned long (*lay_out)(struct worker *worker, struct xc_dom_image *dom);
    /* What it is told of its machine, once its memory is there. NULL: nothing. */
    int (*describe)(struct worker *worker, struct xc_dom_image *dom);
    /* The last touch, once all is in its memory. NULL: nothing. */
    int (*finish)(struct worker *worker, struct xc_dom_image *dom);
};

extern const struct guest_kind pvh_kind, hvm_kind;

/* What the guest's processors can do. As xc_cpuid_apply_policy(). */
int build_set_cpuid(struct worker *worker, bool restoring);

/* Kernel and initrd, of a guest that starts with them. */
int build_load_kernel(struct worker *worker, struct xc_dom_image *dom);

/* The file that the order has as `number`, called `key` there. 0 or -1, reported. */
int build_map_file(struct worker *worker, const char *key, int number, struct blob *blob);

/* The host's tables that an HVM guest is to be shown. 0 or -1, reported. */
int build_host_tables(struct worker *worker, struct xc_dom_image *dom);

/* Adds where the library has put them in the guest's memory. */
void build_tell_tables(struct worker *worker, const struct xc_dom_image *dom, struct message *done);

/* MiB that the guest begins with, and that it can have. */
unsigned long build_memory(const struct worker *worker);
unsigned long build_memory_max(const struct worker *worker);

/* Tells the guest, where it asks Xen, which addresses are what. */
int build_set_map(struct worker *worker, struct xc_dom_image *dom, struct e820entry *map,
                  unsigned int count);

#endif

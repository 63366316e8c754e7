/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_MEMORY_H
#define XENVM_MONITOR_MEMORY_H

/*
 * Where the memory of a VM is, if it is in no domain: it exists once. /var/lib/xenvm/<uuid>/memory
 * is the record of that, and outlives monitor and host. Images are numbered in the order in which
 * they were made, wherever that was, by generations. An image of a generation that the record knows
 * is void, but for the one that is named in it.
 *
 * The worker of a suspend writes the record when the disk has the image, just before that gets its
 * name; the worker of a start or restore, just before the guest's first step. So after any end of
 * monitor or host the VM's memory is in its domain, in the image named, or gone with the domain.
 */

#include <stdbool.h>

#include <jansson.h>

#include "monitor/failure.h"
#include "protocol/message.h"

struct vm;

struct memory {
    unsigned long long generation; /* of the newest image known of; 0: none was ever made */
    char *image;                   /* the path of the one that holds the VM's memory, or NULL */
    char *temporary;               /* and that which it had before it was whole, or NULL */
    json_t *config; /* what the guest in the image was built of: see configs_record() */
    bool unknown;   /* there is a record, but it can't be read */
};

/* The VM's own folder, malloc'd, and that it is there. */
char *memory_folder(const struct vm *vm);
struct failure *memory_make_folder(const struct vm *vm);
/* Where nothing is in it any more. */
void memory_remove_folder(const struct vm *vm);

/* The record's path, malloc'd. */
char *memory_record_path(const struct vm *vm);

/* Reads the record. Of one that can't be read the log tells: what it said is not known then. */
void memory_read(struct vm *vm);

/* Why a VM whose record can't be read must not be started anew. */
struct failure *memory_unknown(const struct vm *vm);

/* Gives an image its name, if the host went down just before. */
void memory_complete(struct vm *vm);

/*
 * A file is about to be written to, under a name that it has until it is whole. A link in the VM's
 * folder points there, which a host that goes down leaves along with the file.
 */
void memory_note_writing(const struct vm *vm, const char *temporary);
void memory_note_written(const struct vm *vm);

/* Removes such a file, where the host went down before it was whole. */
void memory_sweep(const struct vm *vm);

/*
 * What the VM's memory is in from now on; NULL: no image. Takes over `config`, which is that of the
 * guest in it. Others write the record.
 */
void memory_set(struct vm *vm, unsigned long long generation, const char *image, json_t *config);

/* The guest in the image is still of `config`, but says more by now: taken over. Waits for the
 * disk. */
void memory_set_config(struct vm *vm, json_t *config);

/* No image holds it: it is in a domain, or gone. Waits for the disk, where the record names one. */
void memory_forget(struct vm *vm);

/* Has the record name the image again, after a start that came to nothing. Waits for the disk. */
void memory_keep(const struct vm *vm);

/* Whether the record names an image, whatever this monitor knows. */
bool memory_is_named(const struct vm *vm);

/* Tells a worker to write that to the record. */
void memory_order(const struct vm *vm, struct message *order, const struct memory *memory);

/* Why an image must not be restored, or NULL. Its facts are what the worker read in it. */
struct failure *memory_check(const struct vm *vm, const struct message *facts);

/* As other records hold it; taking it over from one of those where the disk has another. */
json_t *memory_object(const struct vm *vm);
void memory_put_back(struct vm *vm, const json_t *object);

#endif

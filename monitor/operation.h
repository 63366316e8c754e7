/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_OPERATION_H
#define XENVM_MONITOR_OPERATION_H

/* A long operation: what was asked for, and how far it has come. A VM has one at a time. */

#include <stdbool.h>
#include <sys/types.h>

#include "monitor/domain.h"
#include "monitor/failure.h"
#include "protocol/commands.h"

struct bootloader;
struct call;
struct plug;
struct resize;
struct vm;

enum operation_kind {
    OP_START,
    OP_RESTORE,
    OP_SHUTDOWN,
    OP_RESTART,
    OP_DESTROY,
    OP_SUSPEND,
    OP_CHECKPOINT,
    OP_ATTACH, /* of plug.c, as the three below */
    OP_DETACH,
    OP_INSERT,
    OP_SWITCH,
    OP_RESIZE, /* of resize.c */
    OP_SLEEP,  /* to an ACPI state */
    OP_RESUME, /* of a guest that suspended itself unasked */
};

/* The file that a suspend or checkpoint writes, or a restore reads. */
struct image {
    char *path;
    char *temporary; /* its path while it is being written */
    char *token;
    dev_t device; /* of the file, known from its creation on, whatever its name is */
    ino_t inode;
};

struct operation {
    enum operation_kind kind;
    enum vm_state before; /* where a failure leads back to */
    struct call *call;    /* who asked; NULL: nobody waits */
    /* Called at the end in place of a call; the failure stays the caller's. */
    void (*ended)(struct vm *vm, const struct failure *failure);

    bool paused; /* leave the guest paused */
    bool live;
    bool overwrite;
    bool delete_image;
    bool force;
    int timeout; /* seconds that the guest has for what it was asked */
    bool asked;  /* it has been, for a shutdown or a restart */
    bool stop;   /* an earlier monitor's `stop` began it, or waited for its end */
    struct image image;
    unsigned long long generation; /* the image's */

    bool guest_stopped;      /* the guest has suspended itself for us */
    int resume_tries;        /* to let it go on */
    bool image_done;         /* the image is whole and has its name */
    struct failure *failure; /* known, while what was done is being taken back */
    struct domain_plan plan;
    struct vm_config *one_off; /* what a start is to build this time; NULL: what it always does */
    int model_fd;              /* of the device model's state; -1: none */
    bool model_logs;           /* it tells which memory it writes to */
    unsigned long long done, total, pass; /* pages */
    struct bootloader *bootloader;        /* NULL: none */
    struct plug *plug;                    /* of OP_ATTACH to OP_SWITCH */
    struct resize *resize;                /* of OP_RESIZE */
};

const char *operation_name(const struct operation *operation);

void operation_free(struct operation *operation);

void image_free(struct image *image);

/* Whether the file that was being written has got its name. */
bool image_is_whole(const struct image *image);

/* Removes the unfinished file, if it is still the one that was made. */
void image_discard(const struct image *image);

/* The same, and also if it has got its name already. */
void image_withdraw(const struct image *image);

#endif

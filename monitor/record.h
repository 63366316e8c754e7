/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_RECORD_H
#define XENVM_MONITOR_RECORD_H

/*
 * The runtime record, vm-<uuid>.state: what a new monitor can't read back from Xen. Replaced by
 * rename, so that it is whole at any instant.
 */

#include "monitor/vm.h"

struct record {
    enum vm_state state;
    uint32_t domid; /* DOMID_INVALID: none */
    char *reason;
    json_t *memory; /* memory_object()'s */
    long long crashes[CRASHES_KEPT];
    pid_t model;          /* qemu's; 0: none */
    json_t *config;       /* configs_record()'s, or NULL */
    uint8_t event_vector; /* of the struct sleep, as the next */
    int sleep_pause;

    bool operating; /* the rest is of an operation that was under way */
    char *operation;
    enum vm_state before;
    bool live;
    bool paused;
    bool delete_image;
    bool force;
    int timeout;
    bool asked;
    bool stop;    /* it was `stop` that began it, or waits for its end */
    pid_t worker; /* 0: none */
    struct image image;
};

/* Errors are logged: a monitor without a record is worse off, but its guest is not. */
void record_write(const struct vm *vm);

/* Whether there is one: the last monitor of this VM has died, or left it with a domain. */
bool record_is_there(const struct vm *vm);

/* False where there is none that can be used. */
bool record_read(const struct vm *vm, struct record *record);
void record_free(struct record *record);

/* A VM that is down and has nothing to remember leaves nothing behind. */
void record_remove(const struct vm *vm);

#endif

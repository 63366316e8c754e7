/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_DEVICE_H
#define XENVM_MONITOR_DEVICE_H

/*
 * One paravirtual device of a domain: its frontend's and backend's nodes in xenstore, and what
 * the scripts that udev calls say in them (scripts/hotplug.sh is the other side):
 *   hotplug-status  connected: the host's side is ready; removed: nothing is left of it
 *   hotplug-error   why it could not be made ready
 * xen/include/public/io/xenbus.h has the states, xen/docs/misc/xenstore-paths.pandoc the paths.
 */

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>
#include <xenctrl.h>

#include "monitor/failure.h"
#include "monitor/script.h"
#include "monitor/store.h"

struct device;

/* What stands in the paths, and does not change while the device is there. */
struct device_place {
    uint32_t domid; /* the frontend's */
    uint32_t backend_domid;
    uint32_t id;
};

/* What a kind of device has of its own. */
struct device_kind {
    const char *name;     /* for people: disk */
    const char *frontend; /* the folder in device/: vbd */
    const char *backend;  /* the folder in backend/: vbd, qdisk */
    const char *script;   /* what udev calls for it */
    bool called;          /* we call the script, not udev, and then let the backend begin */
    int ready;            /* where called: the backend's state when it can serve the guest */
    /* The nodes besides those that all have, below the two roots; `about` is device_add()'s. */
    void (*write_frontend)(struct writing *writing, const void *about);
    void (*write_backend)(struct writing *writing, const void *about);
    /* Where called: what is to be done between script and backend; NULL for nothing. */
    struct failure *(*prepare)(const struct device *device, void *arg);
    /* And what takes that back, after the guest and before the script; NULL for nothing. */
    void (*release)(const struct device *device, void *arg);
};

/*
 * The end of an adding or removing, from the event loop: done, or a failure to own. A device
 * that could not be added is still to be removed; one that could not be removed is as it was.
 */
typedef void device_settled(struct device *device, struct failure *failure, void *arg);

struct device_context {
    struct event_base *base;
    struct store *store;
    xc_interface *xch;
    device_settled *settled;
    void *arg; /* of these, and of the kinds' `prepare` and `release` */
};

/* `label` names it in messages: "disk xvda (/dev/vg/test)". It has no nodes yet. */
struct device *device_new(const struct device_context *context, const struct device_kind *kind,
                          const struct device_place *place, const char *label);

/* One whose nodes are there already, of an earlier monitor. */
struct device *device_found(const struct device_context *context, const struct device_kind *kind,
                            const struct device_place *place, const char *label);

/* Forgets the device; its nodes stay. NULL is fine. */
void device_free(struct device *device);

/* Begins to make the host's side ready. Its `settled` comes later, but not after a failure here. */
struct failure *device_add(struct device *device, const void *about);

enum device_removal {
    DEVICE_ASK,  /* the guest lets it go, within the seconds; or it stays */
    DEVICE_TAKE, /* the guest is not asked */
    DEVICE_BURY, /* the guest is dead */
    DEVICE_DROP, /* and so is the backend, or it never began */
};

void device_remove(struct device *device, enum device_removal how, int seconds);

/* Its guest is let run: a driver that has not begun may do so from now on. */
void device_guest_runs(struct device *device);

/*
 * Its guest is to be suspended: where its two ends are still joining, it moves, and has settled
 * when they are done, or if no driver of the guest has begun.
 */
void device_join(struct device *device);

/* False for one that another toolstack made: xl, say. */
bool device_is_ours(const struct device *device);

/* Whether nothing of it is left, and it is to be freed. */
bool device_is_gone(const struct device *device);

/* Whether its backend is to stay: false for one that somebody has begun to remove. */
bool device_is_online(const struct device *device);

/* Ends the wait for a device that is being attached: its backend has said elsewhere what is wrong.
 */
void device_give_up(struct device *device, const char *cause);

/* Whether it is being attached, and not ready yet. */
bool device_is_coming(const struct device *device);

/* Whether `settled` is still to come. */
bool device_is_moving(const struct device *device);

/* Whether it is on its way out. */
bool device_is_leaving(const struct device *device);

const char *device_label(const struct device *device);
const struct device_kind *device_kind(const struct device *device);
const struct device_place *device_place(const struct device *device);
struct store *device_store(const struct device *device);

/* The folders of its two ends in xenstore. */
void device_backend_path(const struct device *device, char path[STORE_PATH_SIZE]);
void device_frontend_path(const struct device *device, char path[STORE_PATH_SIZE]);

/* A node of the backend: malloc'd, or NULL. */
char *device_read(const struct device *device, const char *node);

/* A number there; `missing` where there is none. */
long long device_number(const struct device *device, const char *node, long long missing);

struct failure *device_write(struct device *device, const char *node, const char *value);

/* Calls the device's script as udev does. Not `ended` after a failure here. */
struct failure *device_script(const struct device *device, struct script **script,
                              const char *action, int seconds, script_ended *ended, void *arg);

/* For people: what the two sides have come to: "connected", "waiting for the guest". */
const char *device_condition(const struct device *device);

#endif

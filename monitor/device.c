/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xen/io/xenbus.h>

#include "monitor/device_nodes.h"
#include "monitor/farewell.h"
#include "monitor/log.h"
#include "monitor/script.h"
#include "monitor/util.h"

enum {
    ADD_S = 60,    /* udev may have a hundred others to do first */
    CALLED_S = 60, /* and on a busy host qemu is slow to start */
    TAKE_S = 20,   /* then the script is called without udev */
    BEGIN_S = 2,   /* a guest's driver begins as soon as it sees the device, if there is one */
    SLOW_S = 10,   /* also in a slow guest, which would be lost if it were asked too early */
    JOIN_S = 10,   /* and the two ends are soon done with each other */
    SCRIPT_S = 60, /* and its end waited for */
    CAUSE_MAX = 400,
};

enum stage {
    STAGE_NEW,
    STAGE_COMING,
    STAGE_THERE,
    STAGE_UNSEEN,  /* somebody waits for the guest's driver to begin */
    STAGE_JOINING, /* and now for its two ends to be done with each other */
    STAGE_ASKED,   /* the guest is to let it go */
    STAGE_TAKEN,   /* the backend is to let it go */
    STAGE_FORCED,  /* the script is at work, called by us */
    STAGE_GONE,
};

struct device {
    struct device_context context;
    const struct device_kind *kind;
    struct device_place place;
    char *label;
    enum stage stage;
    struct store_wait wait;
    struct store_watch *frontend; /* while both ends are waited for */
    struct script *script;
    struct farewell *farewell; /* the guest's, when nothing of it is left here */
    bool ours;                 /* as its backend's nodes said, which QEMU removes by itself */
    bool scripted;             /* a script has been at work for it, and will be when it goes */
    time_t since; /* when the guest could first see it, at the earliest: CLOCK_MONOTONIC */
    bool moving;  /* not settled yet */
    bool going;
    enum device_removal how;
    int seconds;
};

void device_backend_path(const struct device *device, char path[STORE_PATH_SIZE])
{
    const struct device_place *place = &device->place;

    snprintf(path, STORE_PATH_SIZE, "/local/domain/%u/backend/%s/%u/%u", place->backend_domid,
             device->kind->backend, place->domid, place->id);
}

void device_frontend_path(const struct device *device, char path[STORE_PATH_SIZE])
{
    snprintf(path, STORE_PATH_SIZE, "/local/domain/%u/device/%s/%u", device->place.domid,
             device->kind->frontend, device->place.id);
}

char *device_read(const struct device *device, const char *node)
{
    char path[STORE_PATH_SIZE];

    device_backend_path(device, path);
    return store_read(device->context.store, "%s/%s", path, node);
}

static bool backend_is(const struct device *device, const char *node, const char *wanted)
{
    char *value = device_read(device, node);
    bool same = value && !strcmp(value, wanted);

    free(value);
    return same;
}

long long device_number(const struct device *device, const char *node, long long missing)
{
    char path[STORE_PATH_SIZE];

    device_backend_path(device, path);
    return store_number(device->context.store, missing, "%s/%s", path, node);
}

static int backend_state(const struct device *device)
{
    return (int)device_number(device, "state", XenbusStateUnknown);
}

static int frontend_state(const struct device *device)
{
    char path[STORE_PATH_SIZE];

    device_frontend_path(device, path);
    return (int)store_number(device->context.store, XenbusStateUnknown, "%s/state", path);
}

/* Whether this domain's kernel has the backend. */
static bool kernel_has(const struct device *device)
{
    char path[96];

    snprintf(path, sizeof(path), "/sys/bus/xen-backend/devices/%s-%u-%u", device->kind->backend,
             device->place.domid, device->place.id);
    return access(path, F_OK) == 0;
}

static time_t now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static void end_wait(struct device *device)
{
    store_end_wait(&device->wait);
    store_unwatch(device->frontend);
    device->frontend = NULL;
}

static void settle(struct device *device, enum stage stage, struct failure *failure)
{
    end_wait(device);
    if (device->stage == STAGE_COMING)
        device->since = now_s();
    device->stage = stage;
    device->moving = false;
    device->context.settled(device, failure, device->context.arg);
}

/* Coming */

/* The script's own word of what is wrong, or NULL. */
static struct failure *hotplug_error(const struct device *device)
{
    char *error = device_read(device, "hotplug-error");
    struct failure *failure = NULL;

    if (error && *error) {
        error[strnlen(error, CAUSE_MAX)] = '\0';
        make_line(error);
        failure = fail(RPC_FAILED, "cannot attach %s: %s", device->label, error);
    }
    free(error);
    return failure;
}

static bool is_ready(const struct device *device)
{
    int state = backend_state(device);

    return state >= device->kind->ready && state < XenbusStateClosing;
}

/* The kernel's word of why its backend gave up, which it leaves for good; or NULL. */
static struct failure *backend_error(const struct device *device)
{
    const struct device_place *place = &device->place;
    char path[STORE_PATH_SIZE];

    if (backend_state(device) < XenbusStateClosing)
        return NULL;
    snprintf(path, sizeof(path), "/local/domain/%u/error/backend/%s/%u", place->backend_domid,
             device->kind->backend, place->domid);
    char *error = store_read(device->context.store, "%s/%u/error", path, place->id);
    if (error)
        make_line(error);
    struct failure *failure = fail(RPC_FAILED, "cannot attach %s: %s: %s", device->label,
                                   device->kind->backend, error ? error : "it gave up");
    free(error);
    store_remove(device->context.store, path);
    return failure;
}

static void look_coming(struct device *device)
{
    struct failure *failure = hotplug_error(device);

    if (!failure)
        failure = backend_error(device);

    if (failure) {
        device->scripted = true;
        settle(device, STAGE_COMING, failure);
    } else if (device->kind->called ? is_ready(device)
                                    : backend_is(device, "hotplug-status", "connected")) {
        device->scripted = true;
        settle(device, STAGE_THERE, NULL);
    }
}

/* Leaving */

static bool is_gone(struct device *device)
{
    char *status = device_read(device, "hotplug-status");
    bool removed = status && !strcmp(status, "removed"), local = device->place.backend_domid == 0;
    int state = backend_state(device);
    bool closed = state == XenbusStateUnknown || state == XenbusStateClosed;

    device->scripted = device->scripted || status;
    free(status);
    if (removed)
        return true;
    /*
     * Nobody calls a script for what is not ours, and for those called we do, at the end. What a
     * driver domain does afterwards is its own affair.
     */
    if (device->kind->called || !device->ours || !local)
        return closed;
    return !device->scripted && !kernel_has(device);
}

static void finish_leaving(struct device *device);
static void leave(struct device *device);
static void wait_for(struct device *device, enum stage stage, int seconds);
static void on_change(void *arg);

/* Whether its two ends are done with each other, or are past that. */
static bool is_joined(const struct device *device, int frontend)
{
    int backend = backend_state(device);

    if (backend == XenbusStateUnknown || backend > XenbusStateConnected)
        return true;
    switch (frontend) {
    case XenbusStateInitialising:
    case XenbusStateInitialised:
        return false;
    case XenbusStateConnected: /* a network card's goes there first */
        return backend == XenbusStateConnected;
    default:
        return true;
    }
}

/*
 * Begins to wait until its two ends have joined; false if they have, or if there is no driver:
 * one begins in `begin` seconds. Linux's blkfront bears no other order meanwhile: told to close,
 * or suspended, its guest's xenwatch thread dies (in talk_to_blkback; in blkfront_resume), and
 * that guest hears of nothing any more. It may look at a request before it has seen that its
 * backend is Connected, which came earlier. And Linux's netback then writes Connected over our
 * Closing, which the guest never sees.
 */
static bool join(struct device *device, int begin)
{
    int frontend = frontend_state(device);
    bool begun = frontend > XenbusStateInitialising;
    int left = begun ? JOIN_S : (int)(device->since + begin - now_s());
    char path[STORE_PATH_SIZE];

    if (is_joined(device, frontend) || left <= 0)
        return false;
    device->moving = true;
    wait_for(device, begun ? STAGE_JOINING : STAGE_UNSEEN, left);
    device_frontend_path(device, path);
    device->frontend = store_watch(device->context.store, path, on_change, device);
    return true;
}

static void end_join(struct device *device)
{
    if (device->going)
        leave(device);
    else
        settle(device, STAGE_THERE, NULL);
}

static bool is_waiting(const struct device *device)
{
    return device->stage == STAGE_UNSEEN || device->stage == STAGE_JOINING;
}

/* A driver that has begun late has its time, too. */
static void look_joining(struct device *device, bool late)
{
    int frontend = frontend_state(device);
    bool begins = device->stage == STAGE_UNSEEN && frontend > XenbusStateInitialising;

    if (begins ? !join(device, 0) : late || is_joined(device, frontend))
        end_join(device);
}

static void look_leaving(struct device *device)
{
    if (is_gone(device))
        finish_leaving(device);
}

static void gone(void *arg)
{
    settle(arg, STAGE_GONE, NULL);
}

/* A guest that is alive and has it. */
static struct farewell *find_farewell(const struct device *device)
{
    const struct device_context *with = &device->context;
    char frontend[STORE_PATH_SIZE];

    if (device->how != DEVICE_ASK && device->how != DEVICE_TAKE)
        return NULL;
    device_frontend_path(device, frontend);
    return farewell_new(with->base, with->xch, with->store, device->place.domid, frontend);
}

static void on_script_end(struct failure *failure, void *arg)
{
    struct device *device = arg;

    device->script = NULL;
    if (failure)
        log_error("%s: %s", device->label, failure->text);
    failure_free(failure);
    device->farewell = find_farewell(device);
    device_nodes_remove(device);
    if (device->farewell)
        farewell_wait(device->farewell, gone, device);
    else
        gone(device);
}

struct failure *device_write(struct device *device, const char *node, const char *value)
{
    char backend[STORE_PATH_SIZE], path[STORE_PATH_SIZE + 32];

    device_backend_path(device, backend);
    snprintf(path, sizeof(path), "%s/%s", backend, node);
    return store_write(device->context.store, path, value);
}

struct failure *device_script(const struct device *device, struct script **script,
                              const char *action, int seconds, script_ended *ended, void *arg)
{
    char *path = text(XENVM_LIBEXECDIR "/%s", device->kind->script);
    char *xenbus_path = text("XENBUS_PATH=backend/%s/%u/%u", device->kind->backend,
                             device->place.domid, device->place.id);
    const char *const argv[] = { path, action, NULL };
    const char *const environment[] = { xenbus_path, NULL };
    const struct script_order order = { .argv = argv,
                                        .environment = environment,
                                        .seconds = seconds };
    struct failure *failure = script_start(script, device->context.base, &order, ended, arg);

    free(xenbus_path);
    free(path);
    return failure;
}

/* Calls the script where nobody else does, or has; then nothing is left. */
static void finish_leaving(struct device *device)
{
    bool by_us = device->kind->called || device->stage == STAGE_FORCED;
    struct failure *failure = NULL;

    end_wait(device);
    device->stage = STAGE_FORCED;
    if (device->kind->release && device->ours)
        device->kind->release(device, device->context.arg);
    if (by_us && device->place.backend_domid == 0 && device->ours)
        failure = device_script(device, &device->script, "remove", SCRIPT_S, on_script_end, device);
    if (!device->script)
        on_script_end(failure, device);
}

/* Nobody has answered: what udev would have had done is done without it. */
static void force(struct device *device)
{
    if (device->how != DEVICE_DROP)
        log_warning("%s: nobody takes it away, neither %s nor udev: forced", device->label,
                    device->kind->backend);
    device->stage = STAGE_FORCED;
    finish_leaving(device);
}

static void refused(struct device *device)
{
    struct failure *failure =
        fail(RPC_TIMED_OUT, "the guest did not let go of %s in %d s (force=true does not ask it)",
             device->label, device->seconds);

    device_nodes_open(device);
    device->going = false;
    settle(device, STAGE_THERE, failure);
}

static struct failure *too_late(const struct device *device)
{
    if (device->place.backend_domid != 0)
        return fail(RPC_TIMED_OUT, "cannot attach %s: no answer from domain %u in %d s",
                    device->label, device->place.backend_domid, ADD_S);
    if (!device->kind->called)
        return fail(RPC_TIMED_OUT,
                    "cannot attach %s: no answer from udev in %d s (are xenvm's rules there, and "
                    "the kernel's xen-blkback and xen-netback?)",
                    device->label, ADD_S);
    return fail(RPC_TIMED_OUT, "cannot attach %s: no answer from its backend in %d s",
                device->label, CALLED_S);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct device *device = arg;

    if (is_waiting(device))
        look_joining(device, true);
    else if (device->stage == STAGE_ASKED)
        refused(device);
    else if (device->stage == STAGE_TAKEN)
        force(device);
    else
        settle(device, STAGE_COMING, too_late(device));
}

static void on_change(void *arg)
{
    struct device *device = arg;

    if (device->stage == STAGE_COMING)
        look_coming(device);
    else if (is_waiting(device))
        look_joining(device, false);
    else
        look_leaving(device);
}

/* Waits for a change of the backend's nodes; the watch fires at once for the present ones. */
static void wait_for(struct device *device, enum stage stage, int seconds)
{
    char path[STORE_PATH_SIZE];

    end_wait(device);
    device->stage = stage;
    device_backend_path(device, path);
    store_wait(device->context.store, &device->wait, path, on_change, seconds, on_deadline, device);
}

/* The script has claimed what the backend is to serve, or says why it can't. */
static void claimed(struct failure *failure, void *arg)
{
    struct device *device = arg;

    device->script = NULL;
    if (!failure && device->kind->prepare) {
        failure = device->kind->prepare(device, device->context.arg);
        if (failure) {
            settle(device, STAGE_COMING, failure);
            return;
        }
    }
    if (!failure) {
        device_nodes_begin(device);
        wait_for(device, STAGE_COMING, CALLED_S);
        return;
    }
    struct failure *said = hotplug_error(device);
    settle(device, STAGE_COMING,
           said ? said : fail(RPC_FAILED, "cannot attach %s: %s", device->label, failure->text));
    failure_free(failure);
}

struct failure *device_add(struct device *device, const void *about)
{
    struct failure *failure = device_nodes_write(device, about);

    if (failure)
        return failure;
    if (!device->kind->called) {
        wait_for(device, STAGE_COMING, ADD_S);
    } else {
        device->stage = STAGE_COMING;
        failure = device_script(device, &device->script, "add", SCRIPT_S, claimed, device);
    }
    device->moving = !failure;
    return failure;
}

/* The end of a device begins. */
static void leave(struct device *device)
{
    bool asked = device->how == DEVICE_ASK && frontend_state(device) > XenbusStateInitialising;
    int seconds = asked ? device->seconds : device->how == DEVICE_DROP ? 0 : TAKE_S;

    device_nodes_close(device, !asked);
    wait_for(device, asked ? STAGE_ASKED : STAGE_TAKEN, seconds);
}

void device_remove(struct device *device, enum device_removal how, int seconds)
{
    bool alive = how == DEVICE_ASK || how == DEVICE_TAKE;
    bool there = device->stage == STAGE_THERE || is_waiting(device);

    if (device->stage == STAGE_FORCED || device->stage == STAGE_GONE)
        return;
    if (device->stage == STAGE_COMING && device->kind->called &&
        backend_state(device) <= XenbusStateInitialising)
        how = DEVICE_DROP; /* the backend has not taken it on, and may never have */
    device->moving = true;
    device->going = true;
    device->how = how;
    device->seconds = seconds;
    script_cancel(device->script);
    device->script = NULL;
    if (!alive || !there || !join(device, BEGIN_S))
        leave(device);
}

void device_guest_runs(struct device *device)
{
    device->since = now_s();
}

void device_join(struct device *device)
{
    if (device->stage == STAGE_THERE)
        join(device, SLOW_S);
}

static struct device *create(const struct device_context *context, const struct device_kind *kind,
                             const struct device_place *place, const char *label, enum stage stage)
{
    struct device *device = need(calloc(1, sizeof(*device)));

    device->context = *context;
    device->kind = kind;
    device->place = *place;
    device->label = copy_text(label);
    device->stage = stage;
    device->since = now_s();
    return device;
}

struct device *device_new(const struct device_context *context, const struct device_kind *kind,
                          const struct device_place *place, const char *label)
{
    struct device *device = create(context, kind, place, label, STAGE_NEW);

    device->ours = true;
    return device;
}

struct device *device_found(const struct device_context *context, const struct device_kind *kind,
                            const struct device_place *place, const char *label)
{
    struct device *device = create(context, kind, place, label, STAGE_THERE);

    device->ours = backend_is(device, "toolstack", "xenvm");
    return device;
}

void device_free(struct device *device)
{
    if (!device)
        return;
    end_wait(device);
    script_cancel(device->script);
    farewell_free(device->farewell);
    free(device->label);
    free(device);
}

bool device_is_ours(const struct device *device)
{
    return device->ours;
}

bool device_is_gone(const struct device *device)
{
    return device->stage == STAGE_GONE;
}

bool device_is_online(const struct device *device)
{
    return backend_is(device, "online", "1") && backend_is(device, "hotplug-status", "connected");
}

bool device_is_coming(const struct device *device)
{
    return device->stage == STAGE_COMING;
}

bool device_is_moving(const struct device *device)
{
    return device->moving;
}

bool device_is_leaving(const struct device *device)
{
    return device->going && device->stage != STAGE_GONE;
}

void device_give_up(struct device *device, const char *cause)
{
    settle(device, STAGE_COMING, fail(RPC_FAILED, "cannot attach %s: %s", device->label, cause));
}

const char *device_label(const struct device *device)
{
    return device->label;
}

const struct device_kind *device_kind(const struct device *device)
{
    return device->kind;
}

struct store *device_store(const struct device *device)
{
    return device->context.store;
}

const struct device_place *device_place(const struct device *device)
{
    return &device->place;
}

const char *device_condition(const struct device *device)
{
    if (device->stage == STAGE_COMING)
        return "being attached";
    if (device->going)
        return "being detached";
    switch (backend_state(device)) {
    case XenbusStateConnected:
        return "connected";
    case XenbusStateClosing:
    case XenbusStateClosed:
        return "closed by the guest";
    default:
        return "waiting for the guest";
    }
}

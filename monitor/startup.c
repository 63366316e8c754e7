/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/startup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor/adopt.h"
#include "monitor/configs.h"
#include "monitor/log.h"
#include "monitor/sequences.h"
#include "monitor/stop_image.h"
#include "monitor/util.h"

static void (*settled_hook)(struct vm *vm, bool ok);

static void settle(struct vm *vm, const struct failure *failure)
{
    settled_hook(vm, !failure);
}

/* It has been stopped by a suspend: this is the other half. */
static void restore_stopped(struct vm *vm)
{
    struct operation *operation = vm_begin(vm, OP_RESTORE, NULL);

    log_info("the last stop suspended the VM to %s: it is restored", vm->memory.image);
    operation->ended = settle;
    operation->paused = configs_next(vm)->startup == STARTUP_PAUSED;
    operation->image.path = copy_text(vm->memory.image);
    operation->delete_image = true;
    restore_begin(vm);
}

static void start_or_restore(struct vm *vm)
{
    const struct vm_config *config = configs_next(vm);
    bool restore = config->startup == STARTUP_RESTORE || config->startup == STARTUP_RESTORE_DEL;
    struct operation *operation = vm_begin(vm, restore ? OP_RESTORE : OP_START, NULL);

    operation->ended = settle;
    operation->paused = config->startup == STARTUP_PAUSED;
    if (restore) {
        operation->image.path = copy_text(config->startup_file);
        operation->delete_image = config->startup == STARTUP_RESTORE_DEL;
        restore_begin(vm);
    } else {
        start_domain(vm);
    }
}

/* Whether the image of a stop is there; a file system that is not mounted hides it. */
static struct failure *check_image(const struct vm *vm)
{
    if (access(vm->memory.image, F_OK) == 0)
        return NULL;
    char *record = memory_record_path(vm);
    struct failure *failure =
        fail(RPC_FAILED,
             "the image that the last stop suspended the VM to, %s, can't be had: %s (is its file "
             "system mounted? without %s, the VM starts anew)",
             vm->memory.image, strerror(errno), record);
    free(record);
    return failure;
}

/* There is no domain, and there is to be one. */
static void bring_up(struct vm *vm)
{
    enum startup_mode startup = configs_next(vm)->startup;
    bool fresh = startup == STARTUP_STARTED || startup == STARTUP_PAUSED;
    bool stopped = stop_image_is(vm, vm->memory.image);
    struct failure *failure = vm->memory.unknown ? memory_unknown(vm)
                              : stopped          ? check_image(vm)
                                                 : NULL;

    if (failure) {
        settle(vm, failure);
        failure_log(failure);
    } else if (stopped) {
        restore_stopped(vm);
    } else if (vm->memory.image && fresh) {
        log_warning("the VM's memory is in %s: not started; 'restore' brings it back, 'start "
                    "discard=true' gives it up",
                    vm->memory.image);
        settle(vm, NULL);
    } else {
        start_or_restore(vm);
    }
}

static void act(struct vm *vm, const struct failure *failure)
{
    if (vm->quitting || vm->domid != DOMID_INVALID || configs_next(vm)->startup == STARTUP_SHUTDOWN)
        settle(vm, failure);
    else
        bring_up(vm);
}

/* A guest that did not do it runs on, and nothing is wrong with its monitor. */
static void act_stopped(struct vm *vm, const struct failure *failure)
{
    act(vm, vm->domid == DOMID_INVALID ? failure : NULL);
}

/* What an earlier monitor began, and this one goes on with. */
static void go_on(struct vm *vm, bool stays_down)
{
    struct operation *operation = vm->operation;
    bool waits = vm->request.what; /* for the guest, as long as that takes */

    if (waits && (stays_down || operation->kind == OP_RESTART))
        settle(vm, NULL);
    else if (waits)
        operation->ended = act_stopped;
    else
        operation->ended = stays_down ? settle : act;
}

void startup_begin(struct vm *vm, void (*settled)(struct vm *vm, bool ok))
{
    settled_hook = settled;
    vm->hooks.ended = stop_by_guest;
    vm->hooks.lost = stop_lost;
    vm->hooks.appeared = adopt_newcomer;
    vm->hooks.idle = stop_in_turn;
    bool stays_down = adopt(vm);
    if (vm->operation) {
        go_on(vm, stays_down);
    } else if (stays_down) {
        /* A monitor that ends when its VM is down leaves no record. */
        log_info("the VM is down as it was when its monitor died ('start' starts it)");
        settle(vm, NULL);
    } else {
        act(vm, NULL);
    }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/startup.h"

#include "monitor/adopt.h"
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

    log_info("the last stop suspended the VM to %s: it is restored", vm->suspended.path);
    operation->ended = settle;
    operation->paused = vm->config->startup == STARTUP_PAUSED;
    operation->image.path = copy_text(vm->suspended.path);
    operation->delete_image = true;
    restore_begin(vm);
}

static void start_or_restore(struct vm *vm)
{
    const struct vm_config *config = vm->config;
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

/* There is no domain, and there is to be one. */
static void bring_up(struct vm *vm)
{
    bool fresh = vm->config->startup == STARTUP_STARTED || vm->config->startup == STARTUP_PAUSED;
    struct failure *failure = vm->suspended.path ? NULL : stop_image_check(vm);

    if (failure) {
        settle(vm, failure);
        failure_log(failure);
    } else if (stop_image_is(vm, vm->suspended.path)) {
        restore_stopped(vm);
    } else if (vm->suspended.path && fresh) {
        log_warning("the VM's memory is in %s: not started; 'restore' brings it back, 'start "
                    "discard=true' gives it up",
                    vm->suspended.path);
        settle(vm, NULL);
    } else {
        start_or_restore(vm);
    }
}

static void act(struct vm *vm, const struct failure *failure)
{
    if (vm->quitting || vm->domid != DOMID_INVALID || vm->config->startup == STARTUP_SHUTDOWN)
        settle(vm, failure);
    else
        bring_up(vm);
}

void startup_begin(struct vm *vm, void (*settled)(struct vm *vm, bool ok))
{
    settled_hook = settled;
    vm->hooks.ended = stop_by_guest;
    vm->hooks.lost = stop_lost;
    vm->hooks.appeared = adopt_newcomer;
    vm->hooks.idle = stop_in_turn;
    adopt(vm);
    if (vm->operation)
        vm->operation->ended = act;
    else
        act(vm, NULL);
}

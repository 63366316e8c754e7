/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "monitor/control.h"
#include "monitor/devices.h"
#include "monitor/guest.h"
#include "monitor/listeners.h"
#include "monitor/log.h"
#include "monitor/plug.h"
#include "monitor/record.h"
#include "monitor/sequences.h"

static void rest(struct vm *vm)
{
    memory_keep(vm);
    vm_set_state(vm, vm_state_at_rest(vm));
    vm_finish(vm, NULL);
}

static void start_again(struct vm *vm)
{
    vm->operation->before = VM_SHUTDOWN;
    start_domain(vm);
}

/* shutdown */

/* The guest was asked and ended, or did not. */
static void asked(struct vm *vm, unsigned int reason, struct failure *failure,
                  void (*done)(struct vm *vm))
{
    if (failure) {
        vm_set_state(vm, vm->operation->before);
        vm_finish(vm, failure);
        return;
    }
    vm_set_reason(vm, domain_reason_name(reason));
    if (reason == SHUTDOWN_poweroff || reason == SHUTDOWN_reboot) {
        tear_down(vm, done);
        return;
    }
    /* It crashed, say: that is for on_crash, which looks at it when the operation is over. */
    failure = guest_ended_instead(reason);
    vm_set_state(vm, vm->operation->before);
    vm_finish(vm, failure);
}

/* Asks, unless an earlier monitor did; the next one is to know that it has been done. */
static void ask(struct vm *vm, const char *what,
                void (*ended)(struct vm *vm, unsigned int reason, struct failure *failure))
{
    if (vm->operation->asked) {
        guest_has_been_asked(vm, what, vm->operation->timeout, ended);
        return;
    }
    guest_ask(vm, what, vm->operation->timeout, ended);
    if (!vm->request.what)
        return; /* it could not be asked, and all is over */
    vm->operation->asked = true;
    record_write(vm);
}

static void shutdown_asked(struct vm *vm, unsigned int reason, struct failure *failure)
{
    asked(vm, reason, failure, rest);
}

void stop_shutdown(struct vm *vm, bool force)
{
    vm->operation->force = force;
    vm_set_state(vm, VM_SHUTDOWNING);
    if (force)
        tear_down(vm, rest);
    else
        ask(vm, "poweroff", shutdown_asked);
}

/* restart */

static void restart_asked(struct vm *vm, unsigned int reason, struct failure *failure)
{
    asked(vm, reason, failure, start_again);
}

void stop_restart(struct vm *vm, bool force)
{
    vm->operation->force = force;
    vm_set_state(vm, VM_REBOOTING);
    if (force)
        tear_down(vm, start_again);
    else
        ask(vm, "reboot", restart_asked);
}

/* sleep */

static void asleep(struct vm *vm, unsigned int reason, struct failure *failure)
{
    struct domain_info info;

    if (!failure && domain_get(vm->xch, vm->domid, vm->uuid_bytes, &info) && info.ended)
        failure = guest_ended_instead(reason);
    vm_finish(vm, failure);
}

/* A guest that sleeps on its disk ends like one that powers off. */
static void hibernated(struct vm *vm, unsigned int reason, struct failure *failure)
{
    asked(vm, reason, failure, rest);
}

void stop_sleep(struct vm *vm, const char *state)
{
    guest_ask(vm, state, vm->operation->timeout, !strcmp(state, "s3") ? asleep : hibernated);
}

/* destroy */

static void killed(struct vm *vm, const struct message *done, struct failure *failure)
{
    failure_free(failure);
    save_withdraw(vm, &vm->operation->image);
    tear_down(vm, rest);
}

/*
 * Ends the operation under way without letting it undo anything. The destroy that cancels it
 * takes the place of who waited for its end, and the file that its worker may still be writing.
 */
static void cancel(struct vm *vm, struct operation *operation)
{
    struct failure *failure =
        fail(RPC_CANCELLED, "%s was cancelled by destroy", operation_name(operation));

    fail_with(failure, "by", json_string("destroy"));
    guest_forget(vm, false);
    devices_cancel(vm);
    vm->operation->image = operation->image;
    memset(&operation->image, 0, sizeof(operation->image));
    if (operation->call)
        call_failure(operation->call, failure);
    vm->operation->ended = operation->ended;
    failure_free(failure);
    if (operation->plug)
        plug_cancelled(vm, operation);
    operation_free(operation);
}

void stop_destroy(struct vm *vm, struct call *call)
{
    struct operation *cancelled = vm->operation;

    vm_begin(vm, OP_DESTROY, call);
    if (cancelled)
        cancel(vm, cancelled);
    vm_set_reason(vm, "destroyed");
    if (vm->torn_down) {
        save_withdraw(vm, &vm->operation->image);
        vm->torn_down = rest;
    } else if (vm->child) {
        vm->child_handlers.message = NULL;
        vm->child_handlers.done = killed;
        child_kill(vm->child);
    } else {
        tear_down(vm, rest);
    }
}

void stop_leftover(struct vm *vm, bool again)
{
    vm_begin(vm, again ? OP_RESTART : OP_DESTROY, NULL)->force = again;
    vm_set_state(vm, again ? VM_REBOOTING : VM_SHUTDOWNING);
    tear_down(vm, again ? start_again : rest);
}

void stop_lost(struct vm *vm)
{
    log_warning("domain %u was destroyed by somebody else", vm->domid);
    vm_set_reason(vm, "destroyed");
    vm_begin(vm, OP_DESTROY, NULL);
    tear_down(vm, rest);
}

/* by the guest itself */

static long long uptime(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec;
}

/* Whether this would be the sixth restart within a minute; notes it where it is not. */
static bool crashes_too_often(struct vm *vm)
{
    long long now = uptime(), oldest = vm->crashes[0];

    if (oldest > 0 && now - oldest < CRASH_WINDOW_S)
        return true;
    memmove(vm->crashes, vm->crashes + 1, sizeof(vm->crashes) - sizeof(vm->crashes[0]));
    vm->crashes[CRASHES_KEPT - 1] = now;
    return false;
}

/* The guest wished to end, and is not to be started again. */
static void rest_as_wished(struct vm *vm, enum vm_state state)
{
    vm_set_state(vm, state);
    if (vm->exit_on_shutdown) {
        log_info("the guest has ended by its own wish, and so does the monitor");
        vm->quitting = true;
    }
    vm_finish(vm, NULL);
}

static void rest_powered_off(struct vm *vm)
{
    rest_as_wished(vm, vm_state_at_rest(vm));
}

static void rest_rebooted(struct vm *vm)
{
    rest_as_wished(vm, VM_REBOOTED);
}

static void rest_after_crashes(struct vm *vm)
{
    memset(vm->crashes, 0, sizeof(vm->crashes));
    vm_set_state(vm, VM_SHUTDOWN);
    vm_finish(vm, fail(RPC_FAILED,
                       "the guest crashed more than %d times in %d s: left down, on_crash = "
                       "restart notwithstanding",
                       CRASHES_KEPT, CRASH_WINDOW_S));
}

static void preserve(struct vm *vm, bool crashed)
{
    log_info("domain %u is kept for inspection", vm->domid);
    vm_set_state(vm, crashed ? VM_CRASHED : VM_PRESERVED);
}

void stop_by_guest(struct vm *vm, unsigned int reason)
{
    enum end_action action = vm_action_for(vm, reason);
    bool crashed = reason != SHUTDOWN_poweroff && reason != SHUTDOWN_reboot;

    log_info("domain %u ended: %s", vm->domid, domain_reason_name(reason));
    if (reason == SHUTDOWN_suspend) {
        save_resume(vm, true, false);
        return;
    }
    vm_set_reason(vm, domain_reason_name(reason));
    if (crashed)
        listeners_tell(vm->listeners, TELL_ERROR, "error:crashed");
    if (action == END_PRESERVE) {
        preserve(vm, crashed);
    } else if (action == END_DESTROY) {
        vm_begin(vm, OP_DESTROY, NULL);
        vm_set_state(vm, VM_SHUTDOWNING);
        tear_down(vm, crashed                     ? rest
                      : reason == SHUTDOWN_reboot ? rest_rebooted
                                                  : rest_powered_off);
    } else {
        vm_begin(vm, OP_RESTART, NULL);
        vm_set_state(vm, VM_REBOOTING);
        tear_down(vm, crashed && crashes_too_often(vm) ? rest_after_crashes : start_again);
    }
}

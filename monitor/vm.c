/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/configs.h"
#include "monitor/control.h"
#include "monitor/guest.h"
#include "monitor/idle.h"
#include "monitor/listeners.h"
#include "monitor/log.h"
#include "monitor/notify.h"
#include "monitor/record.h"
#include "monitor/state_hooks.h"
#include "monitor/util.h"

enum { LOOK_S = 5 };

static void watch_closely(struct vm *vm);

static void on_released(void *arg)
{
    struct vm *vm = arg;

    vm_look(vm);
    if (store_is_new(vm->store))
        watch_closely(vm);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    vm_look(arg);
    watch_closely(arg);
}

/*
 * A xenstored that was started anew does not tell of the end of domains that were there before. One
 * that is being built it is not told of yet.
 */
static void watch_closely(struct vm *vm)
{
    static const struct timeval often = { .tv_sec = LOOK_S };

    if (vm->domid == DOMID_INVALID || IN(vm->state) & (IN(VM_CREATING_DOMAIN) | IN(VM_RESTORING)) ||
        !store_has_forgotten(vm->store, vm->domid))
        return;
    if (!vm->closely)
        vm->closely = need(evtimer_new(vm->base, on_look, vm));
    evtimer_add(vm->closely, &often);
}

static void on_introduced(void *arg)
{
    struct vm *vm = arg;

    if (vm->domid == DOMID_INVALID && !vm->operation)
        vm->hooks.appeared(vm);
}

static void on_answered(void *arg)
{
    guest_answered(arg);
    sleep_prepare(arg); /* its drivers are there, perhaps just now */
}

/* Whether domains that begin are to be reported: only a VM without one cares. */
static void watch_introductions(struct vm *vm, bool on)
{
    if (!on) {
        store_unwatch(vm->introduced);
        vm->introduced = NULL;
    } else if (!vm->introduced) {
        vm->introduced = store_watch(vm->store, "@introduceDomain", on_introduced, vm);
    }
}

struct failure *vm_need_xen(struct vm *vm)
{
    struct failure *failure = NULL;

    if (!vm->xch)
        failure = domain_open(&vm->xch);
    if (failure || vm->store)
        return failure;
    failure = store_open(&vm->store, vm->base);
    if (failure)
        return failure;
    vm->released = store_watch(vm->store, "@releaseDomain", on_released, vm);
    if (!vm->released) {
        int error = errno;

        store_close(vm->store);
        vm->store = NULL;
        return fail(RPC_XEN, "cannot watch xenstore: %s", strerror(error));
    }
    watch_introductions(vm, vm->domid == DOMID_INVALID);
    return NULL;
}

/* The reason why the last domain ended belongs to these states, not to those of a new one. */
enum { IN_ENDED = IN(VM_SHUTDOWN) | IN(VM_SUSPENDED) | IN(VM_REBOOTED) | IN_KEPT };

static const char *reason_to_tell(const struct vm *vm)
{
    return IN(vm->state) & IN_ENDED ? vm->reason : NULL;
}

static json_t *state_params(const struct vm *vm)
{
    json_t *params = json_pack("{s:s}", "state", state_name(vm->state));

    if (vm->domid != DOMID_INVALID)
        json_object_set_new(params, "domid", json_integer(vm->domid));
    if (reason_to_tell(vm))
        json_object_set_new(params, "reason", json_string(reason_to_tell(vm)));
    return params;
}

void vm_set_state(struct vm *vm, enum vm_state state)
{
    enum vm_state old = vm->state;

    vm->state = state;
    configs_follow(vm);
    record_write(vm);
    if (state == old)
        return;
    if (vm->domid != DOMID_INVALID)
        log_info("%s -> %s (domain %u)", state_name(old), state_name(state), vm->domid);
    else
        log_info("%s -> %s", state_name(old), state_name(state));
    notify("STATUS=%s", state_name(state));

    json_t *params = state_params(vm);
    json_object_set_new(params, "old", json_string(state_name(old)));
    control_event(vm->control, "state", params);
    listeners_tell(vm->listeners, TELL_STATE, "vm:state:%s", state_name(state));
    state_hooks_changed(vm->state_hooks, old, reason_to_tell(vm));
}

void vm_tell_error(struct vm *vm, const struct failure *failure)
{
    control_event(vm->control, "message", json_pack("{s:s}", "text", failure->text));
    listeners_tell(vm->listeners, TELL_ERROR, "error:%s", failure->text);
}

void vm_send_state(struct vm *vm, struct call *call)
{
    call_event(call, "state", state_params(vm));
}

void vm_refresh(struct vm *vm)
{
    struct domain_info info;

    if ((vm->state != VM_RUNNING && vm->state != VM_PAUSED) ||
        !domain_get(vm->xch, vm->domid, vm->uuid_bytes, &info) || info.dying || info.ended)
        return;
    if (info.paused != (vm->state == VM_PAUSED))
        vm_set_state(vm, info.paused ? VM_PAUSED : VM_RUNNING);
}

void vm_set_domain(struct vm *vm, uint32_t domid)
{
    vm->domid = domid;
    vm->model_lost = false;
    sleep_forget(vm);
    if (!vm->store)
        return;
    store_unwatch(vm->answered);
    vm->answered = NULL;
    watch_introductions(vm, domid == DOMID_INVALID);
}

void vm_follow(struct vm *vm)
{
    vm->answered = home_watch(vm->store, vm->domid, on_answered, vm);
}

void vm_set_reason(struct vm *vm, const char *reason)
{
    set_text(&vm->reason, reason);
}

struct operation *vm_begin(struct vm *vm, enum operation_kind kind, struct call *call)
{
    struct operation *operation = need(calloc(1, sizeof(*operation)));

    operation->kind = kind;
    operation->model_fd = -1;
    operation->before = vm->state;
    operation->call = call;
    vm->operation = operation;
    log_trace("begin %s", operation_name(operation));
    return operation;
}

static void log_end(const struct operation *operation, const struct failure *failure)
{
    if (failure)
        log_error("%s: %s", operation_name(operation), failure->text);
    else
        log_trace("end %s", operation_name(operation));
}

void vm_finish(struct vm *vm, struct failure *failure)
{
    struct operation *operation = vm->operation;

    vm->operation = NULL;
    record_write(vm);
    if (operation->image.temporary)
        memory_note_written(vm);
    log_end(operation, failure);
    if (operation->call && failure)
        call_failure(operation->call, failure);
    else if (operation->call)
        call_result(operation->call, NULL);
    else if (failure)
        vm_tell_error(vm, failure);
    if (operation->ended)
        operation->ended(vm, failure);
    operation_free(operation);
    idle_soon();
    failure_free(failure);

    if (!vm->quitting)
        vm_look(vm); /* what happened to the domain meanwhile */
    if (!vm->operation)
        vm->hooks.idle(vm);
    if (vm->quitting)
        vm_quit(vm);
}

static void on_child_message(struct child *child, const struct message *message, void *arg)
{
    struct vm *vm = arg;

    if (vm->child != child || !vm->child_handlers.message) {
        log_warning("unexpected '%s' from a worker", message_verb(message));
        child_kill(child);
        return;
    }
    vm->child_handlers.message(vm, message);
}

static void on_child_progress(unsigned long long done, unsigned long long total,
                              unsigned long long pass, void *arg)
{
    struct vm *vm = arg;
    struct operation *operation = vm->operation;

    if (!operation || operation->failure)
        return;
    operation->done = done;
    operation->total = total;
    operation->pass = pass;
    json_t *params =
        json_pack("{s:s, s:I, s:I, s:s}", "operation", operation_name(operation), "done",
                  (json_int_t)done, "total", (json_int_t)total, "unit", "pages");
    if (pass)
        json_object_set_new(params, "pass", json_integer((json_int_t)pass));
    control_event(vm->control, "progress", params);
}

static void on_child_ended(const struct message *done, struct failure *failure, void *arg)
{
    struct vm *vm = arg;

    vm->child = NULL;
    vm->child_handlers.done(vm, done, failure);
}

struct failure *vm_start_child(struct vm *vm, const struct message *order, const int *fds,
                               size_t count, const struct child_handlers *handlers)
{
    struct child_events events = { on_child_message, on_child_progress, on_child_ended, vm };
    struct failure *failure = child_start(&vm->child, vm->base, order, fds, count, &events);

    if (failure)
        return failure;
    vm->child_handlers = *handlers;
    record_write(vm);
    return NULL;
}

enum vm_state vm_state_at_rest(const struct vm *vm)
{
    return vm->memory.image ? VM_SUSPENDED : VM_SHUTDOWN;
}

enum end_action vm_action_for(const struct vm *vm, unsigned int reason)
{
    if (reason == SHUTDOWN_poweroff)
        return vm->config->on_halt;
    if (reason == SHUTDOWN_reboot)
        return vm->config->on_reboot;
    return vm->config->on_crash;
}

/* Somebody else destroyed the domain. */
static void domain_lost(struct vm *vm)
{
    if (vm->request.what) {
        guest_ended(vm, 0, fail(RPC_CANCELLED, "the domain was destroyed by somebody else"));
        return;
    }
    if (vm->operation) {
        child_kill(vm->child); /* its end leads back here */
        return;
    }
    vm->hooks.lost(vm);
}

void vm_look(struct vm *vm)
{
    struct operation *operation = vm->operation;
    struct domain_info info;

    if (vm->domid == DOMID_INVALID || vm->torn_down)
        return;
    if (!domain_get(vm->xch, vm->domid, vm->uuid_bytes, &info) || info.dying) {
        domain_lost(vm);
        return;
    }
    if (!info.ended || (IN(vm->state) & IN_KEPT))
        return;
    if (vm->request.what) {
        guest_ended(vm, info.reason, NULL);
    } else if (!operation) {
        vm->hooks.ended(vm, info.reason);
    } else if ((operation->kind == OP_SUSPEND || operation->kind == OP_CHECKPOINT) &&
               !operation->guest_stopped && !operation->failure) {
        operation->failure = fail(RPC_GUEST_REFUSED, "the guest ended by itself: %s",
                                  domain_reason_name(info.reason));
        child_kill(vm->child);
    }
}

void vm_quit(struct vm *vm)
{
    vm->quitting = true;
    if (vm_is_over(vm))
        event_base_loopbreak(vm->base);
}

bool vm_is_over(const struct vm *vm)
{
    return vm->quitting && !vm->operation && !vm->keeping && !state_hooks_busy(vm->state_hooks);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/adopt.h"

#include <string.h>

#include "monitor/configs.h"
#include "monitor/device_model.h"
#include "monitor/devices.h"
#include "monitor/log.h"
#include "monitor/record.h"
#include "monitor/sequences.h"

static bool is_operation(const struct record *record, const char *name)
{
    return record->operating && !strcmp(record->operation, name);
}

/* A whole domain, not at the end of its life. */
static void take_over(struct vm *vm, const struct record *record, const struct domain_info *info)
{
    if (!info->paused)
        vm_set_state(vm, VM_RUNNING);
    else
        vm_set_state(vm, record->state == VM_CREATED ? VM_CREATED : VM_PAUSED);
    log_info("adopted domain %u, %s", vm->domid, state_name(vm->state));
    device_model_check(vm);
}

static void adopt_ended(struct vm *vm, const struct record *record, const struct domain_info *info)
{
    if (!record->operating && (IN(record->state) & IN_KEPT))
        vm_set_state(vm, record->state);
    else
        stop_by_guest(vm, info->reason);
}

/* Start, restore, or the second half of a restart: whole from `created` on. */
static void adopt_building(struct vm *vm, struct record *record, const struct domain_info *info)
{
    if (record->state != VM_CREATED && record->state != VM_RUNNING) {
        memory_put_back(vm, record->memory);
        stop_leftover(vm, is_operation(record, "restart"));
        return;
    }
    struct operation *operation =
        vm_begin(vm, is_operation(record, "restore") ? OP_RESTORE : OP_START, NULL);

    operation->paused = record->paused || !info->paused;
    operation->delete_image = record->delete_image;
    operation->image = record->image;
    memset(&record->image, 0, sizeof(record->image));
    struct failure *failure = start_let_run(vm);
    if (!info->paused)
        vm_set_state(vm, VM_RUNNING); /* it had been let run before */
    device_model_check(vm);
    vm_finish(vm, failure);
}

static void adopt_saving(struct vm *vm, struct record *record, const struct domain_info *info)
{
    if (is_operation(record, "suspend") && image_is_whole(&record->image)) {
        save_conclude(vm, &record->image);
        return;
    }
    image_discard(&record->image);
    memory_forget(vm);
    if (info->ended && strcmp(domain_reason_name(info->reason), "suspend") != 0) {
        adopt_ended(vm, record, info);
        return;
    }
    if (!info->ended)
        home_withdraw(vm->store, vm->domid);
    save_resume(vm, info->ended, record->live);
}

/* The VM was to go down, and not to come up again by itself; `stop` goes with the service. */
static bool was_shut_down(const struct record *record)
{
    return is_operation(record, "shutdown") && !record->stop;
}

/* Goes on with it under its own name, for the case that this monitor dies as well. */
static struct operation *begin_stopping(struct vm *vm, const struct record *record)
{
    struct operation *operation =
        vm_begin(vm, is_operation(record, "restart") ? OP_RESTART : OP_SHUTDOWN, NULL);

    operation->stop = record->stop;
    return operation;
}

static void go_on_stopping(struct vm *vm, bool force)
{
    if (vm->operation->kind == OP_RESTART)
        stop_restart(vm, force);
    else
        stop_shutdown(vm, force);
}

/* The guest was to power off or to reboot, and its domain has ended in another way. */
static bool ended_instead(const struct record *record, const struct domain_info *info)
{
    return info->ended && !info->dying && record->asked && !record->force &&
           info->reason != SHUTDOWN_poweroff && info->reason != SHUTDOWN_reboot;
}

/* A shutdown, or the first half of a restart: what was asked for is done. */
static void adopt_stopping(struct vm *vm, const struct record *record,
                           const struct domain_info *info)
{
    if (ended_instead(record, info)) {
        adopt_ended(vm, record, info);
        return;
    }
    struct operation *operation = begin_stopping(vm, record);
    bool over = info->ended || info->dying;

    if (info->ended && record->asked)
        vm_set_reason(vm, domain_reason_name(info->reason));
    if (!over && !record->force) {
        operation->before = info->paused ? VM_PAUSED : VM_RUNNING;
        operation->timeout = record->timeout;
        operation->asked = record->asked || !home_acknowledged(vm->store, vm->domid);
        device_model_check(vm);
    }
    go_on_stopping(vm, over || record->force);
}

/* An operation was under way. */
static void adopt_operation(struct vm *vm, struct record *record, const struct domain_info *info)
{
    bool over = info->ended || info->dying;

    log_info("an earlier monitor left domain %u in the middle of %s", vm->domid, record->operation);
    if (is_operation(record, "destroy")) {
        save_withdraw(vm, &record->image);
        stop_leftover(vm, false);
    } else if (is_operation(record, "suspend") || is_operation(record, "checkpoint") ||
               is_operation(record, "resume")) {
        adopt_saving(vm, record, info);
    } else if (is_operation(record, "shutdown") ||
               (is_operation(record, "restart") && record->state == VM_REBOOTING)) {
        adopt_stopping(vm, record, info);
    } else if (is_operation(record, "start") || is_operation(record, "restore") ||
               is_operation(record, "restart")) {
        adopt_building(vm, record, info);
    } else if (over) { /* the rest leaves the guest alone */
        adopt_ended(vm, record, info);
    } else {
        take_over(vm, record, info);
    }
}

/* The VM was suspended, and now it has a domain that we did not start. */
static void forget_suspended(struct vm *vm)
{
    if (!vm->memory.image)
        return;
    log_warning("somebody else started the VM: the memory in %s is no longer the only one",
                vm->memory.image);
    memory_forget(vm);
}

static void adopt_domain(struct vm *vm, struct record *record, bool known,
                         const struct domain_info *info)
{
    vm_set_domain(vm, info->domid);
    vm_follow(vm);
    device_model_adopt(vm, record->model);
    devices_adopt(vm);
    sleep_recall(vm, record->event_vector, (enum sleep_pause)record->sleep_pause);
    bool saved = vm->memory.image && info->ended && info->reason == SHUTDOWN_suspend;
    if (!record->operating && !saved)
        forget_suspended(vm);
    if (record->operating)
        adopt_operation(vm, record, info);
    else if (saved || (!known && !home_exists(vm->store, info->domid)))
        stop_leftover(vm, false); /* all it had is in the image; or half built, by whomever */
    else if (info->ended)
        adopt_ended(vm, record, info);
    else
        take_over(vm, record, info);
}

static void adopt_nothing(struct vm *vm, struct record *record)
{
    bool traces = vm->store && record->domid != DOMID_INVALID &&
                  home_is_of(vm->store, record->domid, vm->uuid);

    if (traces) {
        vm_set_domain(vm, record->domid); /* to take down what is left of it */
        device_model_adopt(vm, record->model);
    }
    /* A suspend's record names its image as soon as that is whole. */
    memory_complete(vm);
    if (is_operation(record, "checkpoint") ||
        (is_operation(record, "suspend") && !vm->memory.image)) {
        image_discard(&record->image);
    } else if (is_operation(record, "destroy")) {
        save_withdraw(vm, &record->image);
    } else if (is_operation(record, "restart") && vm->xch) {
        stop_leftover(vm, true);
        return;
    }
    if (record->operating && record->state != VM_CREATED && record->state != VM_RUNNING)
        memory_put_back(vm, record->memory);
    if (traces && is_operation(record, "shutdown")) {
        begin_stopping(vm, record);
        go_on_stopping(vm, true);
        return;
    }
    if (traces) {
        stop_leftover(vm, false);
        return;
    }
    vm_set_state(vm, !record->operating && record->state == VM_REBOOTED ? VM_REBOOTED
                                                                        : vm_state_at_rest(vm));
}

static bool find(struct vm *vm, const struct record *record, struct domain_info *info)
{
    if (!vm->xch)
        return false;
    if (record->domid != DOMID_INVALID &&
        domain_get(vm->xch, record->domid, vm->uuid_bytes, info) &&
        (record->operating || !info->dying))
        return true;
    return domain_find(vm->xch, vm->uuid_bytes, info);
}

/*
 * What the VM's configuration was, or is again: a start that had given the memory in an image up
 * leads back to that.
 */
static const json_t *config_of(const struct vm *vm, const struct record *record)
{
    const json_t *given_up =
        is_operation(record, "start") && record->state != VM_CREATED && record->state != VM_RUNNING
            ? json_object_get(record->memory, "config")
            : NULL;

    return given_up ? given_up : record->config ? record->config : vm->memory.config;
}

bool adopt(struct vm *vm)
{
    struct record record;
    struct domain_info info;
    bool known = record_read(vm, &record);
    bool stays_down =
        known && (record.operating ? was_shut_down(&record)
                                   : IN(record.state) & (IN(VM_SHUTDOWN) | IN(VM_REBOOTED)));

    if (known)
        child_kill_orphan(record.worker);
    memory_read(vm);
    if (known) {
        vm->reason = record.reason;
        memcpy(vm->crashes, record.crashes, sizeof(vm->crashes));
        record.reason = NULL;
    } else {
        record.domid = DOMID_INVALID;
    }
    configs_recall(vm, config_of(vm, &record));
    if (find(vm, &record, &info))
        adopt_domain(vm, &record, known, &info);
    else
        adopt_nothing(vm, &record);
    if (known)
        memory_note_written(vm); /* its image has been dealt with */
    else if (vm->domid == DOMID_INVALID)
        memory_sweep(vm);
    record_free(&record);
    return stays_down && (vm->operation || vm->domid == DOMID_INVALID);
}

void adopt_newcomer(struct vm *vm)
{
    const struct record nothing = { .state = VM_SHUTDOWN };
    struct domain_info info;

    if (!domain_find(vm->xch, vm->uuid_bytes, &info) || info.ended)
        return;
    forget_suspended(vm);
    vm_set_domain(vm, info.domid);
    vm_follow(vm);
    take_over(vm, &nothing, &info);
}

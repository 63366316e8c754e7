/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `stop`: what stop-method says, and stop-fallback where that does not work. One after the other
 * of the operations that can stop a VM, until one has.
 */
#include <stdlib.h>

#include "monitor/control.h"
#include "monitor/devices.h"
#include "monitor/log.h"
#include "monitor/record.h"
#include "monitor/sequences.h"
#include "monitor/stop_image.h"
#include "monitor/util.h"

struct stopping {
    struct call *call;
    bool begun;      /* else it waits for the operation under way */
    bool asked;      /* the guest has had its time to shut down */
    bool no_suspend; /* it has been tried */
};

static void shut_down(struct vm *vm);
static void destroy(struct vm *vm);
static void suspend(struct vm *vm);

static void conclude(struct vm *vm, const struct failure *failure)
{
    struct stopping *stopping = vm->stopping;

    vm->stopping = NULL;
    if (failure)
        call_failure(stopping->call, failure);
    else
        call_result(stopping->call, NULL);
    free(stopping);
}

static void destroyed(struct vm *vm, const struct failure *failure)
{
    if (!failure)
        log_info("stop: the VM is destroyed");
    conclude(vm, failure);
}

static void destroy(struct vm *vm)
{
    vm_begin(vm, OP_DESTROY, NULL)->ended = destroyed;
    vm_set_reason(vm, "destroyed");
    stop_shutdown(vm, true);
}

static void has_shut_down(struct vm *vm, const struct failure *failure)
{
    bool may_suspend = vm->config->stop_fallback == STOP_SUSPEND && !vm->stopping->no_suspend;

    if (!failure) {
        log_info("stop: the VM is %s", state_name(vm->state));
        conclude(vm, NULL);
    } else if (may_suspend) {
        log_warning("stop: %s: stop-fallback = suspend", failure->text);
        suspend(vm);
    } else {
        log_warning("stop: %s: the VM is destroyed", failure->text);
        destroy(vm);
    }
}

static void shut_down(struct vm *vm)
{
    struct operation *operation = vm_begin(vm, OP_SHUTDOWN, NULL);

    vm->stopping->asked = true;
    operation->timeout = (int)vm->config->stop_timeout;
    operation->ended = has_shut_down;
    stop_shutdown(vm, false);
}

static void is_suspended(struct vm *vm, const struct failure *failure)
{
    vm->stopping->no_suspend = true;
    if (failure && vm->memory.image) {
        log_warning("stop: the image is whole, but %s: the domain is destroyed", failure->text);
        destroy(vm);
    } else if (!failure) { /* or a destroy came between */
        log_info("stop: the VM is %s", state_name(vm->state));
        conclude(vm, NULL);
    } else if (vm->stopping->asked || vm->state != VM_RUNNING) {
        log_warning("stop: cannot suspend: %s: the VM is destroyed", failure->text);
        destroy(vm);
    } else {
        log_warning("stop: cannot suspend: %s: the guest is shut down instead", failure->text);
        shut_down(vm);
    }
}

static void suspend(struct vm *vm)
{
    char *path = NULL;
    struct failure *failure = devices_check_save(vm);

    if (!failure)
        failure = stop_image_prepare(vm, &path);
    if (failure) {
        is_suspended(vm, failure);
        failure_free(failure);
        return;
    }
    struct operation *operation = vm_begin(vm, OP_SUSPEND, NULL);
    operation->image.path = path;
    operation->timeout = (int)vm->config->stop_timeout;
    operation->ended = is_suspended;
    save_begin(vm);
}

static void begin(struct vm *vm)
{
    vm->stopping->begun = true;
    vm_refresh(vm);
    if (vm->state != VM_RUNNING) {
        log_info("stop: the VM is %s, and stays so", state_name(vm->state));
        conclude(vm, NULL);
        return;
    }
    switch (vm->config->stop_method) {
    case STOP_SHUTDOWN:
        log_info("stop: the VM is running: the guest is asked to shut down, for %lld s",
                 vm->config->stop_timeout);
        shut_down(vm);
        break;
    case STOP_SUSPEND:
        log_info("stop: the VM is running: it is suspended");
        suspend(vm);
        break;
    case STOP_DESTROY:
        log_info("stop: the VM is running: it is destroyed");
        destroy(vm);
        break;
    case STOP_LEAVE:
        log_info("stop: the VM is running, and is left alone");
        conclude(vm, NULL);
        break;
    }
}

void stop_as_configured(struct vm *vm, struct call *call)
{
    vm->stopping = need(calloc(1, sizeof(*vm->stopping)));
    vm->stopping->call = call;
    if (!vm->operation) {
        begin(vm);
        return;
    }
    log_info("stop: waits for the end of the %s under way", operation_name(vm->operation));
    record_write(vm);
}

void stop_in_turn(struct vm *vm)
{
    if (vm->stopping && !vm->stopping->begun)
        begin(vm);
}

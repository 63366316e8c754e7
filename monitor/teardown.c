/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/devices.h"
#include "monitor/sequences.h"

enum { DESTROY_TRIES = 3 };

static void start_destroying(struct vm *vm);

static void torn_down(struct vm *vm)
{
    void (*done)(struct vm *) = vm->torn_down;

    vm->torn_down = NULL;
    done(vm);
}

/* Xen or the worker will not do it: the domain is kept, and whoever waits is told. */
static void give_up(struct vm *vm, struct failure *failure)
{
    vm->torn_down = NULL;
    vm_set_state(vm, VM_CRASHED);
    vm_finish(vm, failure);
}

static void devices_gone(struct vm *vm)
{
    home_forget(vm->store, vm->domid, vm->uuid);
    vm_set_domain(vm, DOMID_INVALID);
    torn_down(vm);
}

/* A dying domain is still there. */
static bool is_there(const struct vm *vm)
{
    struct domain_info info;

    return domain_get(vm->xch, vm->domid, vm->uuid_bytes, &info);
}

static void destroyed(struct vm *vm, const struct message *done, struct failure *failure)
{
    if (!failure) {
        devices_stop(vm, vm->domid, devices_gone);
    } else if (++vm->destroy_tries < DESTROY_TRIES) {
        failure_log(failure);
        start_destroying(vm);
    } else {
        give_up(vm, failure);
    }
}

static void start_destroying(struct vm *vm)
{
    static struct message order;
    const struct child_handlers handlers = { .done = destroyed };

    message_start(&order, "destroy");
    message_add_number(&order, "domid", vm->domid);
    struct failure *failure = vm_start_child(vm, &order, NULL, 0, &handlers);
    if (failure)
        give_up(vm, failure);
}

void tear_down(struct vm *vm, void (*done)(struct vm *vm))
{
    vm->torn_down = done;
    vm->destroy_tries = 0;
    if (vm->domid == DOMID_INVALID)
        torn_down(vm);
    else if (!is_there(vm))
        devices_stop(vm, vm->domid, devices_gone);
    else
        start_destroying(vm);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/sleep.h"

#include "monitor/listeners.h"
#include "monitor/log.h"
#include "monitor/machine.h"
#include "monitor/machine_events.h"
#include "monitor/record.h"
#include "monitor/util.h"

enum { BETWEEN_TRIES_S = 5, TRIES = 30 };
enum { LOOK_US = 50000, QUICK_LOOKS = 200, LATER_S = 1, TIMES = 4 };

/* The vector */

/* On record first, so that a new monitor lets the guest go on. */
static void pause_guest(struct vm *vm, enum sleep_pause why)
{
    vm->sleep.paused = why;
    record_write(vm);
    failure_log(domain_pause(vm->xch, vm->domid));
}

static void let_go_on(struct vm *vm)
{
    failure_log(domain_unpause(vm->xch, vm->domid));
    vm->sleep.paused = SLEEP_GOES_ON;
    record_write(vm);
}

static void stir(void *arg)
{
    const struct vm *vm = arg;

    home_stir(vm->store, vm->domid);
}

static void on_try(evutil_socket_t fd, short what, void *arg)
{
    static const struct timeval wait = { .tv_sec = BETWEEN_TRIES_S };
    struct vm *vm = arg;

    if (vm->state == VM_RUNNING && !vm->operation && machine_may_have_vector(vm->xch, vm->domid)) {
        pause_guest(vm, SLEEP_IS_LOOKED_AT);
        vm->sleep.vector = machine_find_vector(vm->xch, vm->domid, stir, vm);
        let_go_on(vm);
    }
    if (vm->sleep.vector) {
        log_trace("the guest hears of events by interrupt %u", vm->sleep.vector);
    } else if (vm->sleep.tries++ < TRIES) {
        evtimer_add(vm->sleep.finder, &wait);
    }
}

void sleep_prepare(struct vm *vm)
{
    static const struct timeval soon = { .tv_sec = 1 };

    if (vm->config->type != GUEST_HVM || vm->sleep.vector || vm->sleep.tries > TRIES)
        return;
    if (!vm->sleep.finder)
        vm->sleep.finder = need(evtimer_new(vm->base, on_try, vm));
    if (!evtimer_pending(vm->sleep.finder, NULL))
        evtimer_add(vm->sleep.finder, &soon);
}

/* Waking */

static void look_later(struct vm *vm)
{
    static const struct timeval quick = { .tv_usec = LOOK_US }, slow = { LATER_S, 0 };

    evtimer_add(vm->sleep.waker, vm->sleep.looks++ < QUICK_LOOKS ? &quick : &slow);
}

/* Whether it may be in service because the guest is about to serve it. */
static bool may_be_served(struct vm *vm)
{
    struct sleep *sleep = &vm->sleep;

    if (!sleep->served)
        sleep->served = sleep->vector;
    if (!machine_serves(vm->xch, vm->domid, &sleep->served)) {
        sleep->served = 0;
        return false;
    }
    return ++sleep->times < TIMES;
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    struct vm *vm = arg;
    struct sleep *sleep = &vm->sleep;

    if (!machine_has_system(vm->xch, vm->domid) || may_be_served(vm)) {
        look_later(vm);
        return;
    }
    log_trace("the guest is awake: interrupt %u, in service %u", sleep->vector, sleep->served);
    if (sleep->served) {
        sleep->vector = sleep->served;
        pause_guest(vm, SLEEP_IS_LOOKED_AT);
        failure_log(machine_end_service(vm->xch, vm->domid, sleep->served));
        let_go_on(vm);
    }
    if (sleep->vector)
        failure_log(machine_raise(vm->xch, vm->domid, sleep->vector));
    event_free(sleep->waker);
    sleep->waker = NULL;
}

static void follow_waking(struct vm *vm)
{
    struct sleep *sleep = &vm->sleep;

    if (!sleep->waker)
        sleep->waker = need(evtimer_new(vm->base, on_look, vm));
    sleep->looks = sleep->times = sleep->served = 0;
    look_later(vm);
}

/* Nothing but events reaches a guest that sleeps, or is about to. */
static void look_at_sleeper(struct vm *vm)
{
    if (!vm->sleep.vector)
        vm->sleep.vector = machine_requested(vm->xch, vm->domid);
}

void sleep_begin(struct vm *vm)
{
    look_at_sleeper(vm);
    /* A qemu with qemu-dm-user has no right to tell Xen, and then the guest hangs. */
    failure_log(machine_sleep(vm->xch, vm->domid));
}

/* A qemu with its rights has woken the guest already. */
void sleep_ends(struct vm *vm)
{
    if (vm->sleep.paused == SLEEP_GOES_ON && machine_acpi_state(vm->xch, vm->domid) == 0)
        pause_guest(vm, SLEEP_IS_WOKEN);
}

void sleep_end(struct vm *vm)
{
    look_at_sleeper(vm);
    failure_log(machine_wake(vm->xch, vm->domid));
    listeners_tell(vm->listeners, TELL_TRIGGER, "power-state:0");
    if (vm->sleep.paused == SLEEP_IS_WOKEN) {
        let_go_on(vm);
        vm_refresh(vm);
    }
    follow_waking(vm);
}

void sleep_recall(struct vm *vm, uint8_t vector, enum sleep_pause paused)
{
    vm->sleep.vector = vector;
    vm->sleep.paused = paused;
    if (paused == SLEEP_IS_LOOKED_AT)
        let_go_on(vm);
    if (vm->config->type == GUEST_HVM && machine_has_drivers(vm->xch, vm->domid) &&
        machine_acpi_state(vm->xch, vm->domid) == 0)
        follow_waking(vm);
    sleep_prepare(vm);
}

void sleep_forget(struct vm *vm)
{
    if (vm->sleep.finder)
        event_free(vm->sleep.finder);
    if (vm->sleep.waker)
        event_free(vm->sleep.waker);
    vm->sleep = (struct sleep){ 0 };
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/guest.h"

#include <string.h>

#include "monitor/listeners.h"
#include "monitor/log.h"
#include "monitor/machine.h"
#include "monitor/sleep.h"

enum { ACKNOWLEDGE_S = 30 };

void guest_ended(struct vm *vm, unsigned int reason, struct failure *failure)
{
    void (*ended)(struct vm *, unsigned int, struct failure *) = vm->request.ended;

    guest_forget(vm, false);
    ended(vm, reason, failure);
}

struct failure *guest_ended_instead(unsigned int reason)
{
    return fail(RPC_GUEST_REFUSED, "the guest ended with %s instead", domain_reason_name(reason));
}

static void wait_for_deed(struct vm *vm)
{
    struct timeval wait = { .tv_sec = vm->request.timeout };

    vm->request.acknowledged = true;
    if (!vm->request.pressed)
        log_trace("guest acknowledged %s", vm->request.what);
    evtimer_add(vm->request.deadline, &wait);
}

/* A guest whose button was pressed acknowledges nothing. */
static struct failure *too_late(const struct request *request, int seconds)
{
    bool sleep = !strcmp(request->what, "s3");

    if (request->pressed)
        return fail(RPC_TIMED_OUT, "the guest did not %s in %d s after its %s button was pressed",
                    sleep ? "go to sleep" : "power off", seconds, sleep ? "sleep" : "power");
    if (request->acknowledged)
        return fail(RPC_TIMED_OUT,
                    "the guest acknowledged the %s request but did not do it in %d s",
                    request->what, seconds);
    return fail(RPC_TIMED_OUT, "the guest did not acknowledge the %s request in %d s",
                request->what, seconds);
}

static void on_deadline(evutil_socket_t fd, short events, void *arg)
{
    struct vm *vm = arg;
    const char *what = vm->request.what;
    bool acknowledged = vm->request.acknowledged;
    int seconds = vm->request.timeout;

    if (!acknowledged && !home_withdraw(vm->store, vm->domid)) {
        wait_for_deed(vm); /* it answered in the last moment */
        return;
    }
    if (!acknowledged && seconds > ACKNOWLEDGE_S)
        seconds = ACKNOWLEDGE_S;

    struct failure *failure = too_late(&vm->request, seconds);
    fail_with(failure, "stage", json_string(acknowledged ? what : "acknowledge"));
    fail_with(failure, "seconds", json_integer(seconds));
    guest_ended(vm, 0, failure);
}

/* An HVM guest may be without drivers for Xen; one that has them says so. */
bool guest_has_drivers(const struct vm *vm, const char *what)
{
    bool sleeps = what[0] == 's' && what[1] >= '3' && what[1] <= '4'; /* few know s3 and s4 */

    if (vm->config->type != GUEST_HVM)
        return true;
    return machine_has_drivers(vm->xch, vm->domid) &&
           (!sleeps || store_number(vm->store, 0, "/local/domain/%u/control/feature-%s", vm->domid,
                                    what) == 1);
}

static struct failure *press_button(const struct vm *vm, const char *what, bool *pressed)
{
    bool sleep = !strcmp(what, "s3");

    if (!sleep && strcmp(what, "poweroff") != 0)
        return fail(RPC_GUEST_REFUSED,
                    "the guest has no drivers for Xen that know %s (shutdown and s3suspend press a "
                    "button of its machine)",
                    what);
    *pressed = true;
    return domain_trigger(vm->xch, vm->domid,
                          sleep ? XEN_DOMCTL_SENDTRIGGER_SLEEP : XEN_DOMCTL_SENDTRIGGER_POWER);
}

/* It has been asked, or its button has been pressed, which is not answered. */
static void expect(struct vm *vm, const char *what, int timeout, bool pressed,
                   void (*ended)(struct vm *vm, unsigned int reason, struct failure *failure))
{
    struct timeval wait = { .tv_sec = timeout < ACKNOWLEDGE_S ? timeout : ACKNOWLEDGE_S };

    vm->request.what = what;
    vm->request.timeout = timeout;
    vm->request.acknowledged = false;
    vm->request.pressed = pressed;
    vm->request.ended = ended;
    if (!vm->request.deadline)
        vm->request.deadline = evtimer_new(vm->base, on_deadline, vm);
    if (pressed || home_acknowledged(vm->store, vm->domid))
        wait_for_deed(vm);
    else
        evtimer_add(vm->request.deadline, &wait);
}

void guest_ask(struct vm *vm, const char *what, int timeout,
               void (*ended)(struct vm *vm, unsigned int reason, struct failure *failure))
{
    bool pressed = false;
    struct failure *failure = guest_has_drivers(vm, what) ? home_ask(vm->store, vm->domid, what)
                                                          : press_button(vm, what, &pressed);

    if (failure) {
        ended(vm, 0, failure);
        return;
    }
    log_trace("asked the guest for %s", what);
    expect(vm, what, timeout, pressed, ended);
}

void guest_has_been_asked(struct vm *vm, const char *what, int timeout,
                          void (*ended)(struct vm *vm, unsigned int reason,
                                        struct failure *failure))
{
    expect(vm, what, timeout, !guest_has_drivers(vm, what), ended);
}

void guest_forget(struct vm *vm, bool withdraw)
{
    if (!vm->request.what)
        return;
    event_free(vm->request.deadline);
    if (withdraw && !vm->request.acknowledged && vm->domid != DOMID_INVALID)
        home_withdraw(vm->store, vm->domid);
    memset(&vm->request, 0, sizeof(vm->request));
}

void guest_answered(struct vm *vm)
{
    if (vm->request.what && !vm->request.acknowledged && home_acknowledged(vm->store, vm->domid))
        wait_for_deed(vm);
}

void guest_sleeps(struct vm *vm)
{
    sleep_begin(vm);
    listeners_tell(vm->listeners, TELL_TRIGGER, "power-state:3");
    if (vm->request.what && !strcmp(vm->request.what, "s3"))
        guest_ended(vm, 0, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/resize.h"

#include <stdio.h>
#include <stdlib.h>

#include "monitor/control.h"
#include "monitor/home.h"
#include "monitor/listeners.h"
#include "monitor/util.h"

/* Xen says nothing when a guest has changed: it is looked at. */
enum { LOOK_MS = 200, KIB = 1024 };

struct resize {
    struct event *timer;
    int looks; /* that are left */
    int timeout;
    bool memory; /* or else processors */
    unsigned long long wanted, old;
};

void resize_free(struct resize *resize)
{
    if (!resize)
        return;
    event_free(resize->timer);
    free(resize);
}

/* How many processors the nodes let the guest have. */
static unsigned int allowed(struct vm *vm, unsigned int count)
{
    unsigned int online = 0;

    for (unsigned int vcpu = 0; vcpu < count; vcpu++) {
        char *value =
            store_read(vm->store, "/local/domain/%u/cpu/%u/availability", vm->domid, vcpu);

        online += value && value[1] == 'n';
        free(value);
    }
    return online;
}

static struct failure *ask(struct vm *vm, const struct resize *resize, unsigned long long wanted)
{
    struct failure *failure = NULL;
    char path[STORE_PATH_SIZE], value[24];

    if (resize->memory) {
        snprintf(path, sizeof(path), "/local/domain/%u/memory/target", vm->domid);
        snprintf(value, sizeof(value), "%llu", wanted * KIB);
        return store_write(vm->store, path, value);
    }
    for (unsigned int vcpu = 0; !failure && vcpu < (unsigned int)vm->config->vcpus; vcpu++) {
        snprintf(path, sizeof(path), "/local/domain/%u/cpu/%u/availability", vm->domid, vcpu);
        failure = store_write(vm->store, path, vcpu < wanted ? "online" : "offline");
    }
    return failure;
}

static void give_up(struct vm *vm, unsigned long long now)
{
    struct resize *resize = vm->operation->resize;
    struct failure *failure =
        fail(RPC_TIMED_OUT, "the guest did not come to %llu %s in %d s: it has %llu",
             resize->wanted, resize->memory ? "MiB" : "processors", resize->timeout, now);

    fail_with(failure, "now", json_integer((json_int_t)now));
    failure_free(ask(vm, resize, resize->old));
    vm_finish(vm, failure);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    struct vm *vm = arg;
    struct resize *resize = vm->operation->resize;
    struct domain_info info;

    if (!domain_get(vm->xch, vm->domid, vm->uuid_bytes, &info) || info.ended || info.dying) {
        vm_finish(vm, fail(RPC_FAILED, "the guest has ended"));
        return;
    }
    unsigned long long now = resize->memory ? info.memory : info.vcpus;
    /* A balloon works in pages, and some of them are Xen's. */
    unsigned long long slack = resize->memory ? 1 : 0;
    if (now <= resize->wanted + slack && now + slack >= resize->wanted) {
        listeners_tell(vm->listeners, TELL_SET, "%s:%llu", resize->memory ? "memory" : "vcpus",
                       resize->wanted);
        vm_finish(vm, NULL);
    } else if (--resize->looks <= 0) {
        give_up(vm, now);
    }
}

static struct failure *begin(struct vm *vm, struct call *call, const struct resize *about)
{
    struct timeval every = { .tv_usec = LOOK_MS * 1000L };
    struct failure *failure = ask(vm, about, about->wanted);

    if (failure)
        return failure;
    struct operation *operation = vm_begin(vm, OP_RESIZE, call);
    operation->resize = need(malloc(sizeof(*about)));
    *operation->resize = *about;
    operation->resize->looks = about->timeout * 1000 / LOOK_MS;
    operation->resize->timer = need(event_new(vm->base, -1, EV_PERSIST, on_look, vm));
    event_add(operation->resize->timer, &every);
    return NULL;
}

struct failure *resize_vcpus(struct vm *vm, struct call *call, unsigned int count, int timeout)
{
    unsigned int most = (unsigned int)vm->config->vcpus;

    if (count < 1 || count > most)
        return fail(RPC_INVALID_PARAMS, "n: %u is not from 1 to %u, the configuration's vcpus",
                    count, most);
    const struct resize about = { .timeout = timeout, .wanted = count, .old = allowed(vm, most) };
    return begin(vm, call, &about);
}

struct failure *resize_memory(struct vm *vm, struct call *call, unsigned long long mib, int timeout)
{
    unsigned long long most =
        (unsigned long long)(vm->config->memory_max > vm->config->memory ? vm->config->memory_max
                                                                         : vm->config->memory);
    unsigned long long old = (unsigned long long)store_number(
                                 vm->store, 0, "/local/domain/%u/memory/target", vm->domid) /
                             KIB;

    if (mib < 1 || mib > most)
        return fail(RPC_INVALID_PARAMS,
                    "mb: %llu is not from 1 to %llu, the configuration's memory-max", mib, most);
    const struct resize about = { .timeout = timeout, .memory = true, .wanted = mib, .old = old };
    struct failure *failure = domain_limit_memory(vm->xch, vm->domid, mib > old ? mib : old);
    return failure ? failure : begin(vm, call, &about);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/pci_bus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>

#include "monitor/log.h"
#include "monitor/pci.h"
#include "monitor/script.h"
#include "monitor/util.h"
#include "monitor/vm.h"

enum { SCRIPT_S = 60, FUNCTIONS_MAX = 32, NODE_SIZE = 32 };

struct pci_change {
    struct vm *vm;
    struct device *bus;
    struct pci_device pci;
    unsigned int number; /* on the bus */
    bool joining;
    bool later;              /* it begins when the bus is at rest */
    bool unseen;             /* it was to join, and neither guest nor pciback have looked at it */
    enum device_removal how; /* of a leaving */
    int seconds;
    struct failure *failure; /* that a joining is taken back for */
    struct script *script;
    struct store_wait wait;
    pci_changed *done;
};

static unsigned int count_on(const struct device *bus)
{
    long long count = device_number(bus, "num_devs", 0);

    return count >= 0 && count < FUNCTIONS_MAX ? (unsigned int)count : FUNCTIONS_MAX;
}

/* Its number on the bus; where it is not there, false, and the number that it would get. */
static bool find(const struct device *bus, const struct pci_device *pci, unsigned int *number)
{
    unsigned int count = count_on(bus);
    struct pci_device other;

    for (*number = 0; *number < count; ++*number)
        if (pci_on_bus(bus, *number, &other) && pci_is_same(&other, pci))
            return true;
    return false;
}

bool pci_bus_has(const struct device *bus, const struct pci_device *pci)
{
    unsigned int number;

    return find(bus, pci, &number);
}

static int state_of(const struct device *bus, const char *node)
{
    return (int)device_number(bus, node, XenbusStateUnknown);
}

bool pci_bus_is_connected(const struct device *bus)
{
    return state_of(bus, "state") == XenbusStateConnected;
}

void pci_change_free(struct pci_change *change)
{
    if (!change)
        return;
    store_end_wait(&change->wait);
    script_cancel(change->script);
    failure_free(change->failure);
    free(change);
}

/* Also frees the change. */
static void end(struct pci_change *change, struct failure *failure)
{
    pci_changed *done = change->done;
    struct vm *vm = change->vm;

    pci_change_free(change);
    done(vm, failure);
}

static struct failure *transact(const struct pci_change *change,
                                void (*write)(struct writing *, const void *))
{
    return store_transact(change->vm->store, write, change, device_label(change->bus));
}

/* Away with it */

/* One node of the device behind takes the place of this one's. */
static void move(struct writing *writing, const char *what, unsigned int number)
{
    char from[NODE_SIZE], to[NODE_SIZE];

    snprintf(from, sizeof(from), "%s-%u", what, number + 1);
    snprintf(to, sizeof(to), "%s-%u", what, number);
    char *value = writing_read(writing, from);
    if (value)
        writing_put(writing, to, "%s", value);
    else
        writing_drop(writing, to);
    free(value);
}

static void write_without(struct writing *writing, const void *arg)
{
    static const char *const nodes[] = { "key", "dev", "vdev", "opts", "bind", "state" };
    const struct pci_change *change = arg;
    unsigned int count = count_on(change->bus);

    device_backend_path(change->bus, writing->root);
    for (unsigned int i = change->number; i == change->number || i < count; i++)
        for (size_t k = 0; k < sizeof(nodes) / sizeof(nodes[0]); k++)
            move(writing, nodes[k], i);
    if (change->number < count)
        writing_put(writing, "num_devs", "%u", count - 1);
    if (change->unseen)
        writing_put(writing, "state", "%d", XenbusStateConnected);
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
    struct pci_change *change = arg;
    struct failure *failure = change->failure;

    change->failure = NULL;
    end(change, failure);
}

/* From the event loop, with the failure that there is, or well. */
static void end_soon(struct pci_change *change)
{
    store_wait(change->vm->store, &change->wait, NULL, NULL, 0, on_end, change);
}

static void on_given_back(struct failure *failure, void *arg)
{
    struct pci_change *change = arg;

    change->script = NULL;
    if (failure)
        log_error("%s: %s", device_label(change->bus), failure->text);
    failure_free(failure);
    end_soon(change);
}

/* The guest has it no more: the host gets it back. */
static void give_back(struct pci_change *change)
{
    struct failure *failure = transact(change, write_without);

    store_end_wait(&change->wait);
    pci_disallow(change->vm, &change->pci);
    if (!failure)
        failure =
            device_script(change->bus, &change->script, "change", SCRIPT_S, on_given_back, change);
    if (failure)
        on_given_back(failure, change);
}

/* What both sides say */

static void write_change(struct writing *writing, const void *arg)
{
    const struct pci_change *change = arg;
    char node[NODE_SIZE];

    device_backend_path(change->bus, writing->root);
    if (change->joining) {
        writing_put(writing, "num_devs", "%u", change->number + 1);
    } else {
        snprintf(node, sizeof(node), "state-%u", change->number);
        writing_put(writing, node, "%d", XenbusStateClosing);
    }
    writing_put(writing, "state", "%d", XenbusStateReconfiguring);
}

/* The device stays. */
static void write_stay(struct writing *writing, const void *arg)
{
    const struct pci_change *change = arg;
    char node[NODE_SIZE];

    device_backend_path(change->bus, writing->root);
    snprintf(node, sizeof(node), "state-%u", change->number);
    writing_put(writing, node, "%d", XenbusStateInitialised);
    writing_put(writing, "state", "%d", XenbusStateConnected);
}

/* What a guest that is not asked would say. */
static void answer_for_guest(struct pci_change *change, int state)
{
    char path[STORE_PATH_SIZE + 8], value[8];
    char frontend[STORE_PATH_SIZE];

    device_frontend_path(change->bus, frontend);
    snprintf(path, sizeof(path), "%s/state", frontend);
    snprintf(value, sizeof(value), "%d", state);
    failure_free(store_write(change->vm->store, path, value));
}

static void changed(struct pci_change *change)
{
    store_end_wait(&change->wait);
    if (change->joining)
        end(change, NULL);
    else
        give_back(change);
}

static void begin(struct pci_change *change, int seconds);

static void on_state(void *arg)
{
    struct pci_change *change = arg;
    int state = state_of(change->bus, "state");
    bool asks = change->joining || change->how == DEVICE_ASK;

    if (change->later) {
        if (state != XenbusStateConnected)
            return;
        store_end_wait(&change->wait);
        change->later = false;
        begin(change, change->seconds);
    } else if (state == XenbusStateConnected || state == XenbusStateUnknown) {
        changed(change);
    } else if (!asks && state == XenbusStateReconfiguring) {
        answer_for_guest(change, XenbusStateReconfiguring);
    } else if (!asks && state == XenbusStateReconfigured) {
        answer_for_guest(change, XenbusStateConnected);
    }
}

/* What the guest did not take on in time; it may have, half. */
static void take_back(struct pci_change *change)
{
    char node[NODE_SIZE];

    snprintf(node, sizeof(node), "state-%u", change->number);
    change->unseen = state_of(change->bus, node) == XenbusStateInitialising;
    change->joining = false;
    change->how = DEVICE_TAKE;
    if (change->unseen)
        give_back(change);
    else
        begin(change, SCRIPT_S);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct pci_change *change = arg;
    char *label = pci_label(&change->pci);

    store_end_wait(&change->wait);
    if (change->joining) {
        change->failure =
            fail(RPC_TIMED_OUT, "the guest did not take on %s in %d s", label, change->seconds);
        take_back(change);
    } else if (change->how == DEVICE_TAKE) {
        log_error("%s: pciback does not answer", label);
        give_back(change);
    } else {
        if (!change->later)
            failure_free(transact(change, write_stay));
        end(change, fail(RPC_TIMED_OUT,
                         "the guest did not let go of %s in %d s (force=true does not ask it)",
                         label, change->seconds));
    }
    free(label);
}

/* For the end of a change that has begun. */
static void wait_for_both(struct pci_change *change, int seconds)
{
    char path[STORE_PATH_SIZE];

    device_backend_path(change->bus, path);
    store_wait(change->vm->store, &change->wait, path, on_state, seconds, on_deadline, change);
}

static void begin(struct pci_change *change, int seconds)
{
    failure_free(transact(change, write_change));
    wait_for_both(change, seconds);
}

static struct pci_change *create(struct vm *vm, struct device *bus, const struct pci_device *pci,
                                 int seconds, pci_changed *done)
{
    struct pci_change *change = need(calloc(1, sizeof(*change)));

    change->vm = vm;
    change->bus = bus;
    change->pci = *pci;
    find(bus, pci, &change->number);
    change->seconds = seconds;
    change->done = done;
    return change;
}

/* Joining */

static void write_new(struct writing *writing, const void *arg)
{
    const struct pci_change *change = arg;

    device_backend_path(change->bus, writing->root);
    pci_write(writing, change->vm, &change->pci, change->number);
}

static void claimed(struct failure *failure, void *arg)
{
    struct pci_change *change = arg;

    change->script = NULL;
    if (failure) {
        char *label = pci_label(&change->pci);

        change->failure = fail(failure->code, "cannot attach %s: %s", label, failure->text);
        free(label);
        failure_free(failure);
    } else {
        change->failure = pci_allow(change->vm, &change->pci);
    }
    if (change->failure)
        give_back(change);
    else
        begin(change, change->seconds);
}

struct pci_change *pci_bus_join(struct vm *vm, struct device *bus, const struct pci_device *pci,
                                int seconds, pci_changed *done)
{
    struct pci_change *change = create(vm, bus, pci, seconds, done);

    change->joining = true;
    change->failure = transact(change, write_new);
    if (!change->failure)
        change->failure = device_script(bus, &change->script, "change", SCRIPT_S, claimed, change);
    if (change->failure) {
        failure_free(transact(change, write_without));
        end_soon(change);
    }
    return change;
}

struct pci_change *pci_bus_leave(struct vm *vm, struct device *bus, const struct pci_device *pci,
                                 enum device_removal how, int seconds, pci_changed *done)
{
    struct pci_change *change = create(vm, bus, pci, seconds, done);

    change->how = how;
    begin(change, how == DEVICE_ASK ? seconds : SCRIPT_S);
    return change;
}

static bool is_configured(const struct vm *vm, const struct pci_device *pci)
{
    for (size_t i = 0; i < vm->config->pci_count; i++)
        if (pci_is_same(vm->config->pcis[i], pci))
            return true;
    return false;
}

struct pci_change *pci_bus_settle(struct vm *vm, struct device *bus, int seconds, pci_changed *done)
{
    unsigned int count = count_on(bus);
    struct pci_change *change = NULL;
    struct pci_device pci;
    char node[NODE_SIZE];
    bool leaving = false;

    /* One more than there are: that one was not made known to the guest yet. */
    for (unsigned int i = 0; !change && i <= count; i++) {
        if (!pci_on_bus(bus, i, &pci))
            continue;
        snprintf(node, sizeof(node), "state-%u", i);
        leaving = state_of(bus, node) == XenbusStateClosing;
        if (i < count && is_configured(vm, &pci) && !leaving)
            continue;
        char *label = pci_label(&pci);
        log_info("%s was being attached or detached: it goes", label);
        free(label);
        change = create(vm, bus, &pci, seconds, done);
    }
    if (change && change->number == count) {
        give_back(change);
    } else if (change) {
        /* What is under way is waited for; pciback, told twice that a device leaves, gets stuck. */
        change->later = !leaving;
        wait_for_both(change, seconds);
    }
    return change;
}

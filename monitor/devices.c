/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/device_model.h"
#include "monitor/families.h"
#include "monitor/log.h"
#include "monitor/model_log.h"
#include "monitor/pci.h"
#include "monitor/pci_bus.h"
#include "monitor/util.h"
#include "monitor/vbd.h"
#include "monitor/vif.h"
#include "monitor/vm.h"

enum { LEFT_S = 30, POINTER_SIZE = sizeof(void *) };

struct devices {
    struct device **list;
    size_t count;
    devices_done *started; /* of those that were begun together */
    devices_done *all_started;
    void (*stopped)(struct vm *vm);
    struct device *one; /* the one that is being attached or detached by itself */
    devices_done *one_done;
    const struct config_devices *one_list; /* and its place, while it waits for qemu */
    size_t one_index;
    const struct device *awaited; /* or for this one to leave the place */
    /* Or what comes to a PCI bus, or leaves it. */
    struct pci_change *change;
    const struct pci_device *leaving;
    devices_done *bus_done;
};

static const struct device_kind *const kinds[] = { &vbd_kind, &qdisk_kind, &vif_kind, &pci_kind };

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static struct devices *get(struct vm *vm)
{
    if (!vm->devices)
        vm->devices = need(calloc(1, sizeof(*vm->devices)));
    return vm->devices;
}

static void take_in(struct devices *devices, struct device *device)
{
    devices->list = need(reallocarray(devices->list, devices->count + 1, POINTER_SIZE));
    devices->list[devices->count++] = device;
}

static void drop(struct devices *devices, struct device *device)
{
    size_t i = 0;

    while (devices->list[i] != device)
        i++;
    devices->list[i] = devices->list[--devices->count];
    device_free(device);
}

static void model_stopped(struct vm *vm)
{
    struct devices *devices = vm->devices;
    void (*stopped)(struct vm *) = devices->stopped;

    free(devices->list);
    free(devices);
    vm->devices = NULL;
    stopped(vm);
}

/* What it served has gone: so can qemu. */
static void all_stopped(struct vm *vm)
{
    device_model_stop(vm, model_stopped);
}

static void attach_waiting(struct vm *vm, struct failure *failure);

/* How many have not settled yet. */
static size_t moving(const struct devices *devices)
{
    size_t count = 0;

    for (size_t i = 0; i < devices->count; i++)
        count += device_is_moving(devices->list[i]);
    return count;
}

static void settled(struct device *device, struct failure *failure, void *arg)
{
    struct vm *vm = arg;
    struct devices *devices = vm->devices;
    devices_done *done = NULL;

    log_trace("%s: %s", device_label(device), failure ? failure->text : "settled");
    if (device == devices->one) {
        done = devices->one_done;
        devices->one = NULL;
    } else if (devices->started && (failure || moving(devices) == 0)) {
        done = devices->started;
        devices->started = NULL; /* the first failure is the one that counts */
    }
    bool awaited = device == devices->awaited;
    if (device_is_gone(device))
        drop(devices, device);
    if (awaited) {
        devices->awaited = NULL;
        attach_waiting(vm, failure);
        return;
    }
    if (devices->stopped && moving(devices) == 0)
        all_stopped(vm);
    else if (done)
        done(vm, failure);
    else
        failure_free(failure);
}

static struct device_context context(struct vm *vm)
{
    return (struct device_context){ vm->base, vm->store, vm->xch, settled, vm };
}

static struct device *find(const struct devices *devices, const char *frontend,
                           const struct device_place *place)
{
    for (size_t i = 0; devices && i < devices->count; i++) {
        const struct device_place *other = device_place(devices->list[i]);

        if (!strcmp(device_kind(devices->list[i])->frontend, frontend) && other->id == place->id &&
            other->backend_domid == place->backend_domid)
            return devices->list[i];
    }
    return NULL;
}

/* The device that is where one of the configuration is, or is to be; or NULL. */
static struct device *at_place(const struct vm *vm, const struct config_devices *list, size_t index)
{
    const struct family *family = family_of(list);
    struct device_place place;

    family->place(vm, index, &place);
    return find(vm->devices, family->frontend, &place);
}

/* Takes in a device and begins to attach it. */
static struct failure *add(struct vm *vm, const struct device_kind *kind,
                           const struct device_place *place, const char *label, const void *about)
{
    const struct device_context with = context(vm);
    struct device *device = device_new(&with, kind, place, label);
    struct failure *failure = device_add(device, about);
    take_in(vm->devices, device);
    return failure;
}

/* All of them */

struct failure *devices_check(const struct vm *vm)
{
    struct failure *failure = NULL;

    for (const struct family *family = families; family->list; family++)
        for (size_t i = 0; !failure && i < family->list->count(vm->config); i++)
            failure = family->check(vm, i);
    return failure;
}

struct failure *devices_check_one(const struct vm *vm, const struct config_devices *list,
                                  size_t index)
{
    return family_of(list)->check(vm, index);
}

static bool needs_model(const struct vm *vm)
{
    if (vm->config->type == GUEST_HVM)
        return true;
    for (size_t i = 0; i < vm->config->disk_count; i++) {
        const struct disk *disk = vm->config->disks[i];

        if (disk->physpath && disk->backend_domid == 0 && vbd_is_qemus(disk))
            return true;
    }
    return false;
}

/* The kernel serves it, not qemu. */
static struct failure *add_kernels(struct vm *vm, const struct device_kind *kind,
                                   const struct device_place *place, const char *label,
                                   const void *about)
{
    return kind == &qdisk_kind ? NULL : add(vm, kind, place, label, about);
}

/* Those that are not there yet, and that the adder takes. */
static void start_some(struct vm *vm, device_adder *adder, devices_done *done)
{
    struct devices *devices = vm->devices;
    struct failure *failure = NULL;

    devices->started = NULL;
    for (const struct family *family = families; family->list; family++)
        for (size_t i = 0; !failure && i < family->list->count(vm->config); i++)
            if (!at_place(vm, family->list, i)) /* else it is on a bus with an earlier one */
                failure = family->add(vm, i, adder);
    if (failure || moving(devices) == 0)
        done(vm, failure);
    else
        devices->started = done;
}

static bool waits_for_model(const struct device *device)
{
    return device_kind(device) == &qdisk_kind && device_is_coming(device);
}

/* qemu does not say in xenstore what is wrong with an image, but where it logs. */
void devices_hear(struct vm *vm)
{
    struct devices *devices = vm->devices;
    char sign[32];

    for (size_t i = 0; devices && i < devices->count; i++) {
        struct device *device = devices->list[i];

        if (!waits_for_model(device))
            continue;
        snprintf(sign, sizeof(sign), "device '%u'", device_place(device)->id);
        char *cause = model_log_complaint(vm, sign);
        if (!cause)
            continue;
        device_give_up(device, cause);
        free(cause);
        return; /* the list may be another by now */
    }
}

void devices_give_up(struct vm *vm, const char *cause)
{
    struct devices *devices = vm->devices;

    /* One is enough for a start to fail; more than one come only then. */
    for (size_t i = 0; devices && i < devices->count; i++) {
        if (!waits_for_model(devices->list[i]))
            continue;
        device_give_up(devices->list[i], cause);
        return;
    }
}

static void model_ready(struct vm *vm, struct failure *failure)
{
    if (failure)
        vm->devices->all_started(vm, failure);
    else
        start_some(vm, add, vm->devices->all_started);
}

static void start_model(struct vm *vm, struct failure *failure)
{
    if (!failure)
        failure = device_model_start(vm, model_ready);
    if (failure)
        vm->devices->all_started(vm, failure);
}

/*
 * What an HVM guest's machine consists of, qemu opens at its start: what the kernel serves has to
 * be there by then.
 */
void devices_start(struct vm *vm, devices_done *done)
{
    get(vm)->all_started = done;
    if (vm->config->type == GUEST_HVM)
        start_some(vm, add_kernels, start_model);
    else if (needs_model(vm))
        start_model(vm, NULL);
    else
        start_some(vm, add, done);
}

static void end_change(struct devices *devices)
{
    pci_change_free(devices->change);
    devices->change = NULL;
    devices->leaving = NULL;
}

void devices_guest_runs(struct vm *vm)
{
    struct devices *devices = get(vm);

    for (size_t i = 0; i < devices->count; i++)
        device_guest_runs(devices->list[i]);
}

void devices_join(struct vm *vm, devices_done *done)
{
    struct devices *devices = get(vm);

    for (size_t i = 0; i < devices->count; i++)
        device_join(devices->list[i]);
    if (moving(devices) > 0)
        devices->started = done;
    else
        done(vm, NULL);
}

void devices_cancel(struct vm *vm)
{
    device_model_cancel(vm);
    if (!vm->devices)
        return;
    end_change(vm->devices);
    vm->devices->started = NULL;
    vm->devices->one = NULL;
    vm->devices->awaited = NULL;
}

/* Found */

static void discover_kind(struct vm *vm, const struct device_kind *kind, uint32_t backend_domid,
                          uint32_t domid)
{
    const struct device_context with = context(vm);
    char path[STORE_PATH_SIZE], label[64];
    unsigned int count;

    snprintf(path, sizeof(path), "/local/domain/%u/backend/%s/%u", backend_domid, kind->backend,
             domid);
    char **names = store_list(vm->store, path, &count);
    for (unsigned int i = 0; i < count; i++) {
        const struct device_place place = { domid, backend_domid,
                                            (uint32_t)strtoul(names[i], NULL, 10) };

        if (find(vm->devices, kind->frontend, &place))
            continue;
        char *name = store_read(vm->store, "%s/%s/dev", path, names[i]);
        if (name)
            snprintf(label, sizeof(label), "%s %s", kind->name, name);
        else
            snprintf(label, sizeof(label), "%s %u", kind->name, place.id);
        free(name);
        take_in(vm->devices, device_found(&with, kind, &place, label));
    }
    free(names);
}

/* Takes in all that are in xenstore and not known. */
static void discover(struct vm *vm, uint32_t domid)
{
    struct device_place place;

    get(vm);
    for (size_t i = 0; i < KINDS; i++)
        discover_kind(vm, kinds[i], 0, domid);
    for (const struct family *family = families; family->list; family++) {
        for (size_t i = 0; i < family->list->count(vm->config); i++) {
            family->place(vm, i, &place);
            for (size_t k = 0; place.backend_domid != 0 && k < KINDS; k++)
                discover_kind(vm, kinds[k], place.backend_domid, domid);
        }
    }
}

static bool is_planned(const struct vm *vm, const struct device *device)
{
    const struct device_place *found = device_place(device);
    struct device_place place;

    for (const struct family *family = families; family->list; family++) {
        if (strcmp(family->frontend, device_kind(device)->frontend) != 0)
            continue;
        for (size_t i = 0; i < family->list->count(vm->config); i++) {
            family->place(vm, i, &place);
            if (place.id == found->id && place.backend_domid == found->backend_domid)
                return true;
        }
    }
    return false;
}

static void bus_settled(struct vm *vm, struct failure *failure)
{
    vm->devices->change = NULL;
    if (failure)
        log_warning("%s", failure->text);
    failure_free(failure);
}

void devices_adopt(struct vm *vm)
{
    struct devices *devices = get(vm);

    discover(vm, vm->domid);
    for (size_t i = 0; i < devices->count; i++) {
        struct device *device = devices->list[i];

        if (device_kind(device) == &qdisk_kind && !vm->model)
            log_error("%s does not answer: qemu is not there any more", device_label(device));
        if (!device_is_ours(device))
            continue;
        if (is_planned(vm, device) && device_is_online(device)) {
            if (device_kind(device) == &pci_kind && !devices->change)
                devices->change = pci_bus_settle(vm, device, LEFT_S, bus_settled);
            continue;
        }
        log_info("%s was being attached or detached: it goes", device_label(device));
        device_remove(device, DEVICE_ASK, LEFT_S);
    }
}

/* Where the backend is known to be dead, nobody has to be asked. */
static void take_away(const struct vm *vm, struct device *device, enum device_removal how,
                      int seconds)
{
    bool dead = device_kind(device) == &qdisk_kind && !vm->model;

    device_remove(device, dead ? DEVICE_DROP : how, seconds);
}

void devices_stop(struct vm *vm, uint32_t domid, void (*done)(struct vm *vm))
{
    struct devices *devices = get(vm);

    end_change(devices);
    discover(vm, domid);
    devices->started = NULL;
    devices->one = NULL;
    devices->awaited = NULL;
    devices->stopped = done;
    if (devices->count == 0) {
        all_stopped(vm);
        return;
    }
    for (size_t i = 0; i < devices->count; i++)
        take_away(vm, devices->list[i], DEVICE_BURY, 0);
}

struct failure *devices_check_save(struct vm *vm)
{
    char address[PCI_ADDRESS_SIZE];

    for (size_t i = 0; i < vm->config->pci_count; i++) {
        if (!devices_get(vm, &config_pcis, i))
            continue;
        pci_address(vm->config->pcis[i], address);
        return fail(RPC_FAILED,
                    "a guest with a PCI device of the host can't be suspended "
                    "(pci-del %s takes it away)",
                    address);
    }
    return NULL;
}

/* One of them */

struct device *devices_get(struct vm *vm, const struct config_devices *list, size_t index)
{
    struct device *device = at_place(vm, list, index);

    if (list == &config_pcis && device && !pci_bus_has(device, vm->config->pcis[index]))
        return NULL;
    return device;
}

static struct failure *attach(struct vm *vm, const struct config_devices *list, size_t index,
                              devices_done *done)
{
    struct devices *devices = get(vm);
    size_t before = devices->count;
    struct failure *failure = family_of(list)->add(vm, index, add);

    if (failure && devices->count > before)
        drop(devices, devices->list[devices->count - 1]);
    if (failure)
        return failure;
    if (devices->count == before) { /* a drive with nothing in it */
        done(vm, NULL);
        return NULL;
    }
    devices->one = devices->list[devices->count - 1];
    devices->one_done = done;
    return NULL;
}

static void detach(struct vm *vm, struct device *device, enum device_removal how, int seconds,
                   devices_done *done)
{
    struct devices *devices = vm->devices;

    devices->one = device;
    devices->one_done = done;
    take_away(vm, device, how, seconds);
}

/* It waited for qemu, or for its place. */
static void attach_waiting(struct vm *vm, struct failure *failure)
{
    struct devices *devices = vm->devices;
    bool waits_on = !failure && needs_model(vm) && !device_model_is_ready(vm);

    if (waits_on)
        failure = device_model_start(vm, attach_waiting);
    else if (!failure)
        failure = attach(vm, devices->one_list, devices->one_index, devices->one_done);
    if (failure)
        devices->one_done(vm, failure);
}

/* A PCI bus of several */

const struct pci_device *devices_leaving(const struct vm *vm)
{
    return vm->devices->leaving;
}

static void bus_changed(struct vm *vm, struct failure *failure)
{
    vm->devices->change = NULL;
    vm->devices->leaving = NULL;
    vm->devices->bus_done(vm, failure);
}

static void bus_is_gone(struct vm *vm, struct failure *failure)
{
    if (!failure)
        failure = attach(vm, &config_pcis, vm->devices->one_index, bus_changed);
    if (failure)
        bus_changed(vm, failure);
}

/* Where the guest is not connected to its bus, it sees another one later. */
static void rebuild(struct vm *vm, struct device *bus, size_t index)
{
    vm->devices->one_index = index;
    detach(vm, bus, DEVICE_TAKE, 0, bus_is_gone);
}

static bool is_changing(struct vm *vm, devices_done *done)
{
    if (!vm->devices->change)
        return false;
    done(vm, fail(RPC_BUSY, "what an earlier monitor did to the PCI bus is not over yet"));
    return true;
}

/* False where there is no bus yet, and the device comes with a new one. */
static bool join_bus(struct vm *vm, size_t index, int seconds, devices_done *done)
{
    struct device *bus = at_place(vm, &config_pcis, index);

    if (is_changing(vm, done))
        return true;
    if (!bus)
        return false;
    vm->devices->bus_done = done;
    if (pci_bus_is_connected(bus))
        vm->devices->change = pci_bus_join(vm, bus, vm->config->pcis[index], seconds, bus_changed);
    else
        rebuild(vm, bus, index);
    return true;
}

/* False where no other device is on the bus, and it goes with this one. */
static bool leave_bus(struct vm *vm, size_t index, enum device_removal how, int seconds,
                      devices_done *done)
{
    const struct pci_device *pci = vm->config->pcis[index];
    struct device *bus = devices_get(vm, &config_pcis, index);
    size_t other = 0;

    if (is_changing(vm, done))
        return true;
    while (other < vm->config->pci_count &&
           (other == index || vm->config->pcis[other]->id != pci->id))
        other++;
    if (other == vm->config->pci_count)
        return false;
    vm->devices->bus_done = done;
    if (pci_bus_is_connected(bus)) {
        vm->devices->change = pci_bus_leave(vm, bus, pci, how, seconds, bus_changed);
    } else {
        vm->devices->leaving = pci;
        rebuild(vm, bus, other);
    }
    return true;
}

struct failure *devices_attach(struct vm *vm, const struct config_devices *list, size_t index,
                               int seconds, devices_done *done)
{
    struct devices *devices = get(vm);
    struct failure *failure = family_of(list)->check(vm, index);

    if (failure)
        return failure;
    if (list == &config_pcis && join_bus(vm, index, seconds, done))
        return NULL;
    devices->one_list = list;
    devices->one_index = index;
    devices->one_done = done;
    const struct device *old = devices_get(vm, list, index);
    if (old && !device_is_leaving(old))
        return fail(RPC_FAILED, "the guest has %s already", device_label(old));
    devices->awaited = old;
    if (old)
        return NULL; /* its place is not free yet */
    if (needs_model(vm) && !device_model_is_ready(vm))
        return device_model_start(vm, attach_waiting);
    return attach(vm, list, index, done);
}

void devices_detach(struct vm *vm, const struct config_devices *list, size_t index,
                    enum device_removal how, int seconds, devices_done *done)
{
    if (list == &config_pcis && leave_bus(vm, index, how, seconds, done))
        return;
    detach(vm, devices_get(vm, list, index), how, seconds, done);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/plug.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/pci.h"
#include "monitor/devices.h"
#include "monitor/drive.h"
#include "monitor/log.h"
#include "monitor/script.h"
#include "monitor/util.h"
#include "monitor/vif.h"

enum { SWITCH_S = 20 };

/* What an operation of this file is about. */
struct plug {
    const struct config_devices *list;
    size_t index;
    /* The medium that is taken out, and put back where the new one can't be attached. */
    char *old_path;
    enum disk_phystype old_type;
    char *new_path;
    enum disk_phystype new_type;
    char bridge[NIC_BRIDGE_SIZE]; /* the new one */
    char *old_bridge;
    struct script *script;
    struct drive_change *change; /* of the machine's drive */
};

void plug_free(struct plug *plug)
{
    if (!plug)
        return;
    script_cancel(plug->script);
    drive_forget(plug->change);
    free(plug->old_path);
    free(plug->new_path);
    free(plug->old_bridge);
    free(plug);
}

static struct plug *begin(struct vm *vm, struct call *call, enum operation_kind kind,
                          const struct config_devices *list, size_t index)
{
    struct operation *operation = vm_begin(vm, kind, call);

    operation->plug = need(calloc(1, sizeof(*operation->plug)));
    operation->plug->list = list;
    operation->plug->index = index;
    return operation->plug;
}

/* The lists are what the file says no more. */
static void finish(struct vm *vm, struct failure *failure)
{
    if (!failure)
        vm->config->plugged = true;
    vm_finish(vm, failure);
}

/* Ends with the failure that is known. */
static void finish_failed(struct vm *vm)
{
    struct failure *failure = vm->operation->failure;

    vm->operation->failure = NULL;
    vm_finish(vm, failure);
}

/*
 * What was to be attached is, or goes, and then `take_back` undoes the rest; the operation fails
 * with the first failure.
 */
static void conclude(struct vm *vm, struct failure *failure, devices_done *take_back)
{
    struct plug *plug = vm->operation->plug;
    struct device *device = devices_get(vm, plug->list, plug->index);

    if (!failure) {
        finish(vm, NULL);
        return;
    }
    vm->operation->failure = failure;
    if (device)
        devices_detach(vm, plug->list, plug->index, DEVICE_TAKE, 0, take_back);
    else
        take_back(vm, NULL);
}

/* attach */

static void taken_back(struct vm *vm, struct failure *failure)
{
    struct plug *plug = vm->operation->plug;

    failure_free(failure);
    plug->list->remove(vm->config, plug->index);
    finish_failed(vm);
}

static void attached(struct vm *vm, struct failure *failure)
{
    conclude(vm, failure, taken_back);
}

static bool is_machines(const struct vm *vm, const struct config_devices *list, size_t index)
{
    if (list == &config_pcis)
        return vm->config->type == GUEST_HVM;
    return list == &config_disks && drive_is_emulated(vm, vm->config->disks[index]);
}

/* What the machine has is there as long as the machine. */
static struct failure *check_machine(const struct vm *vm, const struct config_devices *list,
                                     size_t index)
{
    if (!is_machines(vm, list, index))
        return NULL;
    if (list == &config_pcis)
        return fail(RPC_FAILED, "an HVM guest's PCI devices stay from its start to its end (the "
                                "key pci names them)");
    return fail(RPC_FAILED,
                "%s is part of the emulated machine until the guest ends (disks of other names, "
                "xvdb, come and go)",
                vm->config->disks[index]->virtpath);
}

struct failure *plug_attach(struct vm *vm, struct call *call, const struct config_devices *list,
                            const char *text, int timeout)
{
    char *what = config_devices_plug(list, vm->config, text);

    if (what) {
        struct failure *failure = fail(RPC_INVALID_PARAMS, "%s", what);

        free(what);
        return failure;
    }
    size_t index = list->count(vm->config) - 1;
    struct failure *failure = check_machine(vm, list, index);
    if (failure) {
        list->remove(vm->config, index);
        return failure;
    }
    begin(vm, call, OP_ATTACH, list, index);
    failure = devices_attach(vm, list, index, timeout, attached);
    if (failure) {
        list->remove(vm->config, index);
        vm_finish(vm, failure);
    }
    return NULL;
}

/* detach */

static void detached(struct vm *vm, struct failure *failure)
{
    struct plug *plug = vm->operation->plug;

    if (!failure)
        plug->list->remove(vm->config, plug->index);
    finish(vm, failure);
}

struct failure *plug_detach(struct vm *vm, struct call *call, const struct config_devices *list,
                            size_t index, bool force, int timeout)
{
    struct device *device = devices_get(vm, list, index);
    struct failure *failure = check_machine(vm, list, index);

    if (failure)
        return failure;
    begin(vm, call, OP_DETACH, list, index);
    if (device)
        devices_detach(vm, list, index, force ? DEVICE_TAKE : DEVICE_ASK, timeout, detached);
    else
        detached(vm, NULL); /* a drive without a medium */
    return NULL;
}

/* insert */

static struct disk *drive(const struct vm *vm)
{
    return vm->config->disks[vm->operation->plug->index];
}

static void set_medium(struct vm *vm, enum disk_phystype type, const char *path)
{
    free(disk_set_medium(drive(vm), type, path)); /* checked before */
}

static void old_is_back(struct vm *vm, struct failure *failure)
{
    if (failure) {
        set_medium(vm, vm->operation->plug->old_type, NULL);
        vm->config->plugged = true;
    }
    failure_log(failure);
    finish_failed(vm);
}

/* The new medium could not be attached: the old one is put back. */
static void new_is_out(struct vm *vm, struct failure *failure)
{
    struct plug *plug = vm->operation->plug;

    failure_free(failure);
    set_medium(vm, plug->old_type, plug->old_path);
    failure = plug->old_path ? devices_attach(vm, plug->list, plug->index, 0, old_is_back) : NULL;
    if (failure || !plug->old_path)
        old_is_back(vm, failure);
}

static void new_is_in(struct vm *vm, struct failure *failure)
{
    conclude(vm, failure, new_is_out);
}

static void old_is_out(struct vm *vm, struct failure *failure)
{
    struct plug *plug = vm->operation->plug;

    if (failure) {
        vm_finish(vm, failure);
        return;
    }
    set_medium(vm, plug->new_type, plug->new_path);
    if (!plug->new_path) {
        finish(vm, NULL);
        return;
    }
    failure = devices_attach(vm, plug->list, plug->index, 0, new_is_in);
    if (failure)
        new_is_in(vm, failure);
}

/* The machine has the new medium in its drive. */
static void drive_changed(struct vm *vm, struct failure *failure)
{
    struct plug *plug = vm->operation->plug;

    plug->change = NULL;
    if (!failure)
        set_medium(vm, plug->new_type, plug->new_path);
    finish(vm, failure);
}

struct failure *plug_insert(struct vm *vm, struct call *call, size_t index,
                            enum disk_phystype phystype, const char *path, bool force, int timeout)
{
    struct disk *disk = vm->config->disks[index];
    struct device *device = devices_get(vm, &config_disks, index);

    if (!disk->cdrom)
        return fail(RPC_FAILED, "%s is no cdrom drive", disk->virtpath);
    if (!path && !disk->physpath)
        return fail(RPC_FAILED, "%s is empty", disk->virtpath);
    char *old_path = copy_text(disk->physpath);
    enum disk_phystype old_type = disk->phystype;
    char *what = disk_set_medium(disk, phystype, path);
    struct failure *failure =
        what ? fail(RPC_INVALID_PARAMS, "%s", what) : devices_check_one(vm, &config_disks, index);
    free(what);
    free(disk_set_medium(disk, old_type, old_path));
    if (failure) {
        free(old_path);
        return failure;
    }
    struct plug *plug = begin(vm, call, OP_INSERT, &config_disks, index);
    plug->old_path = old_path;
    plug->old_type = old_type;
    plug->new_path = copy_text(path);
    plug->new_type = phystype;
    if (drive_is_emulated(vm, disk))
        plug->change = drive_insert(vm, disk, path, force, timeout, drive_changed);
    else if (device)
        devices_detach(vm, &config_disks, index, force ? DEVICE_TAKE : DEVICE_ASK, timeout,
                       old_is_out);
    else
        old_is_out(vm, NULL);
    return NULL;
}

/* switch */

static void switched(struct failure *failure, void *arg)
{
    struct vm *vm = arg;
    struct plug *plug = vm->operation->plug;
    struct nic *nic = vm->config->nics[plug->index];

    plug->script = NULL;
    if (failure) {
        struct failure *named = fail(failure->code, "cannot move nic %d to %s: %s", nic->id,
                                     plug->bridge, failure->text);
        struct device *device = devices_get(vm, &config_nics, plug->index);

        failure_free(failure);
        if (device && plug->old_bridge)
            failure_free(device_write(device, "bridge", plug->old_bridge));
        vm_finish(vm, named);
        return;
    }
    free(nic_set_bridge(nic, plug->bridge)); /* checked before */
    finish(vm, NULL);
}

struct failure *plug_switch(struct vm *vm, struct call *call, size_t index, const char *bridge)
{
    struct nic *nic = vm->config->nics[index];
    struct device *device = devices_get(vm, &config_nics, index);
    char old[NIC_BRIDGE_SIZE];
    struct failure *failure = NULL;

    if (nic->backend_domid != 0)
        return fail(RPC_FAILED, "the backend of nic %d is in domain %u, and so are its bridges",
                    nic->id, nic->backend_domid);
    snprintf(old, sizeof(old), "%s", nic->bridge);
    char *what = nic_set_bridge(nic, bridge);
    if (what)
        failure = fail(RPC_INVALID_PARAMS, "network: %s", what);
    free(what);
    snprintf(nic->bridge, sizeof(nic->bridge), "%s", old);
    if (!failure)
        failure = vif_check_bridge("move", nic->id, bridge);
    if (failure)
        return failure;
    struct plug *plug = begin(vm, call, OP_SWITCH, &config_nics, index);
    snprintf(plug->bridge, sizeof(plug->bridge), "%s", bridge);
    plug->old_bridge = device ? device_read(device, "bridge") : NULL;
    if (!device) {
        switched(NULL, vm);
        return NULL;
    }
    failure = device_write(device, "bridge", bridge);
    if (!failure)
        failure = device_script(device, &plug->script, "switch", SWITCH_S, switched, vm);
    if (failure)
        switched(failure, vm);
    return NULL;
}

void plug_cancelled(struct vm *vm, struct operation *operation)
{
    struct plug *plug = operation->plug;

    if (operation->kind == OP_ATTACH)
        plug->list->remove(vm->config, plug->index);
}

/* Lists */

static const char *condition(struct vm *vm, const struct config_devices *list, size_t index)
{
    const struct device *device = devices_get(vm, list, index);
    bool emulated = vm->domid != DOMID_INVALID && is_machines(vm, list, index);

    /* No guest's driver ever joins what qemu hands on. */
    if (device && !(emulated && list == &config_pcis))
        return device_condition(device);
    return emulated ? "emulated" : "-";
}

json_t *plug_list_disks(struct vm *vm)
{
    json_t *array = json_array();

    for (size_t i = 0; i < vm->config->disk_count; i++) {
        const struct disk *disk = vm->config->disks[i];

        json_array_append_new(
            array, json_pack("{s:s, s:I, s:s?, s:s, s:s, s:s, s:s}", "disk", disk->virtpath,
                             "number", (json_int_t)disk->number, "path", disk->physpath, "type",
                             disk_phystype_name(disk->phystype), "mode", disk->writable ? "w" : "r",
                             "device", disk->cdrom ? "cdrom" : "disk", "state",
                             condition(vm, &config_disks, i)));
    }
    return json_pack("{s:o}", "disks", array);
}

json_t *plug_list_pcis(struct vm *vm)
{
    json_t *array = json_array();

    for (size_t i = 0; i < vm->config->pci_count; i++) {
        const struct pci_device *pci = vm->config->pcis[i];
        char address[PCI_ADDRESS_SIZE];

        pci_address(pci, address);
        json_array_append_new(array, json_pack("{s:s, s:i, s:b, s:s}", "pci", address, "id",
                                               (int)pci->id, "bind", pci->bind, "state",
                                               condition(vm, &config_pcis, i)));
    }
    return json_pack("{s:o}", "pcis", array);
}

json_t *plug_list_nics(struct vm *vm)
{
    json_t *array = json_array();

    for (size_t i = 0; i < vm->config->nic_count; i++) {
        const struct nic *nic = vm->config->nics[i];
        const struct device *device = devices_get(vm, &config_nics, i);
        char *bridge = device ? device_read(device, "bridge") : NULL;
        char *mac = device ? device_read(device, "mac") : NULL;
        char derived[NIC_MAC_TEXT_SIZE] = "random", interface[32] = "-";
        unsigned char bytes[NIC_MAC_SIZE];

        if (nic->mac_kind != NIC_MAC_RANDOM) {
            nic_mac(nic, vm->uuid_bytes, bytes);
            nic_mac_text(bytes, derived);
        }
        if (device && nic->backend_domid == 0)
            snprintf(interface, sizeof(interface), "vif%u.%d", vm->domid, nic->id);
        json_array_append_new(array, json_pack("{s:i, s:s, s:s, s:s, s:s}", "id", nic->id, "mac",
                                               mac ? mac : derived, "bridge",
                                               bridge         ? bridge
                                               : *nic->bridge ? nic->bridge
                                                              : "-",
                                               "interface", interface, "state",
                                               condition(vm, &config_nics, i)));
        free(bridge);
        free(mac);
    }
    return json_pack("{s:o}", "nics", array);
}

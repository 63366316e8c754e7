/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/families.h"

#include <stdio.h>
#include <stdlib.h>

#include "monitor/devices.h"
#include "monitor/drive.h"
#include "monitor/pci.h"
#include "monitor/vbd.h"
#include "monitor/vif.h"
#include "monitor/vm.h"

static void disk_place(const struct vm *vm, size_t index, struct device_place *place)
{
    const struct disk *disk = vm->config->disks[index];

    *place = (struct device_place){ vm->domid, disk->backend_domid, disk->number };
}

/* Domain 0, or a driver domain that runs. */
static struct failure *check_backend(const struct vm *vm, uint32_t domid, const char *what)
{
    if (domid == 0 || domain_is_there(vm->xch, domid))
        return NULL;
    return fail(RPC_FAILED, "cannot attach %s: there is no domain %u (backend-domid)", what, domid);
}

static struct failure *check_disk(const struct vm *vm, size_t index)
{
    const struct disk *disk = vm->config->disks[index];

    if (drive_is_emulated(vm, disk) && !disk->cdrom && !disk->writable && disk->virtpath[0] == 'h')
        return fail(RPC_FAILED,
                    "disk %s: the emulated machine has no read-only disks on its IDE "
                    "bus (names like sda and xvda can be)",
                    disk->virtpath);
    if (drive_is_emulated(vm, disk) && disk->backend_domid != 0)
        return fail(RPC_FAILED,
                    "disk %s: the emulated machine has no disks of a driver domain (names like "
                    "xvdb can be)",
                    disk->virtpath);
    if (vm->config->qemu_dm_user && vbd_is_qemus(disk) && !disk->cdrom)
        return fail(RPC_FAILED,
                    "disk %s: a qemu with qemu-dm-user serves no disks (those of phystype phy and "
                    "file are the kernel's)",
                    disk->virtpath);
    struct failure *failure = check_backend(vm, disk->backend_domid, disk->virtpath);
    return failure || !disk->physpath ? failure : vbd_check(disk);
}

static struct failure *add_disk(struct vm *vm, size_t index, device_adder *adder)
{
    const struct disk *disk = vm->config->disks[index];
    struct device_place place;

    if (!disk->physpath || (disk->cdrom && drive_is_emulated(vm, disk)))
        return NULL;
    char *label = vbd_label(disk);
    disk_place(vm, index, &place);
    struct failure *failure =
        adder(vm, vbd_is_qemus(disk) ? &qdisk_kind : &vbd_kind, &place, label, disk);
    free(label);
    return failure;
}

static void nic_place(const struct vm *vm, size_t index, struct device_place *place)
{
    const struct nic *nic = vm->config->nics[index];

    *place = (struct device_place){ vm->domid, nic->backend_domid, (uint32_t)nic->id };
}

static struct failure *check_nic(const struct vm *vm, size_t index)
{
    const struct nic *nic = vm->config->nics[index];
    struct failure *failure;
    struct vif vif;
    char name[16];

    snprintf(name, sizeof(name), "nic %d", nic->id);
    failure = check_backend(vm, nic->backend_domid, name);
    return failure ? failure : vif_prepare(&vif, nic, vm->uuid_bytes);
}

static struct failure *add_nic(struct vm *vm, size_t index, device_adder *adder)
{
    struct device_place place;
    struct vif vif;
    struct failure *failure = vif_prepare(&vif, vm->config->nics[index], vm->uuid_bytes);

    if (failure)
        return failure;
    char *label = vif_label(&vif);
    nic_place(vm, index, &place);
    failure = adder(vm, &vif_kind, &place, label, &vif);
    free(label);
    return failure;
}

static void pci_place(const struct vm *vm, size_t index, struct device_place *place)
{
    *place = (struct device_place){ vm->domid, 0, vm->config->pcis[index]->id };
}

static struct failure *check_pci(const struct vm *vm, size_t index)
{
    if (vm->config->qemu_dm_user)
        return fail(RPC_FAILED, "pci: a qemu with qemu-dm-user can reach no device of the host");
    return pci_check(vm->config->pcis[index]);
}

/* The first of a bus is attached together with all others of that bus. */
static struct failure *add_pci(struct vm *vm, size_t index, device_adder *adder)
{
    struct device_place place;

    pci_place(vm, index, &place);
    const struct pci_bus bus = { vm, place.id, devices_leaving(vm) };
    char *label = pci_label(vm->config->pcis[index]);
    struct failure *failure = adder(vm, &pci_kind, &place, label, &bus);
    free(label);
    return failure;
}

const struct family families[] = {
    { &config_disks, "vbd", disk_place, check_disk, add_disk },
    { &config_nics, "vif", nic_place, check_nic, add_nic },
    { &config_pcis, "pci", pci_place, check_pci, add_pci },
    { 0 },
};

const struct family *family_of(const struct config_devices *list)
{
    const struct family *family = families;

    while (family->list != list)
        family++;
    return family;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/devices.h"

#include <stdlib.h>
#include <string.h>

#include "config/disk.h"
#include "config/nic.h"
#include "config/pci.h"
#include "config/text.h"

/* Lists of pointers, so that a device stays where it is while others come and go. */
enum { POINTER_SIZE = sizeof(void *) };

/* The list with room for one more. */
static void *grow(void *list, size_t count)
{
    list = reallocarray(list, count + 1, POINTER_SIZE);
    if (!list)
        abort();
    return list;
}

/* The list without one of its pointers; NULL where that was the last. */
static void *cut(void *list, size_t count, size_t index)
{
    char *place = (char *)list + index * POINTER_SIZE;

    memmove(place, place + POINTER_SIZE, (count - index - 1) * POINTER_SIZE);
    if (count > 1)
        return list;
    free(list);
    return NULL;
}

/* For devices that are the same for every kind of guest. */
static char *no_misfit(const struct vm_config *config, size_t index)
{
    return NULL;
}

static size_t disk_count(const struct vm_config *config)
{
    return config->disk_count;
}

static char *disk_add(struct vm_config *config, const char *text)
{
    char *error;
    struct disk *disk = disk_parse(text, &error);

    if (!disk)
        return error;
    config->disks = grow(config->disks, config->disk_count);
    config->disks[config->disk_count++] = disk;
    return NULL;
}

static char *disk_text_at(const struct vm_config *config, size_t index)
{
    return disk_text(config->disks[index]);
}

static char *disk_conflict_at(const struct vm_config *config, size_t index, size_t *other)
{
    char *what;

    for (*other = 0; *other < index; (*other)++) {
        what = disk_conflict(config->disks[index], config->disks[*other]);
        if (what)
            return what;
    }
    return NULL;
}

static void disk_remove(struct vm_config *config, size_t index)
{
    disk_free(config->disks[index]);
    config->disks = cut(config->disks, config->disk_count--, index);
}

const struct config_devices config_disks = {
    .count = disk_count,
    .add = disk_add,
    .text = disk_text_at,
    .conflict = disk_conflict_at,
    .misfit = no_misfit,
    .remove = disk_remove,
};

static size_t nic_count(const struct vm_config *config)
{
    return config->nic_count;
}

static char *nic_add(struct vm_config *config, const char *text)
{
    char *error;
    struct nic *nic = nic_parse(text, &error);

    if (!nic)
        return error;
    config->nics = grow(config->nics, config->nic_count);
    config->nics[config->nic_count++] = nic;
    return NULL;
}

static char *nic_text_at(const struct vm_config *config, size_t index)
{
    return nic_text(config->nics[index]);
}

static char *nic_conflict_at(const struct vm_config *config, size_t index, size_t *other)
{
    const struct nic *nic = config->nics[index];
    char *what;

    for (*other = 0; *other < index; (*other)++) {
        what = nic_conflict(nic, config->nics[*other], config->uuid);
        if (what)
            return what;
    }
    if (nic->id == NIC_NO_ID)
        return config_format("no id is free, accepted: at most %d nics", NIC_ID_MAX + 1);
    return NULL;
}

/* A model is of an emulated card: an HVM guest's, whose bridge qemu can reach. */
static char *nic_misfit(const struct vm_config *config, size_t index)
{
    const struct nic *nic = config->nics[index];

    if (!nic->model)
        return NULL;
    if (config->type != GUEST_HVM)
        return config_format("model means nothing to a %s guest, accepted: for HVM",
                             guest_type_name(config->type));
    if (nic->backend_domid != 0)
        return config_format("model means nothing with backend-domid, accepted: one of the two");
    return NULL;
}

static void nic_remove(struct vm_config *config, size_t index)
{
    nic_free(config->nics[index]);
    config->nics = cut(config->nics, config->nic_count--, index);
}

const struct config_devices config_nics = {
    .count = nic_count,
    .add = nic_add,
    .text = nic_text_at,
    .conflict = nic_conflict_at,
    .misfit = nic_misfit,
    .remove = nic_remove,
};

static size_t pci_count(const struct vm_config *config)
{
    return config->pci_count;
}

static char *pci_add(struct vm_config *config, const char *text)
{
    char *error;
    struct pci_device *pci = pci_parse(text, &error);

    if (!pci)
        return error;
    config->pcis = grow(config->pcis, config->pci_count);
    config->pcis[config->pci_count++] = pci;
    return NULL;
}

static char *pci_text_at(const struct vm_config *config, size_t index)
{
    return pci_text(config->pcis[index]);
}

static char *pci_conflict_at(const struct vm_config *config, size_t index, size_t *other)
{
    char *what;

    for (*other = 0; *other < index; (*other)++) {
        what = pci_conflict(config->pcis[index], config->pcis[*other]);
        if (what)
            return what;
    }
    return NULL;
}

static void pci_remove(struct vm_config *config, size_t index)
{
    pci_free(config->pcis[index]);
    config->pcis = cut(config->pcis, config->pci_count--, index);
}

const struct config_devices config_pcis = {
    .count = pci_count,
    .add = pci_add,
    .text = pci_text_at,
    .conflict = pci_conflict_at,
    .misfit = no_misfit,
    .remove = pci_remove,
};

void config_devices_clear(const struct config_devices *devices, struct vm_config *config)
{
    for (size_t count = devices->count(config); count > 0; count--)
        devices->remove(config, count - 1);
}

void config_nics_number(struct vm_config *config)
{
    bool taken[NIC_ID_MAX + 1] = { false };
    int next = 0;

    for (size_t i = 0; i < config->nic_count; i++) {
        if (config->nics[i]->id != NIC_NO_ID)
            taken[config->nics[i]->id] = true;
    }
    for (size_t i = 0; i < config->nic_count; i++) {
        if (config->nics[i]->id != NIC_NO_ID)
            continue;
        while (next <= NIC_ID_MAX && taken[next])
            next++;
        if (next > NIC_ID_MAX)
            return;
        config->nics[i]->id = next++;
    }
}

char *config_devices_add(const struct config_devices *devices, struct vm_config *config,
                         const char *text)
{
    if (devices->count(config) >= CONFIG_DEVICES_MAX)
        return config_format("is one too many, accepted: at most %d", (int)CONFIG_DEVICES_MAX);
    return devices->add(config, text);
}

char *config_devices_plug(const struct config_devices *devices, struct vm_config *config,
                          const char *text)
{
    char *what = config_devices_add(devices, config, text);
    size_t last, other;

    if (what)
        return what;
    config_nics_number(config);
    last = devices->count(config) - 1;
    what = devices->conflict(config, last, &other);
    if (!what)
        what = devices->misfit(config, last);
    if (what)
        devices->remove(config, last);
    return what;
}

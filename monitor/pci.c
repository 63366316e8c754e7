/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/pci.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/io/xenbus.h>

#include "monitor/log.h"
#include "monitor/util.h"
#include "monitor/vm.h"

enum {
    RESOURCES = 7,     /* six BARs and the ROM: the lines of sysfs's `resource` */
    IS_PORTS = 1 << 8, /* in a resource's flags: IORESOURCE_IO of Linux's ioport.h */
    SYSFS_PATH = 64,
    LINE_SIZE = 128,
};

/* A device in sysfs, and one of its files. */
static void sysfs_path(const struct pci_device *pci, const char *file, char path[SYSFS_PATH])
{
    char address[PCI_ADDRESS_SIZE];

    pci_address(pci, address);
    snprintf(path, SYSFS_PATH, "/sys/bus/pci/devices/%s/%s", address, file);
}

static FILE *open_sysfs(const struct pci_device *pci, const char *file)
{
    char path[SYSFS_PATH];

    sysfs_path(pci, file, path);
    return fopen(path, "re");
}

char *pci_label(const struct pci_device *pci)
{
    char address[PCI_ADDRESS_SIZE];

    pci_address(pci, address);
    return text("pci %s", address);
}

static struct failure *cannot_attach(const struct pci_device *pci, const char *cause)
{
    char address[PCI_ADDRESS_SIZE];

    pci_address(pci, address);
    return fail(RPC_FAILED, "cannot attach pci %s: %s", address, cause);
}

struct failure *pci_check(const struct pci_device *pci)
{
    char path[SYSFS_PATH];

    sysfs_path(pci, "resource", path);
    return access(path, F_OK) == 0 ? NULL : cannot_attach(pci, "this host has no such device");
}

/* What a guest may reach */

static int permit(const struct vm *vm, unsigned long long start, unsigned long long end,
                  unsigned long long flags, bool allowed)
{
    unsigned long long size = end - start + 1;

    if (flags & IS_PORTS)
        return xc_domain_ioport_permission(vm->xch, vm->domid, (uint32_t)start, (uint32_t)size,
                                           allowed);
    return xc_domain_iomem_permission(vm->xch, vm->domid, start >> XC_PAGE_SHIFT,
                                      (size + XC_PAGE_SIZE - 1) >> XC_PAGE_SHIFT, allowed);
}

/* Of the file's lines, as many as are resources: start, end and flags, hexadecimal. */
static int permit_resources(const struct vm *vm, const struct pci_device *pci, bool allowed)
{
    FILE *file = open_sysfs(pci, "resource");
    char line[LINE_SIZE];
    int error = 0;

    for (int i = 0; file && i < RESOURCES && fgets(line, sizeof(line), file); i++) {
        char *rest = line;
        unsigned long long start = strtoull(rest, &rest, 16);
        unsigned long long end = strtoull(rest, &rest, 16);
        unsigned long long flags = strtoull(rest, &rest, 16);

        if (start != 0 && permit(vm, start, end, flags, allowed) < 0)
            error = errno;
    }
    if (file)
        fclose(file);
    return error;
}

/* 0 where it has none. */
static int interrupt_of(const struct pci_device *pci)
{
    FILE *file = open_sysfs(pci, "irq");
    char line[LINE_SIZE];
    int irq = file && fgets(line, sizeof(line), file) ? (int)strtol(line, NULL, 10) : 0;

    if (file)
        fclose(file);
    return irq;
}

static int permit_interrupt(const struct vm *vm, int irq)
{
    int pirq = irq;

    if (irq <= 0)
        return 0;
    if (xc_physdev_map_pirq(vm->xch, vm->domid, irq, &pirq) < 0 ||
        xc_domain_irq_permission(vm->xch, vm->domid, (uint32_t)pirq, 1) < 0)
        return errno;
    return 0;
}

static uint32_t machine_sbdf(const struct pci_device *pci)
{
    return pci->domain << 16 | pci->bus << 8 | pci->device << 3 | pci->function;
}

static struct failure *do_without_iommu(const struct vm *vm, const struct pci_device *pci)
{
    if (vm->config->type == GUEST_HVM)
        return cannot_attach(pci, "this host has no IOMMU, which an HVM guest needs for it");
    char *label = pci_label(pci);
    log_warning("%s: this host has no IOMMU, the guest can reach all memory with it", label);
    free(label);
    return NULL;
}

/* Has the IOMMU show the device the guest's memory, and no other. */
static struct failure *assign(const struct vm *vm, const struct pci_device *pci)
{
    if (!domain_has_iommu(vm->xch))
        return do_without_iommu(vm, pci);
    if (xc_assign_device(vm->xch, vm->domid, machine_sbdf(pci), XEN_DOMCTL_DEV_RDM_RELAXED) == 0)
        return NULL;
    return cannot_attach(pci, errno == EOPNOTSUPP || errno == EINVAL
                                  ? "the domain was started without a PCI device, and can have "
                                    "none before its next start"
                                  : strerror(errno));
}

struct failure *pci_allow(const struct vm *vm, const struct pci_device *pci)
{
    struct failure *failure = assign(vm, pci);

    if (failure)
        return failure;
    int error = permit_resources(vm, pci, true);
    if (!error)
        error = permit_interrupt(vm, interrupt_of(pci));
    if (!error)
        return NULL;
    pci_disallow(vm, pci);
    return cannot_attach(pci, strerror(error));
}

void pci_disallow(const struct vm *vm, const struct pci_device *pci)
{
    int irq = interrupt_of(pci);

    if (irq > 0) {
        xc_physdev_unmap_pirq(vm->xch, (int)vm->domid, irq);
        xc_domain_irq_permission(vm->xch, vm->domid, (uint32_t)irq, 0);
    }
    permit_resources(vm, pci, false);
    if (domain_has_iommu(vm->xch))
        xc_deassign_device(vm->xch, vm->domid, machine_sbdf(pci));
}

/* Nodes */

static int chosen(enum pci_choice choice, long long fallback)
{
    return choice == PCI_DEFAULT ? fallback != 0 : choice == PCI_ON;
}

void pci_write(struct writing *writing, const struct vm *vm, const struct pci_device *pci,
               unsigned int number)
{
    char address[PCI_ADDRESS_SIZE], node[32];

    pci_address(pci, address);
    snprintf(node, sizeof(node), "key-%u", number);
    writing_put(writing, node, "%s", address);
    snprintf(node, sizeof(node), "dev-%u", number);
    writing_put(writing, node, "%s", address);
    snprintf(node, sizeof(node), "opts-%u", number);
    writing_put(writing, node, "msitranslate=%d,power_mgmt=%d,permissive=%d",
                chosen(pci->msitranslate, vm->config->pci_msitranslate),
                chosen(pci->power_mgmt, vm->config->pci_power_management), pci->permissive);
    snprintf(node, sizeof(node), "bind-%u", number);
    writing_put(writing, node, "%d", pci->bind);
    snprintf(node, sizeof(node), "state-%u", number);
    writing_put(writing, node, "%d", XenbusStateInitialising);
}

static void write_frontend(struct writing *writing, const void *about)
{
}

static void write_backend(struct writing *writing, const void *about)
{
    const struct pci_bus *bus = about;
    const struct vm_config *config = bus->vm->config;
    unsigned int count = 0;

    writing_put(writing, "domain", "%s", bus->vm->name);
    for (size_t i = 0; i < config->pci_count; i++)
        if (config->pcis[i]->id == bus->id && config->pcis[i] != bus->without)
            pci_write(writing, bus->vm, config->pcis[i], count++);
    writing_put(writing, "num_devs", "%u", count);
}

bool pci_on_bus(const struct device *bus, unsigned int number, struct pci_device *pci)
{
    char node[32];

    snprintf(node, sizeof(node), "dev-%u", number);
    char *address = device_read(bus, node);
    bool read = address && pci_read_address(address, pci);
    free(address);
    return read;
}

/* Before pciback begins. */
static struct failure *allow_all(const struct device *bus, void *arg)
{
    struct failure *failure = NULL;
    struct pci_device pci;

    for (unsigned int i = 0; !failure && pci_on_bus(bus, i, &pci); i++)
        failure = pci_allow(arg, &pci);
    return failure;
}

static void disallow_all(const struct device *bus, void *arg)
{
    struct pci_device pci;

    for (unsigned int i = 0; pci_on_bus(bus, i, &pci); i++)
        pci_disallow(arg, &pci);
}

const struct device_kind pci_kind = {
    .name = "pci",
    .frontend = "pci",
    .backend = "pci",
    .script = "pci",
    .called = true,
    .ready = XenbusStateInitialised,
    .write_frontend = write_frontend,
    .write_backend = write_backend,
    .prepare = allow_all,
    .release = disallow_all,
};

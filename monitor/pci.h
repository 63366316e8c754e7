/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_PCI_H
#define XENVM_MONITOR_PCI_H

/*
 * PCI devices of the host for PV guests: pciback serves a bus, on which those devices of the
 * configuration are that name its id. What may be in a bus's nodes is in Linux's
 * drivers/xen/xen-pciback/xenbus.c; what a guest has to be allowed, in
 * xen/tools/libs/light/libxl_pci.c.
 */

#include <xenctrl.h>

#include "config/pci.h"
#include "monitor/device.h"
#include "monitor/failure.h"

struct vm;

/* A bus, with what the configuration says of it. */
struct pci_bus {
    const struct vm *vm;
    unsigned int id;
    const struct pci_device *without; /* one that it is to be made without, or NULL */
};

/* What is written is about a struct pci_bus. */
extern const struct device_kind pci_kind;

/* "pci 0000:00:1b.0", malloc'd. */
char *pci_label(const struct pci_device *pci);

/* Fails where this host has no such device. */
struct failure *pci_check(const struct pci_device *pci);

/* Lets a domain reach the ports, the memory and the interrupt of a device, or no longer. */
struct failure *pci_allow(const struct vm *vm, const struct pci_device *pci);
void pci_disallow(const struct vm *vm, const struct pci_device *pci);

/* The nodes of the device `pci` as number `number` of a bus, below the writing's root. */
void pci_write(struct writing *writing, const struct vm *vm, const struct pci_device *pci,
               unsigned int number);

/* Whether the bus has a device of that number, and which. */
bool pci_on_bus(const struct device *bus, unsigned int number, struct pci_device *pci);

#endif

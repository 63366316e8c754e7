/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_CONFIG_PCI_H
#define XENVM_CONFIG_PCI_H

/* The key `pci`: id,[bind,]domain:bus:device.function[,k=v...] */

#include <stdbool.h>

#define PCI_FORMAT "id,[bind,]domain:bus:device.function[,k=v...]"

enum { PCI_ID_MAX = 99, PCI_ADDRESS_SIZE = 13 };

/* A boolean that may be left to the configuration's key for all devices. */
enum pci_choice { PCI_DEFAULT, PCI_OFF, PCI_ON };

struct pci_device {
    unsigned int id; /* of the guest's bus; devices with the same one share it */
    bool bind;       /* take it from dom0's driver, and give it back afterwards */
    unsigned int domain, bus, device, function;
    enum pci_choice msitranslate; /* PCI_DEFAULT: as pci-msitranslate says */
    enum pci_choice power_mgmt;   /* PCI_DEFAULT: as pci-power-management says */
    bool permissive;
};

/* Reads a value. NULL with `*error`, malloc'd, that names the wrong part and what is accepted. */
struct pci_device *pci_parse(const char *value, char **error);

/* The value as text that pci_parse() reads, malloc'd. */
char *pci_text(const struct pci_device *pci);

void pci_free(struct pci_device *pci);

/* Reads an address alone, and leaves the rest of it as it is: false where it is none. */
bool pci_read_address(const char *text, struct pci_device *pci);

/* 0000:00:1b.0, the name in sysfs. */
void pci_address(const struct pci_device *pci, char text[PCI_ADDRESS_SIZE]);

/* Whether both have one address. */
bool pci_is_same(const struct pci_device *pci, const struct pci_device *other);

/* Not the same device of the host twice. NULL, or what is wrong about `pci`, malloc'd. */
char *pci_conflict(const struct pci_device *pci, const struct pci_device *other);

#endif

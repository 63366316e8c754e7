/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_PCI_BUS_H
#define XENVM_MONITOR_PCI_BUS_H

/*
 * A device comes to, or leaves, a PCI bus that the guest is connected to, while the others stay:
 * the backend's state goes to Reconfiguring, the guest's answers, and both come back to Connected.
 */

#include <stdbool.h>

#include "config/pci.h"
#include "monitor/device.h"
#include "monitor/failure.h"

struct pci_change;
struct vm;

/* The end, from the event loop; after a failure, which is the receiver's, the bus is as it was. */
typedef void pci_changed(struct vm *vm, struct failure *failure);

/* Whether the guest is connected to it, and nothing is under way. */
bool pci_bus_is_connected(const struct device *bus);

/* Whether a device is on it. */
bool pci_bus_has(const struct device *bus, const struct pci_device *pci);

struct pci_change *pci_bus_join(struct vm *vm, struct device *bus, const struct pci_device *pci,
                                int seconds, pci_changed *done);

/* How: DEVICE_ASK or DEVICE_TAKE. */
struct pci_change *pci_bus_leave(struct vm *vm, struct device *bus, const struct pci_device *pci,
                                 enum device_removal how, int seconds, pci_changed *done);

/*
 * Has a device leave that an earlier monitor was about to add or to take away: one that is not in
 * the configuration, or that the guest was asked to let go. NULL where there is none.
 */
struct pci_change *pci_bus_settle(struct vm *vm, struct device *bus, int seconds,
                                  pci_changed *done);

/* Nobody waits for it any more. NULL is fine. */
void pci_change_free(struct pci_change *change);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_VIF_H
#define XENVM_MONITOR_VIF_H

/* Network cards as devices: xen/include/public/io/netif.h. */

#include <uuid/uuid.h>

#include "config/nic.h"
#include "monitor/device.h"

/* What is written is about this: what a card has come to at this start. */
struct vif {
    const struct nic *nic;
    char bridge[NIC_BRIDGE_SIZE];
    unsigned char mac[NIC_MAC_SIZE];
};

extern const struct device_kind vif_kind;

/* Finds the card's bridge, the host's first where it names none, and its MAC address. */
struct failure *vif_prepare(struct vif *vif, const struct nic *nic, const uuid_t vm);

/* "nic 0 (xenbr0)", malloc'd. */
char *vif_label(const struct vif *vif);

/* Fails where this host has no such bridge: to attach the card, or to move it. */
struct failure *vif_check_bridge(const char *deed, int id, const char *bridge);

#endif

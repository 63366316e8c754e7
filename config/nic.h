/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_CONFIG_NIC_H
#define XENVM_CONFIG_NIC_H

/* The key `nic`, or `vif`: NAME=VALUE parts, all of them optional, in any order. */

#include <stdint.h>

#include <uuid/uuid.h>

#include "config/rate.h"

#define NIC_FORMAT                                                                                 \
    "[bridge=NAME,mac=ADDRESS|random,id=NUMBER,model=NAME,backend-domid=NUMBER,rate=RATE]"

enum {
    NIC_BRIDGE_SIZE = 16, /* Linux's IFNAMSIZ */
    NIC_MAC_SIZE = 6,
    NIC_MAC_TEXT_SIZE = 18,
    /* The longest name of an interface of Linux has room for vif32751.99. */
    NIC_ID_MAX = 99,
    NIC_NO_ID = -1,
};

enum nic_mac_kind {
    NIC_MAC_DERIVED, /* from the VM's UUID and the id */
    NIC_MAC_GIVEN,
    NIC_MAC_RANDOM, /* another one at each start */
};

struct nic {
    char bridge[NIC_BRIDGE_SIZE]; /* empty: the host's first */
    enum nic_mac_kind mac_kind;
    unsigned char mac[NIC_MAC_SIZE]; /* where given */
    int id;                          /* NIC_NO_ID: not given, and not given out yet */
    char *model;                     /* NULL: not given */
    unsigned int backend_domid;
    struct nic_rate rate;
};

/* Reads a value. NULL with `*error`, malloc'd, that names the wrong part and what is accepted. */
struct nic *nic_parse(const char *value, char **error);

/* The value as text that nic_parse() reads, malloc'd; empty where nothing is given. */
char *nic_text(const struct nic *nic);

void nic_free(struct nic *nic);

/* Puts the card on another bridge. NULL, or what is wrong with its name, malloc'd. */
char *nic_set_bridge(struct nic *nic, const char *bridge);

/*
 * The MAC address of a card whose id is known: the one given, one derived from the VM's UUID and
 * the id, or a new random one.
 */
void nic_mac(const struct nic *nic, const uuid_t vm, unsigned char mac[NIC_MAC_SIZE]);

/*
 * A locally administered unicast address, always the same for a VM's UUID and an id: the first
 * six bytes of RFC 4122's name-based UUID of version 5 (section 4.3) in the name space of the
 * VM's UUID, for the name "nic-" and the id in decimal; then the bit of locally administered
 * addresses is set in the first byte, and the one of groups cleared.
 */
void nic_mac_derive(const uuid_t vm, unsigned int id, unsigned char mac[NIC_MAC_SIZE]);

/* aa:bb:cc:dd:ee:ff */
void nic_mac_text(const unsigned char mac[NIC_MAC_SIZE], char text[NIC_MAC_TEXT_SIZE]);

/*
 * Whether one VM can have both: not the same id twice, and not the same MAC address. `vm` may be
 * all zero, for one that isn't known yet: then derived addresses are not compared. NULL, or what
 * is wrong about `nic`, malloc'd.
 */
char *nic_conflict(const struct nic *nic, const struct nic *other, const uuid_t vm);

#endif

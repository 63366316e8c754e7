/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_HOME_H
#define XENVM_MONITOR_HOME_H

/*
 * A domain's nodes in xenstore (xen/docs/misc/xenstore-paths.pandoc) with their permissions, and
 * the shutdown handshake.
 */

#include <stdbool.h>
#include <stdint.h>

#include "monitor/domain.h"
#include "monitor/failure.h"
#include "monitor/store.h"

/* The domains that xenstored and xenconsoled run in: 0 but for driver domains. */
void home_read_peers(struct store *store, struct domain_plan *plan);

/* Writes all that a guest expects, in one transaction, and introduces it to xenstored. */
struct failure *home_introduce(struct store *store, uint32_t domid, const char *uuid,
                               const char *name, const struct domain_plan *plan,
                               unsigned long store_mfn, unsigned long console_mfn);

/* Whether the domain has its nodes: those of one that was not built to its end are missing. */
bool home_exists(struct store *store, uint32_t domid);

/* Whether they are there and those of this VM. */
bool home_is_of(struct store *store, uint32_t domid, const char *uuid);

/* Seconds since the VM's domain was made, also by xl; -1 where that is not known. */
long long home_uptime(struct store *store, const char *uuid);

/* Removes the domain's nodes, where they are still those of this VM. */
void home_forget(struct store *store, uint32_t domid, const char *uuid);

/* Watches the guest's answers to home_ask(), and what else it writes about control. */
struct store_watch *home_watch(struct store *store, uint32_t domid, void (*answered)(void *arg),
                               void *arg);

/*
 * Has the guest's driver of xenstore hear of an event, and nothing new: of no request, once more.
 * It has been raised when this returns.
 */
void home_stir(struct store *store, uint32_t domid);

/* Asks the guest: `what` is poweroff, reboot or suspend. */
struct failure *home_ask(struct store *store, uint32_t domid, const char *what);

/* Whether the guest has acknowledged, by emptying the node. */
bool home_acknowledged(struct store *store, uint32_t domid);

/* Takes a request back. False when the guest has acknowledged it in the last moment. */
bool home_withdraw(struct store *store, uint32_t domid);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_STORE_H
#define XENVM_MONITOR_STORE_H

/*
 * Xenstore as the monitor uses it (xen/docs/misc/xenstore-paths.pandoc): a guest's nodes with
 * their permissions, the shutdown handshake, and the watches. A request waits for xenstored's
 * answer; nothing waits for a guest.
 */

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "config/config.h"
#include "monitor/domain.h"
#include "monitor/failure.h"

struct store;

struct store_events {
    void (*released)(void *arg);   /* a domain, any, has ended */
    void (*introduced)(void *arg); /* a domain, any, has begun */
    void (*answered)(void *arg);   /* the guest's control/shutdown has changed */
    void *arg;
};

struct failure *store_open(struct store **result, struct event_base *base,
                           const struct store_events *events);
void store_close(struct store *store);

/* Whether domains that begin are to be reported: only a VM without one cares. */
void store_watch_introductions(struct store *store, bool on);

/* The domains that xenstored and xenconsoled run in: 0 but for driver domains. */
void store_read_peers(struct store *store, struct domain_plan *plan);

/* Writes all that a guest expects, in one transaction, and introduces it to xenstored. */
struct failure *store_introduce(struct store *store, uint32_t domid, const char *uuid,
                                const char *name, const struct domain_plan *plan,
                                unsigned long store_mfn, unsigned long console_mfn);

/* Whether the domain has its nodes: those of one that was not built to its end are missing. */
bool store_has_domain(struct store *store, uint32_t domid);

/* Tells xenstored that a domain which suspended itself runs on. */
struct failure *store_resume(struct store *store, uint32_t domid);

/* Removes the domain's nodes, where they are still those of this VM, and its watch. */
void store_forget(struct store *store, uint32_t domid, const char *uuid);

/* Watches the guest's answers. To be called once for each domain. */
void store_follow(struct store *store, uint32_t domid);

/* Asks the guest: `what` is poweroff, reboot or suspend. */
struct failure *store_ask(struct store *store, uint32_t domid, const char *what);

/* Whether the guest has acknowledged, by emptying the node. */
bool store_acknowledged(struct store *store, uint32_t domid);

/* Takes a request back. False when the guest has acknowledged it in the last moment. */
bool store_withdraw(struct store *store, uint32_t domid);

#endif

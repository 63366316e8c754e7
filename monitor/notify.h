/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_NOTIFY_H
#define XENVM_MONITOR_NOTIFY_H

/*
 * What a service manager is told: sd_notify(3)'s protocol, which is lines in a datagram to
 * $NOTIFY_SOCKET. A few lines here in place of a library, which each monitor would pay for.
 */

#include <stdbool.h>

#include <event2/event.h>

/*
 * Takes what the service manager left in the environment out of it, so that no child speaks for
 * us. `serve` is whether this process is what it waits for; else nothing is ever sent.
 */
void notify_init(bool serve);

/* Whether a service manager listens. */
bool notify_wanted(void);

/* Sends lines such as "READY=1", and nothing where nobody listens; never blocks. */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Begins to send signs of life at half the interval that the service manager allows, if it does;
 * and READY=1 again where its queue was full, without which it would wait for ever.
 */
void notify_start(struct event_base *base);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_FAREWELL_H
#define XENVM_MONITOR_FAREWELL_H

/*
 * A guest lets a device go for good when it sees that the device's nodes are no more, and says
 * nothing then. Nodes of a new device in the same place that are there before it has looked, it
 * takes for the old one's: Linux either does not begin with the new device at all, or takes leave
 * of that. But until it has let go, it has the event channel of its frontend.
 */

#include <event2/event.h>
#include <xenctrl.h>

#include "monitor/store.h"

struct farewell;

typedef void farewell_done(void *arg);

/*
 * To be called while the nodes below `frontend` are there, and the backend has let go. NULL where
 * the guest has nothing of the device. Base, xch and store are borrowed.
 */
struct farewell *farewell_new(struct event_base *base, xc_interface *xch, struct store *store,
                              uint32_t domid, const char *frontend);

/* Calls `done` when the guest has let go, or was given 2 s for it: from the event loop. */
void farewell_wait(struct farewell *farewell, farewell_done *done, void *arg);

/* Also ends the wait. NULL is fine. */
void farewell_free(struct farewell *farewell);

#endif

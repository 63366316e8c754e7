/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_IDLE_H
#define XENVM_MONITOR_IDLE_H

#include <event2/event.h>

/*
 * A monitor spends its life waiting. A moment after it was last busy it gives back what only work
 * needs: free heap, and the pages of code and constants, which the page cache keeps for the next
 * time and for the other monitors. A host with a thousand guests then holds a thousand times what
 * waiting takes.
 */

void idle_init(struct event_base *base);

/* Gives back now. */
void idle_now(void);

/* There was something to do: gives back a moment from now. */
void idle_soon(void);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_MACHINE_EVENTS_H
#define XENVM_MONITOR_MACHINE_EVENTS_H

/* The interrupt vector by which the first processor of an HVM guest hears of Xen's events. */

#include <stdbool.h>
#include <stdint.h>

#include <xenctrl.h>

#include "monitor/failure.h"

/* Whether it may have one: it has, where it told Xen to use its processors' APICs. */
bool machine_may_have_vector(xc_interface *xch, uint32_t domid);

/*
 * Finds it in a guest that is paused: `stir` makes Xen raise an event. 0 where the guest has none,
 * or just had one.
 */
uint8_t machine_find_vector(xc_interface *xch, uint32_t domid, void (*stir)(void *arg), void *arg);

/* The highest vector that is requested, or 0: of a guest that sleeps, it can be no other. */
uint8_t machine_requested(xc_interface *xch, uint32_t domid);

/* Whether it is in service; where it is 0, the highest one that is, if any, is put there. */
bool machine_serves(xc_interface *xch, uint32_t domid, uint8_t *vector);

/* Ends its service, in the stead of a guest that is paused; it is to be raised then. */
struct failure *machine_end_service(xc_interface *xch, uint32_t domid, uint8_t vector);

/* Raises it. */
struct failure *machine_raise(xc_interface *xch, uint32_t domid, uint8_t vector);

/* Whether the guest's own system is at work, and not the firmware, which goes first. */
bool machine_has_system(xc_interface *xch, uint32_t domid);

#endif

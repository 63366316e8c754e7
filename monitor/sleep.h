/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_SLEEP_H
#define XENVM_MONITOR_SLEEP_H

/*
 * An HVM guest that sleeps in its memory (ACPI's S3), and wakes. Xen raises the interrupt by which
 * the guest hears of events once for all that it has not looked at, and that one can be lost in
 * two ways: Xen's reset of the machine forgets it; or the firmware, which goes first at the
 * wake-up, gets it, and never answers the APIC, which then raises no other. So when the guest's
 * own system is there again, what the firmware left in service is ended, and the interrupt raised
 * once more. One too many does no harm: the guest finds nothing to look at.
 */

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

struct vm;

/* Why we have the guest paused, for a new monitor to know. */
enum sleep_pause {
    SLEEP_GOES_ON,
    SLEEP_IS_LOOKED_AT, /* for a moment */
    SLEEP_IS_WOKEN,     /* until its machine is as it has to be */
};

struct sleep {
    uint8_t vector;       /* of that interrupt; 0: not known */
    struct event *finder; /* it is looked for, a few times in a domain's life */
    int tries;
    enum sleep_pause paused;
    struct event *waker; /* follows its waking; NULL: it is awake, or asleep */
    int looks;
    uint8_t served; /* in service at the last looks, so many */
    int times;
};

/* An HVM guest runs, or its drivers do: its vector is to be found. */
void sleep_prepare(struct vm *vm);

/* The guest's device model says that it sleeps. Once more is fine. */
void sleep_begin(struct vm *vm);

/* It is being woken: it makes no step until its machine is as it has to be, */
void sleep_ends(struct vm *vm);

/* which it is now. */
void sleep_end(struct vm *vm);

/* What an earlier monitor knew; it may have died in the middle, or not have seen a wake-up. */
void sleep_recall(struct vm *vm, uint8_t vector, enum sleep_pause paused);

/* The domain is another. */
void sleep_forget(struct vm *vm);

#endif

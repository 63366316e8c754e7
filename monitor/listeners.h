/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_LISTENERS_H
#define XENVM_MONITOR_LISTENERS_H

/*
 * The programs that the key notify names, and what they are told: a line for each event,
 * `<uuid>:<code>:<message>`, the code in decimal digits. A listener that is slow or gone costs
 * nobody anything but itself: it has a queue with an end.
 */

#include <event2/event.h>

#include "config/config.h"

enum listeners_code {
    TELL_PING = 0x0000,    /* ping: the monitor begins */
    TELL_HUP = 0x0001,     /* hup: it ends */
    TELL_ERROR = 0x0002,   /* error:WHAT */
    TELL_SET = 0x1000,     /* WHAT:VALUE has been set */
    TELL_TRIGGER = 0x2000, /* power-state:N */
    TELL_STATE = 0xf000,   /* vm:state:STATE */
};

struct listeners;

/* Those of a VM, as many as `notify` names. `uuid` has to stay. */
struct listeners *listeners_open(struct event_base *base, const char *uuid,
                                 const struct config_texts *notify);

/* From now on it is these. One that was there before keeps its connection and its queue. */
void listeners_change(struct listeners *listeners, const struct config_texts *notify);

void listeners_tell(struct listeners *listeners, enum listeners_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Ends it; what is queued is sent as far as the sockets take it without waiting. */
void listeners_close(struct listeners *listeners);

#endif

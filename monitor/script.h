/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_SCRIPT_H
#define XENVM_MONITOR_SCRIPT_H

/* A program of the host that does one thing and ends: one of our scripts, or a tool. */

#include <event2/event.h>

#include "monitor/failure.h"

struct script;

/* The end, once: NULL, or a failure to own, with what the program said last. */
typedef void script_ended(struct failure *failure, void *arg);

/*
 * Starts argv[0] with `environment`, NAME=VALUE, added to a PATH of system folders. What it
 * prints is kept for the failure. It is killed where it takes longer than `seconds`.
 */
struct failure *script_start(struct script **result, struct event_base *base,
                             const char *const argv[], const char *const environment[], int seconds,
                             script_ended *ended, void *arg);

/* Kills it; `ended` is not called any more. NULL is fine. */
void script_cancel(struct script *script);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_SCRIPT_H
#define XENVM_MONITOR_SCRIPT_H

/* A program of the host that does one thing and ends: one of our scripts, or a tool. */

#include <stdbool.h>

#include <event2/event.h>

#include "monitor/failure.h"

struct script;

/* The end, once: NULL, or a failure to own, with what the program said last. */
typedef void script_ended(struct failure *failure, void *arg);

/* What to start. The lists end with NULL. */
struct script_order {
    const char *const *argv;        /* argv[0] is the program's path */
    const char *const *environment; /* NAME=VALUE, added to a PATH of system folders */
    int seconds;                    /* after which it is killed */
    const char *name;               /* what every failure begins with; NULL: the program says it */
    const int *fds;  /* of process_high_fd(): its descriptors from SCRIPT_FIRST_FD on */
    size_t fd_count; /* SCRIPT_FDS_MAX at most */
    /*
     * It is not ours: it has nothing open but /dev/null and its `fds`, and a process group of its
     * own, of which nothing is left when it has ended or been killed.
     */
    bool foreign;
};

enum { SCRIPT_FIRST_FD = 3, SCRIPT_FDS_MAX = 3 };

/* Starts a program. What it prints is kept for the failure. */
struct failure *script_start(struct script **result, struct event_base *base,
                             const struct script_order *order, script_ended *ended, void *arg);

/* Kills it; `ended` is not called any more. NULL is fine. */
void script_cancel(struct script *script);

#endif

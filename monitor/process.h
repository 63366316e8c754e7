/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_PROCESS_H
#define XENVM_MONITOR_PROCESS_H

/* Starting other programs. */

#include <stddef.h>
#include <sys/types.h>

#include "monitor/failure.h"

/* The program has descriptor `from`, close-on-exec here, as its `to`. */
struct process_fd {
    int from, to;
};

/* A process, and the descriptor that says when it has ended. */
struct process {
    pid_t pid;
    int pidfd;
};

enum {
    PROCESS_SESSION = 1 << 0,
    PROCESS_GROUP = 1 << 1, /* a process group of its own, and no descriptors but those given */
};

/*
 * One more descriptor of the same, out of the way of those that programs are given, so that it can
 * be the `from` of any; the caller closes both. -1 with errno.
 */
int process_high_fd(int fd);

/* The same in the place of `fd`, which is closed; -1 stays that. */
int process_raise_fd(int fd);

/* "cannot start PATH: ERROR" */
struct failure *process_cannot_start(const char *path, int error);

/*
 * Starts a program with these descriptors and the signals as they are at first: nothing blocked,
 * nothing ignored. No `from` is one of the `to`. With PROCESS_SESSION it has a session of its own
 * and outlives us.
 */
struct failure *process_start(struct process *process, const char *path, char *const argv[],
                              char *const environment[], const struct process_fd *fds, size_t count,
                              unsigned int flags);

#endif

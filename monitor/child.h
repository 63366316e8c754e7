/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_CHILD_H
#define XENVM_MONITOR_CHILD_H

/*
 * The monitor's end of a worker process (worker/worker.h). It is told of every message; when the
 * worker is done, has failed or has died, it is told once more, and the child is gone.
 */

#include <stddef.h>
#include <sys/types.h>

#include <event2/event.h>

#include "monitor/failure.h"
#include "protocol/message.h"

struct child;

struct child_events {
    /* Anything but progress, done and failed. */
    void (*message)(struct child *child, const struct message *message, void *arg);
    void (*progress)(unsigned long long done, unsigned long long total, unsigned long long pass,
                     void *arg);
    /*
     * The end, once: either what the worker said when it was done, while it is still cleaning
     * up after itself, or, when it is gone, NULL and a failure that the receiver owns. The child
     * is not to be used after that.
     */
    void (*ended)(const struct message *done, struct failure *failure, void *arg);
    void *arg;
};

/*
 * Starts a worker with `order`, and `fds` (closed here, whatever comes) as its descriptors from
 * WORKER_FIRST_FD on.
 */
struct failure *child_start(struct child **result, struct event_base *base,
                            const struct message *order, const int *fds, size_t count,
                            const struct child_events *events);

/* An answer to the worker; one that is gone will be reported by its end. */
void child_send(struct child *child, const struct message *message);

/* Ends the worker at once; `ended` is still called, when it is gone. NULL is fine. */
void child_kill(struct child *child);

pid_t child_pid(const struct child *child);

/*
 * Kills a worker that an earlier monitor left and waits for its end, a few seconds at most. A
 * process of another program with that number is left alone.
 */
void child_kill_orphan(pid_t pid);

#endif

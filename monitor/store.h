/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_STORE_H
#define XENVM_MONITOR_STORE_H

/*
 * Xenstore: nodes, transactions and watches. A request waits for xenstored's answer; nothing
 * waits for a guest. What a guest can write is text of any kind, and to be checked.
 */

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>
#include <xenstore.h>

#include "monitor/failure.h"

enum { STORE_PATH_SIZE = 160 };

struct store;
struct store_watch;

struct failure *store_open(struct store **result, struct event_base *base);

/* Ends the watches too. NULL is fine. */
void store_close(struct store *store);

/*
 * Calls `fired` from the event loop, soon for the first time, and after each change of the node,
 * or of one below it. NULL, with an error in the log, where xenstored refuses.
 */
struct store_watch *store_watch(struct store *store, const char *path, void (*fired)(void *arg),
                                void *arg);

/* NULL is fine. */
void store_unwatch(struct store_watch *watch);

/* A wait for a change that may not come; zeros at first. */
struct store_wait {
    struct store_watch *watch;
    struct event *deadline;
};

/*
 * Calls `changed` as a watch does, and `late` when the seconds are over, until the wait is ended
 * or begun anew. Without a path there are only the seconds.
 */
void store_wait(struct store *store, struct store_wait *wait, const char *path,
                void (*changed)(void *arg), int seconds, event_callback_fn late, void *arg);
void store_end_wait(struct store_wait *wait);

/* The node's text, malloc'd, or NULL where there is none. */
char *store_read(struct store *store, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A node's decimal number; `missing` where there is none, or it holds something else. */
long long store_number(struct store *store, long long missing, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The names below a node, to be freed as one; NULL with a count of 0 for none. */
char **store_list(struct store *store, const char *path, unsigned int *count);

struct failure *store_write(struct store *store, const char *path, const char *value);

void store_remove(struct store *store, const char *path);

/* Introduces a domain whose nodes are there to xenstored; or again after it suspended itself. */
struct failure *store_introduce(struct store *store, uint32_t domid, unsigned long mfn,
                                unsigned int port);
struct failure *store_resume(struct store *store, uint32_t domid);

/* Whether xenstored does not know a domain that was introduced: it has been started anew since. */
bool store_has_forgotten(const struct store *store, uint32_t domid);

/* Whether the connection is new: true once for each. */
bool store_is_new(struct store *store);

/* --- transactions */

/* One under way, at work below one node; the first error sticks. */
struct writing {
    struct xs_handle *xs;
    xs_transaction_t transaction;
    char root[STORE_PATH_SIZE];
    int error;
};

/*
 * Writes in one transaction what `write` puts; it is called again where another client was in
 * the way. `what` is for the message: "cannot write WHAT: cause".
 */
struct failure *store_transact(struct store *store, void (*write)(struct writing *, const void *),
                               const void *arg, const char *what);

/* A node below the root. */
void writing_put(struct writing *writing, const char *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* An empty node; `owner` may write it, `reader` may read it (DOMID_INVALID: nobody). */
void writing_make(struct writing *writing, const char *node, uint32_t owner, uint32_t reader);

/* The node's text, malloc'd, or NULL. */
char *writing_read(struct writing *writing, const char *node);

/* A node below the root, where it is there. */
void writing_drop(struct writing *writing, const char *node);

/* The root, with all below it, where it is there. */
void writing_remove(struct writing *writing);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_CONTROL_H
#define XENVM_MONITOR_CONTROL_H

/*
 * The VM's socket: requests in, answers and events out (protocol/rpc.h). A client that stalls,
 * talks nonsense or goes away costs itself its connection and nobody else anything.
 */

#include <jansson.h>

#include <event2/event.h>

#include "monitor/failure.h"

struct access;
struct control;
struct vm;

/* One request that waits for its answer; ends with exactly one of the two call_… below. */
struct call {
    struct connection *connection; /* NULL when the client has gone */
    json_t *id;
    bool stream;
};

/* Carries out a request; takes over the call. `params` is an object of strings. */
typedef void request_handler(struct vm *vm, struct call *call, const char *method,
                             const json_t *params);

/* Listens on a bound socket, which is the control's from now on. */
struct control *control_open(struct event_base *base, struct vm *vm, int listener,
                             request_handler *handler);
void control_close(struct control *control);

/* The socket of a call whose client has not gone. */
int call_socket(const struct call *call);

/* Takes over the call and the result (may be NULL). */
void call_result(struct call *call, json_t *result);
/* Takes over the call; the failure stays the caller's. */
void call_failure(struct call *call, const struct failure *failure);
/* Answers nothing yet: the connection stays open for events until its client leaves. */
void call_subscribe(struct call *call);

/* Ends the subscriptions of those who may not watch any more. */
void control_review(struct control *control, const struct access *access);

/* Sends an event to every connection that streams; takes over `params`. */
void control_event(struct control *control, const char *event, json_t *params);

/* The same to the connection of one call. */
void call_event(struct call *call, const char *event, json_t *params);

#endif

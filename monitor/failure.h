/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_FAILURE_H
#define XENVM_MONITOR_FAILURE_H

/*
 * Why something could not be done: a code of protocol/rpc.h, one line that names the thing and
 * the cause, built where the cause is known, and data that a script can use. Functions that can
 * fail return NULL or a failure that the caller owns.
 */

#include <jansson.h>

#include "protocol/rpc.h"

struct failure {
    enum rpc_code code;
    char *text;
    json_t *data; /* an object, or NULL */
};

struct failure *fail(enum rpc_code code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds to the data; takes over `value`. Returns `failure`. */
struct failure *fail_with(struct failure *failure, const char *key, json_t *value);

/* Says in the log what nobody else will hear of, and frees it. NULL is fine. */
void failure_log(struct failure *failure);

void failure_free(struct failure *failure);

#endif

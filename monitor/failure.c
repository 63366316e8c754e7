/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "monitor/log.h"
#include "monitor/util.h"

struct failure *fail(enum rpc_code code, const char *format, ...)
{
    struct failure *failure = need(calloc(1, sizeof(*failure)));
    va_list arguments;

    failure->code = code;
    va_start(arguments, format);
    if (vasprintf(&failure->text, format, arguments) < 0)
        failure->text = NULL;
    va_end(arguments);
    need(failure->text);
    return failure;
}

struct failure *fail_with(struct failure *failure, const char *key, json_t *value)
{
    if (!failure->data)
        failure->data = json_object();
    json_object_set_new(failure->data, key, value);
    return failure;
}

void failure_log(struct failure *failure)
{
    if (failure)
        log_error("%s", failure->text);
    failure_free(failure);
}

void failure_free(struct failure *failure)
{
    if (!failure)
        return;
    json_decref(failure->data);
    free(failure->text);
    free(failure);
}

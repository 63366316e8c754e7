/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/util.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/log.h"

void out_of_memory(void)
{
    log_error("out of memory: the monitor ends, the guest runs on");
    _Exit(MONITOR_AGAIN);
}

char *text(const char *format, ...)
{
    char *result;
    va_list arguments;

    va_start(arguments, format);
    if (vasprintf(&result, format, arguments) < 0)
        result = NULL;
    va_end(arguments);
    return need(result);
}

char *copy_text(const char *string)
{
    return string ? need(strdup(string)) : NULL;
}

void set_text(char **place, const char *string)
{
    char *copy = copy_text(string);

    free(*place);
    *place = copy;
}

void make_line(char *string)
{
    for (char *c = string; *c; c++)
        if (iscntrl((unsigned char)*c))
            *c = ' ';
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-client/client.h"

#include <stdlib.h>
#include <string.h>

void put_text(FILE *out, const char *text, bool lines)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        unsigned char next = (unsigned char)text[1];

        if (c == '\n' || c == '\t') {
            c = lines ? c : ' ';
        } else if (c < 0x20 || c == 0x7f) {
            c = '?';
        } else if (c == 0xc2 && next >= 0x80 && next <= 0x9f) {
            /* The control characters beyond ASCII, which terminals obey too. */
            c = '?';
            text++;
        }
        putc(c, out);
    }
}

/* With so many digits a number like 0.1 is printed as it was meant. */
enum { JSON_FLAGS = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) };

void put_json(FILE *out, const json_t *value)
{
    json_dumpf(value, out, JSON_FLAGS);
    putc('\n', out);
}

/* A value as one word or a few; `depth` keeps absurd nesting from using up the stack. */
static void put_nested(FILE *out, const json_t *value, int depth)
{
    const char *key, *comma = "";
    json_t *item;
    size_t index;

    if (json_is_string(value)) {
        put_text(out, json_string_value(value), false);
    } else if (json_is_object(value) && depth < 4) {
        json_object_foreach((json_t *)(uintptr_t)value, key, item)
        {
            fputs(comma, out);
            put_text(out, key, false);
            putc('=', out);
            put_nested(out, item, depth + 1);
            comma = " ";
        }
    } else if (json_is_array(value) && depth < 4) {
        json_array_foreach(value, index, item)
        {
            fputs(comma, out);
            put_nested(out, item, depth + 1);
            comma = ", ";
        }
    } else {
        json_dumpf(value, out, JSON_FLAGS);
    }
}

void put_value(FILE *out, const json_t *value)
{
    put_nested(out, value, 0);
}

/* {"name": "suspend", "stage": "…", "done": 120, "total": 32768} as in `suspend, …, 0%`. */
static void put_operation(FILE *out, const json_t *operation)
{
    const char *name = json_string_value(json_object_get(operation, "name"));
    const char *stage = json_string_value(json_object_get(operation, "stage"));
    const json_t *done = json_object_get(operation, "done");
    const json_t *total = json_object_get(operation, "total");

    if (!name) {
        put_value(out, operation);
        return;
    }
    put_text(out, name, false);
    if (stage && *stage) {
        fputs(", ", out);
        put_text(out, stage, false);
    }
    if (json_integer_value(total) > 0)
        fprintf(out, ", %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT,
                json_integer_value(done), json_integer_value(total));
}

void put_result(FILE *out, const json_t *result)
{
    const char *key;
    json_t *value;

    if (json_is_null(result) || put_list(out, result))
        return;
    if (!json_is_object(result)) {
        const char *text = json_string_value(result);
        size_t length = json_string_length(result);

        if (text)
            put_text(out, text, true);
        else
            put_value(out, result);
        if (!text || (length && text[length - 1] != '\n'))
            putc('\n', out);
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)result, key, value)
    {
        put_text(out, key, false);
        fputs(": ", out);
        if (strcmp(key, "operation") == 0)
            put_operation(out, value);
        else
            put_value(out, value);
        putc('\n', out);
    }
}

static void put_state_event(FILE *out, const json_t *params)
{
    const char *old = json_string_value(json_object_get(params, "old"));
    const char *state = json_string_value(json_object_get(params, "state"));
    const char *reason = json_string_value(json_object_get(params, "reason"));
    const json_t *domid = json_object_get(params, "domid");

    if (old) {
        put_text(out, old, false);
        fputs(" -> ", out);
    }
    put_text(out, state ? state : "?", false);
    if (json_is_integer(domid))
        fprintf(out, ", domid %" JSON_INTEGER_FORMAT, json_integer_value(domid));
    if (reason) {
        fputs(" (", out);
        put_text(out, reason, false);
        putc(')', out);
    }
}

void put_event(FILE *out, const char *event, const json_t *params)
{
    const char *text = json_string_value(json_object_get(params, "text"));
    struct progress_figures figures;

    if (strcmp(event, "state") == 0) {
        put_state_event(out, params);
    } else if (strcmp(event, "message") == 0 && text) {
        put_text(out, text, false);
    } else if (strcmp(event, "progress") == 0 && read_progress(params, &figures)) {
        char line[160];

        progress_text(line, sizeof(line), &figures);
        put_text(out, line, false);
    } else {
        /* A kind that this client doesn't know: the user may. */
        put_value(out, params);
    }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-client/many.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_WITHIN = 2000 /* ms */ };

/* A monitor's status, or what is known of one that did not tell it. */
static void add_status(void *arg, const struct surveyed *vm, int result,
                       const struct rpc_answer *answer)
{
    json_t *vms = arg;
    bool denied = result == -EACCES ||
                  (result > 0 && answer->kind == RPC_IS_ERROR && answer->code == RPC_DENIED);

    if (result > 0 && answer->kind == RPC_IS_RESULT && json_is_object(answer->result))
        json_array_append(vms, answer->result);
    else
        json_array_append_new(vms, json_pack("{ss,ss,ss}", "name", vm->name, "uuid", vm->uuid,
                                             "state", denied ? "no access" : "no answer"));
}

static int compare(const void *a, const void *b)
{
    const json_t *const vms[2] = { *(json_t *const *)a, *(json_t *const *)b };
    const char *names[2] = { "", "" };
    int order = 0;

    for (int key = 0; key < 2 && order == 0; key++) {
        for (int i = 0; i < 2; i++) {
            const json_t *value = json_object_get(vms[i], key ? "uuid" : "name");

            names[i] = json_is_string(value) ? json_string_value(value) : "";
        }
        order = strcmp(names[0], names[1]);
    }
    return order;
}

/* A new array of the same objects. */
static json_t *sort(const json_t *vms)
{
    size_t count = json_array_size(vms);
    json_t **objects = calloc(count + 1, sizeof(json_t *));
    json_t *sorted = objects ? json_array() : NULL;

    for (size_t i = 0; sorted && i < count; i++)
        objects[i] = json_array_get(vms, i);
    if (sorted)
        qsort(objects, count, sizeof(json_t *), compare);
    for (size_t i = 0; sorted && i < count; i++)
        json_array_append(sorted, objects[i]);
    free(objects);
    return sorted;
}

json_t *collect_statuses(const char *dir, int within, char **error)
{
    const struct question question = { .method = "status", .within = within };
    json_t *vms = json_array(), *sorted;
    const struct survey survey = {
        .dir = dir, .questions = &question, .count = 1, .answered = add_status, .arg = vms
    };
    int result = survey_vms(&survey);

    if (result < 0)
        set_error(error, "%s: %s", dir, strerror(-result));
    sorted = result < 0 ? NULL : sort(vms);
    json_decref(vms);
    return sorted;
}

static bool get_integer(const json_t *vm, const char *key, json_int_t *value)
{
    const json_t *member = json_object_get(vm, key);

    *value = json_integer_value(member);
    return json_is_integer(member) && *value >= 0;
}

json_t *index_by_uuid(const json_t *vms)
{
    json_t *index = json_object(), *vm;
    size_t i;

    json_array_foreach(vms, i, vm)
    {
        const char *uuid = json_string_value(json_object_get(vm, "uuid"));

        if (uuid)
            json_object_set(index, uuid, vm);
    }
    return index;
}

/* What the domain has run since `old`, whose numbers are of the same domain; else false. */
static bool get_used(const json_t *vm, const json_t *old, json_int_t *used)
{
    json_int_t before, domid, domid_before;

    if (!get_integer(vm, "cpu-time", used) || !get_integer(old, "cpu-time", &before) ||
        !get_integer(vm, "domid", &domid) || !get_integer(old, "domid", &domid_before) ||
        domid != domid_before || *used < before)
        return false;
    *used -= before;
    return true;
}

void add_cpu_use(json_t *vms, const json_t *before, int64_t elapsed)
{
    json_t *old = index_by_uuid(before), *vm;
    size_t i;

    json_array_foreach(vms, i, vm)
    {
        const char *uuid = json_string_value(json_object_get(vm, "uuid"));
        json_int_t used, uptime;
        double ms;

        if (uuid && elapsed > 0 && get_used(vm, json_object_get(old, uuid), &used))
            ms = (double)elapsed;
        else if (get_integer(vm, "cpu-time", &used) && get_integer(vm, "uptime", &uptime) && uptime)
            ms = (double)uptime * 1000;
        else
            continue;
        /* No more digits than mean something. */
        json_object_set_new(vm, "cpu",
                            json_real((double)(long long)((double)used * 1000 / ms) / 10));
    }
    json_decref(old);
}

/* "12:03" or "3d 04:12:03" */
static json_t *uptime_text(json_int_t seconds)
{
    json_int_t days = seconds / 86400, rest = seconds % 86400;
    int hours = (int)(rest / 3600), minutes = (int)(rest / 60 % 60);
    char text[48];

    if (days)
        snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT "d %02d:%02d:%02d", days, hours,
                 minutes, (int)(rest % 60));
    else if (hours)
        snprintf(text, sizeof(text), "%d:%02d:%02d", hours, minutes, (int)(rest % 60));
    else
        snprintf(text, sizeof(text), "%d:%02d", minutes, (int)(rest % 60));
    return json_string(text);
}

/* The objects as people read them, a new array. */
static json_t *readable(const json_t *vms)
{
    json_t *copies = json_array(), *copy;
    const json_t *vm;
    json_int_t uptime;
    size_t i;

    json_array_foreach(vms, i, vm)
    {
        const json_t *cpu = json_object_get(vm, "cpu");

        copy = json_copy((json_t *)(uintptr_t)vm);
        if (get_integer(vm, "uptime", &uptime))
            json_object_set_new(copy, "uptime", uptime_text(uptime));
        if (json_is_number(cpu))
            json_object_set_new(copy, "cpu", json_sprintf("%.1f%%", json_number_value(cpu)));
        json_array_append_new(copies, copy);
    }
    return copies;
}

void put_status_table(FILE *out, const json_t *vms)
{
    struct column columns[] = {
        { .key = "name" },
        { .key = "uuid" },
        { .key = "domid", .right = true },
        { .key = "state" },
        { .key = "uptime", .right = true },
        { .key = "memory", .right = true },
        { .key = "vcpus", .right = true },
        { .key = "cpu", .right = true },
    };
    json_t *copies = readable(vms);

    put_table(out, copies, columns, sizeof(columns) / sizeof(columns[0]));
    json_decref(copies);
}

json_t *list_once(const struct options *options)
{
    char *error = NULL;
    json_t *vms = collect_statuses(
        socket_directory(), options->timeout ? options->timeout * 1000 : ANSWER_WITHIN, &error);

    if (!vms)
        complain(NULL, error);
    free(error);
    return vms;
}

enum exit_status list_vms(const struct options *options)
{
    json_t *vms = list_once(options);

    if (!vms)
        return EXIT_FAILED;
    add_cpu_use(vms, NULL, 0);
    if (options->json)
        put_json(stdout, vms);
    else
        put_status_table(stdout, vms);
    json_decref(vms);
    return finish_output();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-client/client.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/*
 * Every monitor is asked at once, so that `list` takes as long as the slowest one and no more
 * than the deadline of those that don't answer.
 */

enum {
    OPEN_MAX_AT_ONCE = 256,
    ANSWER_WITHIN = 2000, /* ms from the first try to connect */
    RETRY_EVERY = 20,     /* ms, where a monitor's queue of clients is full */
};

struct asked {
    char file[3 + UUID_TEXT + 1];
    enum { WAITING, CONNECTED, FINISHED } phase;
    int64_t deadline; /* 0: not tried yet */
    struct client client;
    json_t *vm; /* a status object; NULL for a stale socket */
};

struct survey {
    const char *dir;
    struct asked *asked;
    size_t count, room;
    size_t connected;
};

/* Returns 0 or a negative errno. No directory is an empty one. */
static int find_sockets(struct survey *survey)
{
    char uuid[UUID_TEXT + 1];
    const struct dirent *entry;
    DIR *open = opendir(survey->dir);

    if (!open)
        return errno == ENOENT ? 0 : -errno;
    while ((entry = readdir(open))) {
        if (!is_socket_name(entry->d_name, uuid))
            continue;
        if (survey->count == survey->room) {
            size_t room = survey->room ? survey->room * 2 : 64;
            struct asked *more = reallocarray(survey->asked, room, sizeof(*more));

            if (!more) {
                closedir(open);
                return -ENOMEM;
            }
            survey->asked = more;
            survey->room = room;
        }
        struct asked *asked = &survey->asked[survey->count++];
        *asked = (struct asked){ .client = { .fd = -1 } };
        memcpy(asked->file, entry->d_name, sizeof(asked->file));
    }
    closedir(open);
    return 0;
}

/* Settles one monitor: takes over `vm`; what it did not say itself is filled in. */
static void finish(struct survey *survey, struct asked *asked, json_t *vm, const char *state)
{
    if (asked->phase == CONNECTED)
        survey->connected--;
    asked->phase = FINISHED;
    client_close(&asked->client);
    if (!vm) {
        const char *uuid = asked->file + 3;
        char *name = name_of_uuid(survey->dir, uuid);

        vm = json_pack("{ss,ss}", "uuid", uuid, "state", state);
        json_object_set_new(vm, "name", json_string(name ? name : uuid));
        free(name);
    }
    asked->vm = vm;
}

static void leave_out(struct asked *asked)
{
    asked->phase = FINISHED;
}

static void try_to_ask(struct survey *survey, struct asked *asked, int64_t now)
{
    int result = client_open(&asked->client, survey->dir, asked->file);

    if (!asked->deadline)
        asked->deadline = now + ANSWER_WITHIN;
    asked->client.deadline = asked->deadline;
    /* A request this short fits the buffer of a new socket: sending it never waits. */
    if (result == 0)
        result = client_call(&asked->client, "status", NULL, false);
    if (result == 0) {
        asked->phase = CONNECTED;
        survey->connected++;
    } else if (result == -ENOENT || result == -ECONNREFUSED) {
        leave_out(asked);
    } else if (result == -EAGAIN || result == -EMFILE || result == -ENFILE) {
        if (now >= asked->deadline)
            finish(survey, asked, NULL, "no answer");
    } else {
        finish(survey, asked, NULL, result == -EACCES ? "no access" : "no answer");
    }
}

static void read_status(struct survey *survey, struct asked *asked)
{
    struct rpc_answer answer = { 0 };
    int result = client_fill(&asked->client);

    if (result == 0)
        result = client_next(&asked->client, &answer);
    if (result > 0) {
        bool good = answer.kind == RPC_IS_RESULT && json_is_object(answer.result);

        finish(survey, asked, good ? json_incref(answer.result) : NULL, "no answer");
        rpc_answer_free(&answer);
    } else if (result < 0 || asked->client.ended) {
        finish(survey, asked, NULL, "no answer");
    }
}

/* Asks those whose turn it is; returns true when one of them is to be tried again soon. */
static bool ask_more(struct survey *survey, int64_t now)
{
    bool again = false;

    for (size_t i = 0; i < survey->count; i++) {
        struct asked *asked = &survey->asked[i];

        if (asked->phase == CONNECTED && now >= asked->deadline)
            finish(survey, asked, NULL, "no answer");
        if (asked->phase == WAITING && survey->connected < OPEN_MAX_AT_ONCE) {
            try_to_ask(survey, asked, now);
            again |= asked->phase == WAITING;
        }
    }
    return again;
}

/* Waits for answers until the next deadline, or for `limit` ms, and takes them. */
static void collect(struct survey *survey, int64_t limit, int64_t now)
{
    struct pollfd fds[OPEN_MAX_AT_ONCE];
    struct asked *of[OPEN_MAX_AT_ONCE];
    nfds_t count = 0;

    for (size_t i = 0; i < survey->count; i++) {
        struct asked *asked = &survey->asked[i];

        if (asked->phase != CONNECTED)
            continue;
        if (asked->deadline - now < limit)
            limit = asked->deadline - now;
        fds[count] = (struct pollfd){ .fd = asked->client.fd, .events = POLLIN };
        of[count++] = asked;
    }
    if (poll(fds, count, (int)limit) <= 0)
        return;
    for (nfds_t i = 0; i < count; i++) {
        if (fds[i].revents)
            read_status(survey, of[i]);
    }
}

static bool unfinished(const struct survey *survey)
{
    for (size_t i = 0; i < survey->count; i++) {
        if (survey->asked[i].phase != FINISHED)
            return true;
    }
    return false;
}

static int compare(const void *a, const void *b)
{
    const json_t *const vms[2] = { ((const struct asked *)a)->vm, ((const struct asked *)b)->vm };
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

json_t *collect_statuses(const char *dir, char **error)
{
    struct survey survey = { .dir = dir };
    json_t *vms = json_array();
    int result = find_sockets(&survey);

    while (result == 0 && unfinished(&survey)) {
        int64_t now = now_ms();
        bool again = ask_more(&survey, now);

        collect(&survey, again ? RETRY_EVERY : ANSWER_WITHIN, now);
    }
    if (survey.count)
        qsort(survey.asked, survey.count, sizeof(*survey.asked), compare);
    for (size_t i = 0; i < survey.count; i++) {
        if (survey.asked[i].vm)
            json_array_append_new(vms, survey.asked[i].vm);
    }
    free(survey.asked);
    if (result == 0)
        return vms;
    json_decref(vms);
    set_error(error, "%s: %s", dir, strerror(-result));
    return NULL;
}

enum exit_status list_vms(const struct options *options)
{
    char *error = NULL;
    json_t *vms = collect_statuses(socket_directory(), &error);

    if (!vms) {
        complain(NULL, error);
        free(error);
        return EXIT_FAILED;
    }
    if (options->json)
        put_json(stdout, vms);
    else
        put_status_table(stdout, vms);
    json_decref(vms);
    return finish_output();
}

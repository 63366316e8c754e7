/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-client/many.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * Every monitor is asked at once, so that it takes as long as the slowest one and no more than
 * the limit of those that don't answer.
 */

enum { RETRY_EVERY = 20 /* ms, where a monitor's queue of clients is full */ };

struct asked {
    char file[3 + UUID_TEXT + 1];
    char *name; /* NULL: none */
    enum { WAITING, CONNECTED, FINISHED } phase;
    size_t question;
    int64_t deadline; /* 0: not tried yet */
    struct client client;
};

struct state {
    const struct survey *survey;
    struct asked *asked;
    struct pollfd *fds; /* room for one each */
    size_t count, room;
    size_t connected, finished;
};

/* ---- who there is ---- */

static int add_socket(struct state *state, const char *file)
{
    if (state->count == state->room) {
        size_t room = state->room ? state->room * 2 : 64;
        struct asked *more = reallocarray(state->asked, room, sizeof(*more));

        if (!more)
            return -ENOMEM;
        state->asked = more;
        state->room = room;
    }
    struct asked *asked = &state->asked[state->count++];
    *asked = (struct asked){ .client = { .fd = -1 } };
    memcpy(asked->file, file, sizeof(asked->file));
    return 0;
}

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct asked *)a)->file, ((const struct asked *)b)->file);
}

/* The name of the VM whose socket the link leads to. */
static void add_name(struct state *state, int dirfd, const char *link)
{
    struct asked key = { .phase = WAITING }, *asked;
    ssize_t length = readlinkat(dirfd, link, key.file, sizeof(key.file));

    if (length != sizeof(key.file) - 1)
        return;
    key.file[length] = '\0';
    asked = bsearch(&key, state->asked, state->count, sizeof(key), compare_files);
    if (asked && !asked->name)
        asked->name = strdup(link + strlen("name-"));
}

/* Returns 0 or a negative errno. */
static int find_sockets(struct state *state)
{
    char uuid[UUID_TEXT + 1];
    const struct dirent *entry;
    DIR *open = opendir(state->survey->dir);
    int result = 0;

    if (!open)
        return errno == ENOENT ? 0 : -errno;
    while (result == 0 && (entry = readdir(open))) {
        if (is_socket_name(entry->d_name, uuid))
            result = add_socket(state, entry->d_name);
    }
    if (state->count)
        qsort(state->asked, state->count, sizeof(*state->asked), compare_files);
    rewinddir(open);
    while (state->count && result == 0 && (entry = readdir(open))) {
        if (strncmp(entry->d_name, "name-", strlen("name-")) == 0)
            add_name(state, dirfd(open), entry->d_name);
    }
    closedir(open);
    return result;
}

static void free_sockets(struct state *state)
{
    for (size_t i = 0; i < state->count; i++)
        free(state->asked[i].name);
    free(state->asked);
    free(state->fds);
}

int find_vms(const char *dir, void (*found)(void *arg, const char *uuid, const char *name),
             void *arg)
{
    const struct survey survey = { .dir = dir };
    struct state state = { .survey = &survey };
    int result = find_sockets(&state);

    for (size_t i = 0; i < state.count && result == 0; i++)
        found(arg, state.asked[i].file + 3, state.asked[i].name);
    free_sockets(&state);
    return result;
}

/* ---- what they answer ---- */

static void close_asked(struct state *state, struct asked *asked)
{
    if (asked->phase == CONNECTED)
        state->connected--;
    client_close(&asked->client);
}

static void leave_out(struct state *state, struct asked *asked)
{
    close_asked(state, asked);
    asked->phase = FINISHED;
    state->finished++;
}

static void finish(struct state *state, struct asked *asked, int result,
                   const struct rpc_answer *answer)
{
    const char *uuid = asked->file + 3;
    const struct surveyed vm = {
        .uuid = uuid,
        .name = asked->name ? asked->name : uuid,
        .question = asked->question,
    };

    leave_out(state, asked);
    state->survey->answered(state->survey->arg, &vm, result, answer);
}

/*
 * An answer has come: to the last question, or it is time for the next one. Whoever refuses to
 * answer one may still answer the next.
 */
static void take_answer(struct state *state, struct asked *asked, const struct rpc_answer *answer)
{
    if (asked->question + 1 == state->survey->count) {
        finish(state, asked, 1, answer);
        return;
    }
    close_asked(state, asked);
    asked->phase = WAITING;
    asked->deadline = 0;
    asked->question++;
}

static void read_answer(struct state *state, struct asked *asked)
{
    struct rpc_answer answer = { 0 };
    int result = client_fill(&asked->client);

    if (result == 0)
        result = client_next(&asked->client, &answer);
    if (result > 0) {
        take_answer(state, asked, &answer);
        rpc_answer_free(&answer);
    } else if (result < 0 || asked->client.ended) {
        finish(state, asked, result, NULL);
    }
}

/* ---- to ask them ---- */

static bool is_absent(int result)
{
    return result == -ENOENT || result == -ECONNREFUSED;
}

/* Too many files are open: others have to end first. */
static bool is_exhausted(int result)
{
    return result == -EMFILE || result == -ENFILE;
}

/* Returns 0, or what client_open() and client_call() failed with. */
static int try_to_ask(struct state *state, struct asked *asked, int64_t now)
{
    const struct question *question = &state->survey->questions[asked->question];
    int result = client_open(&asked->client, state->survey->dir, asked->file);

    if (is_exhausted(result) && state->connected)
        return result;
    if (!asked->deadline)
        asked->deadline = question->within ? now + question->within : INT64_MAX;
    asked->client.deadline = asked->deadline;
    /* The longest request fits the buffer of a new socket: sending it never waits. */
    if (result == 0)
        result =
            client_call(&asked->client, question->method, json_incref(question->params), false);
    if (result == 0) {
        asked->phase = CONNECTED;
        state->connected++;
    } else if (is_absent(result) && asked->question == 0) {
        leave_out(state, asked);
    } else if (result != -EAGAIN) {
        finish(state, asked, result, NULL);
    } else if (now >= asked->deadline) {
        finish(state, asked, -ETIMEDOUT, NULL);
    }
    return result;
}

/* Asks those whose turn it is; returns true when one of them is to be tried again soon. */
static bool ask_more(struct state *state, int64_t now)
{
    bool again = false, exhausted = false;

    for (size_t i = 0; i < state->count; i++) {
        struct asked *asked = &state->asked[i];

        if (asked->phase == CONNECTED && now >= asked->deadline)
            finish(state, asked, -ETIMEDOUT, NULL);
        if (asked->phase == WAITING && !exhausted) {
            exhausted = is_exhausted(try_to_ask(state, asked, now));
            again |= asked->phase == WAITING;
        }
    }
    return again;
}

/* Waits for answers until the next deadline, and for `limit` ms at most (-1: none), and takes them.
 */
static void collect(struct state *state, int limit, int64_t now)
{
    nfds_t count = 0;

    /* No more than there are: poll() refuses more than the limit of open files. */
    for (size_t i = 0; i < state->count; i++) {
        const struct asked *asked = &state->asked[i];
        int64_t left = asked->deadline - now;

        if (asked->phase != CONNECTED)
            continue;
        state->fds[count++] = (struct pollfd){ .fd = asked->client.fd, .events = POLLIN };
        if (left < INT32_MAX && (limit < 0 || left < limit))
            limit = left > 0 ? (int)left : 0;
    }
    if (poll(state->fds, count, limit) <= 0)
        return;
    count = 0;
    for (size_t i = 0; i < state->count; i++) {
        /* In the same order; to read one answer changes nothing of the others. */
        if (state->asked[i].phase == CONNECTED && state->fds[count++].revents)
            read_answer(state, &state->asked[i]);
    }
}

/* So that hosts with more VMs than that are asked at once, too. */
static void allow_many_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int survey_vms(const struct survey *survey)
{
    struct state state = { .survey = survey };
    int result = find_sockets(&state);

    if (result == 0 && state.count) {
        state.fds = calloc(state.count, sizeof(*state.fds));
        result = state.fds ? 0 : -ENOMEM;
        allow_many_files();
    }
    while (result == 0 && state.finished < state.count) {
        int64_t now = now_ms();
        bool again = ask_more(&state, now);

        if (state.finished < state.count)
            collect(&state, again ? RETRY_EVERY : -1, now);
    }
    free_sockets(&state);
    return result;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-client/client.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    LISTED_MAX = 8,   /* so many candidates of an ambiguous prefix are named */
    RETRY_PAUSE = 20, /* ms between two tries to get into a full queue */
};

/*
 * Whether `text` is the beginning of a UUID, in any case; its lower case text goes to `uuid`.
 * Returns its length, 36 for a whole one, or 0 where it is none.
 */
static size_t uuid_prefix(const char *text, char uuid[UUID_TEXT + 1])
{
    size_t length = 0;

    for (; text[length]; length++) {
        bool dash = length == 8 || length == 13 || length == 18 || length == 23;
        char c = text[length];

        if (length == UUID_TEXT)
            return 0;
        if (c >= 'A' && c <= 'F')
            c = (char)(c - 'A' + 'a');
        if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return 0;
        uuid[length] = c;
    }
    uuid[length] = '\0';
    return length;
}

bool is_socket_name(const char *file, char uuid[UUID_TEXT + 1])
{
    return strncmp(file, "vm-", 3) == 0 && uuid_prefix(file + 3, uuid) == UUID_TEXT &&
           strcmp(file + 3, uuid) == 0;
}

static bool is_absent(int result)
{
    return result == -ENOENT || result == -ECONNREFUSED || result == -ENOTDIR;
}

/* client_open() that waits where the monitor's queue of clients is full. */
static int open_patiently(struct client *client, const char *dir, const char *file,
                          int64_t deadline)
{
    const struct timespec pause = { .tv_nsec = RETRY_PAUSE * 1000000L };
    int result;

    while ((result = client_open(client, dir, file)) == -EAGAIN) {
        if (deadline != NO_DEADLINE && now_ms() >= deadline)
            return -ETIMEDOUT;
        nanosleep(&pause, NULL);
    }
    client->deadline = deadline;
    return result;
}

static enum exit_status judge(int result, const char *dir, const char *file, char **error)
{
    switch (result) {
    case 0:
        return EXIT_DONE;
    case -ENOENT:
    case -ENOTDIR:
    case -ECONNREFUSED:
        set_error(error, "no monitor is running (`xenvm FILE` starts one)");
        return EXIT_NO_MONITOR;
    case -ETIMEDOUT:
        set_error(error, "the monitor takes no more clients");
        return EXIT_TIMED_OUT;
    case -ENAMETOOLONG:
        set_error(error, "the path of its socket in %s is too long", dir);
        return EXIT_USAGE;
    default:
        set_error(error, "%s/%s: %s", dir, file, strerror(-result));
        return EXIT_FAILED;
    }
}

struct candidates {
    char file[3 + UUID_TEXT + 1]; /* the first one's socket */
    size_t count;
    char *list; /* "<uuid>, <uuid>" */
    size_t list_size;
    FILE *out; /* writes the list */
};

/* A socket that nobody listens on any more must not make a prefix ambiguous. */
static bool is_alive(const char *dir, const char *file)
{
    struct client probe;
    int result = client_open(&probe, dir, file);

    client_close(&probe);
    return !is_absent(result);
}

/* Returns 0 or a negative errno. */
static int find_candidates(const char *dir, const char *prefix, struct candidates *found)
{
    size_t length = strlen(prefix);
    char uuid[UUID_TEXT + 1];
    const struct dirent *entry;
    DIR *open = opendir(dir);

    if (!open)
        return -errno;
    while ((entry = readdir(open))) {
        if (!is_socket_name(entry->d_name, uuid) || strncmp(uuid, prefix, length) != 0 ||
            !is_alive(dir, entry->d_name))
            continue;
        if (found->count++ == 0)
            memcpy(found->file, entry->d_name, sizeof(found->file));
        if (found->count <= LISTED_MAX)
            fprintf(found->out, "%s%s", found->count > 1 ? ", " : "", uuid);
    }
    closedir(open);
    if (found->count > LISTED_MAX)
        fprintf(found->out, " and %zu more", found->count - LISTED_MAX);
    return 0;
}

static enum exit_status connect_by_prefix(struct client *client, const char *dir,
                                          const char *prefix, int64_t deadline, char **error)
{
    struct candidates found = { .count = 0 };
    enum exit_status status;
    int result;

    found.out = open_memstream(&found.list, &found.list_size);
    if (!found.out)
        return EXIT_FAILED;
    result = find_candidates(dir, prefix, &found);
    fclose(found.out);
    if (result < 0) {
        status = judge(result, dir, "", error);
    } else if (found.count > 1) {
        set_error(error, "more than one UUID begins so: %s", found.list);
        status = EXIT_USAGE;
    } else {
        result = found.count ? open_patiently(client, dir, found.file, deadline) : -ENOENT;
        status = judge(result, dir, found.file, error);
    }
    free(found.list);
    return status;
}

enum exit_status client_connect(struct client *client, const char *dir, const char *vm,
                                int64_t deadline, char **error)
{
    char file[NAME_MAX + 1], uuid[UUID_TEXT + 1];
    size_t length = uuid_prefix(vm, uuid);
    int result;

    *client = (struct client){ .fd = -1 };
    if (!*vm || strchr(vm, '/') || strlen(vm) >= sizeof(file) - strlen("name-")) {
        set_error(error, "neither a VM's name nor a UUID");
        return EXIT_USAGE;
    }
    if (length == UUID_TEXT)
        snprintf(file, sizeof(file), "vm-%s", uuid);
    else
        snprintf(file, sizeof(file), "name-%s", vm);
    result = open_patiently(client, dir, file, deadline);
    if (result == -ENOENT && length > 0 && length < UUID_TEXT)
        return connect_by_prefix(client, dir, uuid, deadline, error);
    return judge(result, dir, file, error);
}

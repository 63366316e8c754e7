/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Cuts a path down to the folder that it is in; false for "/" and what is in it. */
static bool go_up(char *path)
{
    char *slash = strrchr(path, '/');

    if (!slash || slash == path)
        return false;
    *slash = '\0';
    return true;
}

static int sync_path(const char *path, int flags)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | flags);

    if (fd < 0)
        return -errno;
    int result = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return result;
}

/* The folder of a path, and the one above, which tells of a folder that is new. */
static int sync_folders(const char *path)
{
    char folder[PATH_MAX];
    int result = 0;

    snprintf(folder, sizeof(folder), "%s", path);
    for (int i = 0; i < 2 && result == 0 && go_up(folder); i++)
        result = sync_path(folder, O_DIRECTORY);
    return result;
}

/* Both may be there. */
static int make_folders(const char *path)
{
    char folder[PATH_MAX], above[PATH_MAX];

    snprintf(folder, sizeof(folder), "%s", path);
    if (!go_up(folder))
        return -EINVAL;
    memcpy(above, folder, sizeof(above));
    if ((go_up(above) && mkdir(above, 0700) < 0 && errno != EEXIST) ||
        (mkdir(folder, 0700) < 0 && errno != EEXIST))
        return -errno;
    return 0;
}

static int write_file(const char *path, const char *text)
{
    size_t size = strlen(text);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    ssize_t written = write(fd, text, size);
    int result = written < 0 ? -errno : (size_t)written < size ? -ENOSPC : 0;
    close(fd);
    return result;
}

int durable_replace(const char *path, const char *fresh)
{
    int result = sync_path(fresh, 0);

    if (result == 0 && rename(fresh, path) < 0)
        result = -errno;
    return result == 0 ? sync_folders(path) : result;
}

int durable_write(const char *path, const char *text)
{
    char fresh[PATH_MAX];

    if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
        return -ENAMETOOLONG;
    int result = make_folders(path);
    if (result == 0)
        result = write_file(fresh, text);
    if (result == 0)
        result = durable_replace(path, fresh);
    if (result != 0)
        unlink(fresh);
    return result;
}

int durable_remove(const char *path)
{
    if (unlink(path) < 0 && errno != ENOENT)
        return -errno;
    return sync_folders(path);
}

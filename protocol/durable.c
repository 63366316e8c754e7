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

static int sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    int result = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return result;
}

static int make_folder(const char *path)
{
    return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int write_file(const char *path, const char *text)
{
    size_t size = strlen(text);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    ssize_t written = write(fd, text, size);
    int result = written < 0 ? -errno : (size_t)written < size ? -ENOSPC : 0;
    if (result == 0 && fsync(fd) < 0)
        result = -errno;
    close(fd);
    return result;
}

int durable_write(const char *path, const char *text)
{
    char fresh[PATH_MAX], folder[PATH_MAX], above[PATH_MAX];

    if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
        return -ENAMETOOLONG;
    snprintf(folder, sizeof(folder), "%s", path);
    if (!go_up(folder))
        return -EINVAL;
    memcpy(above, folder, sizeof(above));
    bool deep = go_up(above);

    int result = deep ? make_folder(above) : 0;
    if (result == 0)
        result = make_folder(folder);
    if (result == 0)
        result = write_file(fresh, text);
    if (result == 0 && rename(fresh, path) < 0)
        result = -errno;
    if (result != 0)
        unlink(fresh);
    if (result == 0)
        result = sync_folder(folder);
    if (result == 0 && deep)
        result = sync_folder(above); /* the folder may be as new as the file */
    return result;
}

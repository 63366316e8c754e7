/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Small files of a VM: they are there, or are not there any more, even if the host loses power in
 * the next moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "protocol/message.h"
#include "worker/worker.h"

/* Waits until the disk has what is in a file or folder. */
static int sync_path(const char *path, int flags)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | flags);

    if (fd < 0)
        return -1;
    int result = fsync(fd), error = errno;
    close(fd);
    errno = error;
    return result;
}

/* The same of the folder of this path, which is cut down to that. */
static int sync_folder_of(char *path)
{
    char *slash = strrchr(path, '/');

    if (!slash || slash == path) {
        errno = EINVAL;
        return -1;
    }
    *slash = '\0';
    return sync_path(path, O_DIRECTORY);
}

static int say_done(void)
{
    struct message done;

    message_start(&done, "done");
    channel_send(&done);
    return 0;
}

int keep_file(struct worker *worker)
{
    char path[4096];
    const char *target = message_get(worker->order, "path");
    const char *temporary = message_get(worker->order, "temporary");

    if (!target || !temporary)
        return report_own_failure("no path to keep");
    snprintf(path, sizeof(path), "%s", target);
    /* The folder may be new, and so the one above as well. */
    if (sync_path(temporary, 0) < 0 || rename(temporary, target) < 0 || sync_folder_of(path) < 0 ||
        sync_folder_of(path) < 0)
        return report_own_failure("cannot write %s: %s", target, strerror(errno));
    return say_done();
}

int forget_file(struct worker *worker)
{
    char path[4096];
    const char *target = message_get(worker->order, "path");

    if (!target)
        return report_own_failure("no path to forget");
    snprintf(path, sizeof(path), "%s", target);
    if ((unlink(target) < 0 && errno != ENOENT) || sync_folder_of(path) < 0)
        return report_own_failure("cannot remove %s: %s", target, strerror(errno));
    return say_done();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The link to the image of a stop: it is there, or is not there any more, even if the host loses
 * power in the next moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "protocol/message.h"
#include "worker/worker.h"

/* Waits until the disk has what is in the folder of this path, which is cut down to that. */
static int sync_folder_of(char *path)
{
    char *slash = strrchr(path, '/');

    if (!slash || slash == path) {
        errno = EINVAL;
        return -1;
    }
    *slash = '\0';
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = fsync(fd), error = errno;
    close(fd);
    errno = error;
    return result;
}

int link_make(const char *link, const char *target)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s", link);
    unlink(link);
    if (symlink(target, link) < 0 || sync_folder_of(path) < 0)
        return -1;
    return sync_folder_of(path); /* that one may be new as well */
}

int forget_link(struct worker *worker)
{
    struct message done;
    char path[4096];
    const char *link = message_get(worker->order, "path");

    if (!link)
        return report_own_failure("no path to forget");
    snprintf(path, sizeof(path), "%s", link);
    if ((unlink(link) < 0 && errno != ENOENT) || sync_folder_of(path) < 0)
        return report_own_failure("cannot remove %s: %s", link, strerror(errno));
    message_start(&done, "done");
    channel_send(&done);
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "protocol/message.h"

/* Waits until the disk, too, no longer has the name. */
static int remove_for_good(int directory, const char *name)
{
    if (unlinkat(directory, name, 0) < 0 && errno != ENOENT)
        return -1;
    return fsync(directory);
}

/* A file is not to be there any more, even if the host loses power in the next moment. */
int forget_file(struct worker *worker)
{
    struct message done;
    char directory[4096];
    const char *path = message_get(worker->order, "path");
    const char *slash = path ? strrchr(path, '/') : NULL;

    if (!slash || slash == path || (size_t)(slash - path) >= sizeof(directory))
        return report_own_failure("no path to forget");
    snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || remove_for_good(fd, slash + 1) < 0)
        return report_own_failure("cannot remove %s: %s", path, strerror(errno));
    message_start(&done, "done");
    channel_send(&done);
    return 0;
}

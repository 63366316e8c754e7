/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/operation.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void image_free(struct image *image)
{
    free(image->path);
    free(image->temporary);
    free(image->token);
    memset(image, 0, sizeof(*image));
}

const char *operation_name(const struct operation *operation)
{
    static const char *const names[] = {
        [OP_START] = "start",     [OP_RESTORE] = "restore",       [OP_SHUTDOWN] = "shutdown",
        [OP_RESTART] = "restart", [OP_DESTROY] = "destroy",       [OP_SUSPEND] = "suspend",
        [OP_RESUME] = "resume",   [OP_CHECKPOINT] = "checkpoint",
    };

    return names[operation->kind];
}

void operation_free(struct operation *operation)
{
    image_free(&operation->image);
    failure_free(operation->failure);
    free(operation);
}

void image_discard(const struct image *image)
{
    struct stat st;

    if (!image->temporary || lstat(image->temporary, &st) < 0 || st.st_dev != image->device ||
        st.st_ino != image->inode)
        return;
    unlink(image->temporary);
}

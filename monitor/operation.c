/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/operation.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "monitor/bootloader.h"
#include "monitor/plug.h"
#include "monitor/resize.h"
#include "monitor/unlink.h"

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
        [OP_RESUME] = "resume",   [OP_CHECKPOINT] = "checkpoint", [OP_ATTACH] = "attach",
        [OP_DETACH] = "detach",   [OP_RESIZE] = "resize",         [OP_INSERT] = "insert",
        [OP_SWITCH] = "switch",   [OP_SLEEP] = "sleep",
    };

    return names[operation->kind];
}

void operation_free(struct operation *operation)
{
    image_free(&operation->image);
    config_free(operation->one_off);
    failure_free(operation->failure);
    bootloader_free(operation->bootloader);
    plug_free(operation->plug);
    resize_free(operation->resize);
    if (operation->model_fd >= 0)
        close(operation->model_fd);
    free(operation);
}

/* Renaming a file keeps its inode. */
static bool is_named(const struct image *image, const char *path)
{
    struct stat st;

    return path && !lstat(path, &st) && st.st_dev == image->device && st.st_ino == image->inode;
}

/* The file may have been made before its inode was on record; its name has a random part. */
static bool is_just_made(const struct image *image)
{
    struct stat st;

    return image->temporary && !image->inode && !lstat(image->temporary, &st) &&
           S_ISREG(st.st_mode) && st.st_size == 0;
}

bool image_is_whole(const struct image *image)
{
    return image->temporary && is_named(image, image->path);
}

void image_discard(const struct image *image)
{
    if (is_named(image, image->temporary) || is_just_made(image))
        unlink_large(image->temporary);
}

void image_withdraw(const struct image *image)
{
    image_discard(image);
    if (image_is_whole(image))
        unlink_large(image->path);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/stop_image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "monitor/log.h"
#include "monitor/util.h"

#define STATE_DIR "/var/lib/xenvm"

static char *folder_of(const struct vm *vm)
{
    return text(STATE_DIR "/%s", vm->uuid);
}

char *stop_image_link(const struct vm *vm)
{
    return text(STATE_DIR "/%s/suspended", vm->uuid);
}

static struct failure *make_folder(const char *path)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return NULL;
    return fail(RPC_FAILED, "cannot make %s: %s", path, strerror(errno));
}

/* Not all of the guest's memory need be written, but who knows. */
static struct failure *check_room(const struct vm *vm, const char *directory)
{
    struct domain_info info;
    struct statvfs room;

    if (statvfs(directory, &room) < 0)
        return fail(RPC_FAILED, "no image can be in %s: %s", directory, strerror(errno));
    if (!domain_get(vm->xch, vm->domid, vm->uuid_bytes, &info))
        return NULL;
    unsigned long long free_mib = (unsigned long long)room.f_bavail * room.f_frsize >> 20;
    if (free_mib > info.memory)
        return NULL;
    return fail(RPC_FAILED, "no room in %s for an image of %llu MiB, %llu MiB are free", directory,
                (unsigned long long)info.memory, free_mib);
}

/* A name that no earlier image has had, so that the link can't lead to one of those. */
static char *choose_path(const struct vm *vm, const char *directory)
{
    char mark[UUID_STR_LEN];
    uuid_t random;

    uuid_generate_random(random);
    uuid_unparse_lower(random, mark);
    return text("%s/%s.%.8s.image", directory, vm->uuid, mark);
}

struct failure *stop_image_prepare(const struct vm *vm, char **path)
{
    char *folder = folder_of(vm);
    const char *directory = vm->config->suspend_dir ? vm->config->suspend_dir : folder;
    struct failure *failure = make_folder(STATE_DIR);

    if (!failure)
        failure = make_folder(folder);
    if (!failure)
        failure = check_room(vm, directory);
    if (failure)
        rmdir(folder);
    else
        *path = choose_path(vm, directory);
    free(folder);
    return failure;
}

void stop_image_forget(const struct vm *vm)
{
    char *link = stop_image_link(vm), *folder = folder_of(vm);

    if (unlink(link) < 0 && errno != ENOENT && errno != ENOTDIR)
        log_error("cannot remove %s: %s", link, strerror(errno));
    rmdir(folder); /* unless something else is in it */
    free(folder);
    free(link);
}

bool stop_image_is_linked(const struct vm *vm)
{
    char *link = stop_image_link(vm);
    struct stat st;
    bool linked = !lstat(link, &st);

    free(link);
    return linked;
}

/* Where the link leads, malloc'd, or NULL. */
static char *read_link(const struct vm *vm)
{
    char *link = stop_image_link(vm);
    char target[PATH_MAX];

    ssize_t length = readlink(link, target, sizeof(target));
    free(link);
    if (length <= 0 || length == sizeof(target) || target[0] != '/')
        return NULL;
    target[length] = '\0';
    return copy_text(target);
}

static bool is_file(const char *path)
{
    struct stat st;

    return path && !lstat(path, &st) && S_ISREG(st.st_mode);
}

char *stop_image_find(const struct vm *vm)
{
    char *image = read_link(vm);

    if (is_file(image))
        return image;
    free(image);
    return NULL;
}

void stop_image_keep(const struct vm *vm)
{
    if (!stop_image_is(vm, vm->suspended.path) || stop_image_is_linked(vm))
        return;

    char *link = stop_image_link(vm), *folder = folder_of(vm);
    failure_free(make_folder(folder)); /* the link tells */
    int directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* It is rare enough to wait for the disk here. */
    if (directory < 0 || symlink(vm->suspended.path, link) < 0 || fsync(directory) < 0)
        log_error("cannot make %s: %s", link, strerror(errno));
    if (directory >= 0)
        close(directory);
    free(folder);
    free(link);
}

struct failure *stop_image_check(const struct vm *vm)
{
    char *image = read_link(vm), *folder = folder_of(vm);
    struct failure *failure = NULL;

    if (image && !is_file(image) && strncmp(image, folder, strlen(folder)) != 0) {
        char *link = stop_image_link(vm);

        failure = fail(RPC_FAILED,
                       "the image that the last stop suspended the VM to, %s, is not there (is its "
                       "file system mounted? without %s, the VM starts anew)",
                       image, link);
        free(link);
    }
    free(folder);
    free(image);
    return failure;
}

bool stop_image_is(const struct vm *vm, const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    size_t uuid = strlen(vm->uuid);

    /* <uuid>.01234567.image */
    return slash && !strncmp(slash + 1, vm->uuid, uuid) &&
           strlen(slash + 1) == uuid + strlen(".01234567.image") && slash[1 + uuid] == '.' &&
           !strcmp(slash + 1 + uuid + strlen(".01234567"), ".image");
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/stop_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "monitor/memory.h"
#include "monitor/unlink.h"
#include "monitor/util.h"

/* Not all of the guest's memory need be written, but who knows. */
static struct failure *check_room(const struct vm *vm, const char *directory)
{
    struct domain_info info;
    struct statvfs room;

    unlink_wait(); /* the room of the image that it has just been restored from */
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

/* A name that no earlier image has had, so that a record that is older can't mean this one. */
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
    char *folder = memory_folder(vm);
    const char *directory = vm->config->suspend_dir ? vm->config->suspend_dir : folder;
    struct failure *failure = memory_make_folder(vm);

    if (!failure)
        failure = check_room(vm, directory);
    if (!failure)
        *path = choose_path(vm, directory);
    else
        memory_remove_folder(vm);
    free(folder);
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

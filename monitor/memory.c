/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/memory.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/disk.h"
#include "monitor/log.h"
#include "monitor/unlink.h"
#include "monitor/util.h"
#include "monitor/vm.h"
#include "protocol/durable.h"

#define STATE_DIR "/var/lib/xenvm"

char *memory_folder(const struct vm *vm)
{
    return text(STATE_DIR "/%s", vm->uuid);
}

struct failure *memory_make_folder(const struct vm *vm)
{
    char *folder = memory_folder(vm);
    struct failure *failure = NULL;

    if ((mkdir(STATE_DIR, 0700) < 0 && errno != EEXIST) ||
        (mkdir(folder, 0700) < 0 && errno != EEXIST))
        failure = fail(RPC_FAILED, "cannot make %s: %s", folder, strerror(errno));
    free(folder);
    return failure;
}

void memory_remove_folder(const struct vm *vm)
{
    char *folder = memory_folder(vm);

    rmdir(folder);
    free(folder);
}

char *memory_record_path(const struct vm *vm)
{
    return text(STATE_DIR "/%s/memory", vm->uuid);
}

static json_t *object_of(const struct memory *memory)
{
    return json_pack("{s:I, s:s*, s:s*, s:O*}", "generation", (json_int_t)memory->generation,
                     "image", memory->image, "temporary", memory->temporary, "config",
                     memory->config);
}

static void set_config(struct memory *memory, json_t *config)
{
    json_decref(memory->config);
    memory->config = config;
}

static void take(struct memory *memory, const json_t *object)
{
    json_int_t generation = json_integer_value(json_object_get(object, "generation"));

    memory->generation = generation > 0 ? (unsigned long long)generation : 0;
    set_text(&memory->image, json_string_value(json_object_get(object, "image")));
    set_text(&memory->temporary, json_string_value(json_object_get(object, "temporary")));
    set_config(memory, json_incref(json_object_get(object, "config")));
}

/* NULL where there is none, or it can't be read. */
static json_t *load(const struct vm *vm, bool *unknown)
{
    char *path = memory_record_path(vm);
    json_error_t error;
    json_t *object = json_load_file(path, 0, &error);

    *unknown = !json_is_object(object) && (access(path, F_OK) == 0 || errno != ENOENT);
    if (*unknown)
        log_error("%s can't be read: %s", path, object ? "no object" : error.text);
    free(path);
    return object;
}

void memory_read(struct vm *vm)
{
    json_t *object = load(vm, &vm->memory.unknown);

    take(&vm->memory, object);
    json_decref(object);
}

bool memory_is_named(const struct vm *vm)
{
    bool unknown;
    json_t *object = load(vm, &unknown);
    bool named = json_object_get(object, "image") != NULL;

    json_decref(object);
    return named || unknown;
}

struct failure *memory_unknown(const struct vm *vm)
{
    char *path = memory_record_path(vm);
    struct failure *failure =
        fail(RPC_FAILED,
             "%s can't be read, and may name an image that has the VM's memory (without it, the VM "
             "starts anew)",
             path);

    free(path);
    return failure;
}

void memory_complete(struct vm *vm)
{
    const struct memory *memory = &vm->memory;
    struct stat st;

    if (!memory->image || !memory->temporary || lstat(memory->temporary, &st) < 0 ||
        !S_ISREG(st.st_mode))
        return;
    if (rename(memory->temporary, memory->image) < 0)
        log_error("%s can't be made of %s: %s", memory->image, memory->temporary, strerror(errno));
    else
        unlink(memory->temporary); /* another name of the same file is left as it is */
}

static char *link_path(const struct vm *vm)
{
    return text(STATE_DIR "/%s/writing", vm->uuid);
}

void memory_note_writing(const struct vm *vm, const char *temporary)
{
    char *path = link_path(vm);

    failure_free(memory_make_folder(vm));
    unlink(path);
    if (symlink(temporary, path) < 0)
        log_trace("cannot make %s: %s", path, strerror(errno));
    free(path);
}

void memory_note_written(const struct vm *vm)
{
    char *path = link_path(vm);

    unlink(path);
    memory_remove_folder(vm); /* if that is all that it was made for */
    free(path);
}

void memory_sweep(const struct vm *vm)
{
    const struct memory *memory = &vm->memory;
    char *path = link_path(vm), target[PATH_MAX];
    ssize_t length = readlink(path, target, sizeof(target) - 1);
    struct stat st;

    free(path);
    if (length < 0 || memory->unknown)
        return;
    target[length] = '\0';
    bool holds_memory = memory->image && memory->temporary && !strcmp(target, memory->temporary);
    if (!holds_memory && !lstat(target, &st) && S_ISREG(st.st_mode) && unlink_large(target) == 0)
        log_info("%s, which was not whole when the host went down, is removed", target);
    memory_note_written(vm);
}

void memory_set(struct vm *vm, unsigned long long generation, const char *image, json_t *config)
{
    struct memory *memory = &vm->memory;

    memory->generation = generation;
    memory->unknown = false;
    set_text(&memory->image, image);
    set_text(&memory->temporary, NULL);
    set_config(memory, config);
}

static void write_record(const struct vm *vm, json_t *object)
{
    char *path = memory_record_path(vm), *said = need(json_dumps(object, JSON_COMPACT));
    int error = durable_write(path, said);

    if (error)
        log_error("cannot write %s: %s", path, strerror(-error));
    free(said);
    free(path);
    json_decref(object);
}

void memory_keep(const struct vm *vm)
{
    if (vm->memory.image && !memory_is_named(vm))
        write_record(vm, memory_object(vm));
}

void memory_set_config(struct vm *vm, json_t *config)
{
    set_config(&vm->memory, config);
    write_record(vm, memory_object(vm));
}

void memory_forget(struct vm *vm)
{
    bool unknown;
    json_t *object = load(vm, &unknown);
    bool named = unknown || json_object_get(object, "image");

    if (named && !unknown)
        take(&vm->memory, object);
    json_decref(object);
    memory_set(vm, vm->memory.generation, NULL, NULL);
    if (named)
        write_record(vm, memory_object(vm));
}

void memory_order(const struct vm *vm, struct message *order, const struct memory *memory)
{
    char *path = memory_record_path(vm);
    json_t *object = object_of(memory);
    char *said = need(json_dumps(object, JSON_COMPACT));

    message_add(order, "memory-record", path);
    message_add(order, "memory-text", said);
    json_decref(object);
    free(said);
    free(path);
}

static bool writes_to_disks(const struct vm_config *config)
{
    for (size_t i = 0; i < config->disk_count; i++)
        if (config->disks[i]->writable)
            return true;
    return false;
}

struct failure *memory_check(const struct vm *vm, const struct message *facts)
{
    const struct memory *memory = &vm->memory;
    unsigned long long generation = message_number(facts, "generation", 0);
    bool checkpoint = message_number(facts, "checkpoint", 0);
    /* One of xl's in the place of the image that the record names: that is no more. */
    bool replaced = generation == 0 && memory->image && !checkpoint &&
                    !strcmp(vm->operation->image.path, memory->image);

    if (checkpoint && writes_to_disks(vm->config))
        return fail(RPC_FAILED,
                    "it is a checkpoint, after which the guest went on and wrote to its "
                    "disks (force=true restores it all the same)");
    if (memory->image && !replaced && (checkpoint || generation < memory->generation))
        return fail(RPC_FAILED,
                    "the VM's memory is in %s (force=true gives that up, and restores this)",
                    memory->image);
    /* xl's have no generation. */
    if (checkpoint || generation == 0 || generation > memory->generation || memory->image)
        return NULL;
    return fail(RPC_FAILED, "it has been restored before, or given up: the guest went on from it "
                            "(force=true restores it all the same)");
}

json_t *memory_object(const struct vm *vm)
{
    return object_of(&vm->memory);
}

void memory_put_back(struct vm *vm, const json_t *object)
{
    if (vm->memory.image || !json_object_get(object, "image"))
        return;
    take(&vm->memory, object);
    memory_keep(vm);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "monitor/configs.h"
#include "monitor/device_model.h"
#include "monitor/log.h"
#include "monitor/util.h"

enum { RECORD_VERSION = 1 };

static char *record_path(const struct vm *vm, const char *suffix)
{
    return text("%s/vm-%s.state%s", vm->directory, vm->uuid, suffix);
}

static json_t *image_object(const struct image *image)
{
    json_t *object = json_object();

    if (image->path)
        json_object_set_new(object, "path", json_string(image->path));
    if (image->temporary)
        json_object_set_new(object, "temporary", json_string(image->temporary));
    if (image->token)
        json_object_set_new(object, "token", json_string(image->token));
    json_object_set_new(object, "device", json_integer((json_int_t)image->device));
    json_object_set_new(object, "inode", json_integer((json_int_t)image->inode));
    return object;
}

static json_t *operation_object(const struct vm *vm)
{
    const struct operation *operation = vm->operation;

    return json_pack(
        "{s:s, s:s, s:b, s:b, s:b, s:b, s:i, s:b, s:b, s:i, s:o}", "name",
        operation_name(operation), "before", state_name(operation->before), "live", operation->live,
        "paused", operation->paused, "delete-image", operation->delete_image, "force",
        operation->force, "timeout", operation->timeout, "asked", operation->asked, "stop",
        vm->stopping || operation->stop, "worker", vm->child ? (int)child_pid(vm->child) : 0,
        "image", image_object(&operation->image));
}

static json_t *record_object(const struct vm *vm)
{
    json_t *object = json_pack("{s:i, s:s, s:s, s:s}", "version", RECORD_VERSION, "uuid", vm->uuid,
                               "name", vm->name, "state", state_name(vm->state));
    json_t *crashes = json_array();

    if (vm->domid != DOMID_INVALID)
        json_object_set_new(object, "domid", json_integer(vm->domid));
    if (vm->reason)
        json_object_set_new(object, "reason", json_string(vm->reason));
    json_object_set_new(object, "memory", memory_object(vm));
    for (int i = 0; i < CRASHES_KEPT; i++)
        json_array_append_new(crashes, json_integer(vm->crashes[i]));
    json_object_set_new(object, "crashes", crashes);
    if (device_model_pid(vm))
        json_object_set_new(object, "qemu", json_integer(device_model_pid(vm)));
    if (vm->sleep.vector)
        json_object_set_new(object, "event-vector", json_integer(vm->sleep.vector));
    if (vm->sleep.paused != SLEEP_GOES_ON)
        json_object_set_new(object, "sleep-pause", json_integer(vm->sleep.paused));
    json_t *config = configs_record(vm);
    if (config)
        json_object_set_new(object, "config", config);
    if (vm->operation)
        json_object_set_new(object, "operation", operation_object(vm));
    return object;
}

void record_write(const struct vm *vm)
{
    char *path = record_path(vm, ""), *temporary = record_path(vm, ".new");
    json_t *object = record_object(vm);

    errno = 0;
    if (json_dump_file(object, temporary, JSON_INDENT(1)) < 0 || rename(temporary, path) < 0) {
        log_warning("cannot write %s: %s", path, strerror(errno ? errno : EIO));
        unlink(temporary);
    }
    json_decref(object);
    free(temporary);
    free(path);
}

void record_remove(const struct vm *vm)
{
    char *path = record_path(vm, "");

    unlink(path);
    free(path);
}

bool record_is_there(const struct vm *vm)
{
    char *path = record_path(vm, "");
    bool there = access(path, F_OK) == 0;

    free(path);
    return there;
}

static char *get_text(const json_t *object, const char *key)
{
    return copy_text(json_string_value(json_object_get(object, key)));
}

static void get_image(const json_t *object, struct image *image)
{
    image->path = get_text(object, "path");
    image->temporary = get_text(object, "temporary");
    image->token = get_text(object, "token");
    image->device = (dev_t)json_integer_value(json_object_get(object, "device"));
    image->inode = (ino_t)json_integer_value(json_object_get(object, "inode"));
}

static enum vm_state get_state(const json_t *object, const char *key)
{
    const char *name = json_string_value(json_object_get(object, key));
    int state = name ? state_from_name(name) : -1;

    return state < 0 ? VM_SHUTDOWN : (enum vm_state)state;
}

static void get_operation(const json_t *object, struct record *record)
{
    record->operation = get_text(object, "name");
    record->operating = record->operation != NULL;
    record->before = get_state(object, "before");
    record->live = json_is_true(json_object_get(object, "live"));
    record->paused = json_is_true(json_object_get(object, "paused"));
    record->delete_image = json_is_true(json_object_get(object, "delete-image"));
    record->force = json_is_true(json_object_get(object, "force"));
    record->timeout = (int)json_integer_value(json_object_get(object, "timeout"));
    record->asked = json_is_true(json_object_get(object, "asked"));
    record->stop = json_is_true(json_object_get(object, "stop"));
    record->worker = (pid_t)json_integer_value(json_object_get(object, "worker"));
    get_image(json_object_get(object, "image"), &record->image);
}

bool record_read(const struct vm *vm, struct record *record)
{
    char *path = record_path(vm, "");
    json_t *object = json_load_file(path, 0, NULL);
    const json_t *domid = json_object_get(object, "domid");
    const char *uuid = json_string_value(json_object_get(object, "uuid"));

    free(path);
    memset(record, 0, sizeof(*record));
    if (!uuid || strcmp(uuid, vm->uuid) != 0 ||
        json_integer_value(json_object_get(object, "version")) != RECORD_VERSION) {
        json_decref(object);
        return false;
    }
    record->state = get_state(object, "state");
    record->domid = domid ? (uint32_t)json_integer_value(domid) : DOMID_INVALID;
    record->reason = get_text(object, "reason");
    record->memory = json_incref(json_object_get(object, "memory"));
    for (size_t i = 0; i < CRASHES_KEPT; i++)
        record->crashes[i] =
            json_integer_value(json_array_get(json_object_get(object, "crashes"), i));
    record->model = (pid_t)json_integer_value(json_object_get(object, "qemu"));
    record->event_vector = (uint8_t)json_integer_value(json_object_get(object, "event-vector"));
    record->sleep_pause = (int)json_integer_value(json_object_get(object, "sleep-pause"));
    record->config = json_incref(json_object_get(object, "config"));
    get_operation(json_object_get(object, "operation"), record);
    json_decref(object);
    return true;
}

void record_free(struct record *record)
{
    free(record->reason);
    free(record->operation);
    json_decref(record->config);
    json_decref(record->memory);
    image_free(&record->image);
}

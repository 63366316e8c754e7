/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/configs.h"

#include <stdlib.h>
#include <string.h>

#include "config/allow.h"
#include "config/value.h"
#include "monitor/access.h"
#include "monitor/commands.h"
#include "monitor/control.h"
#include "monitor/files.h"
#include "monitor/keep.h"
#include "monitor/listeners.h"
#include "monitor/log.h"
#include "monitor/record.h"
#include "monitor/util.h"

/* A file of keep.c, as SETTINGS. */
#define FIRST_BOOT_DONE "first-boot-done"

const struct vm_config *configs_next(const struct vm *vm)
{
    return vm->next ? vm->next : vm->config;
}

const struct vm_config *configs_lasting(const struct vm *vm)
{
    return vm->after ? vm->after : configs_next(vm);
}

/* Reading */

/* The first error for people, all of them for programs. */
static struct failure *config_failure(const struct config_report *report)
{
    json_t *errors = json_array();
    const char *first = NULL;

    for (size_t i = 0; i < report->count; i++) {
        if (report->messages[i].level == CONFIG_WARNING)
            continue;
        if (!first)
            first = report->messages[i].text;
        json_array_append_new(errors, json_string(report->messages[i].text));
    }
    struct failure *failure = fail(RPC_FAILED, "%s%s", first ? first : "",
                                   report->errors > 1 ? " (and more: see the log)" : "");
    return fail_with(failure, "errors", errors);
}

/* What can't change while the monitor runs. */
static struct failure *check_identity(const struct vm *vm, const struct vm_config *config,
                                      const char *path)
{
    if (!uuid_is_null(config->uuid) && uuid_compare(config->uuid, vm->uuid_bytes) != 0)
        return fail(RPC_FAILED, "%s: uuid: is another VM's", path);
    if (config->name && strcmp(config->name, vm->name) != 0)
        return fail(RPC_FAILED, "%s: name: '%s' cannot become '%s' while the monitor runs", path,
                    vm->name, config->name);
    return NULL;
}

static struct failure *check_type(const struct vm *vm, const struct vm_config *config,
                                  const char *path)
{
    enum guest_type type = configs_lasting(vm)->type;

    if (config->type == type || (vm->domid == DOMID_INVALID && !vm->operation))
        return NULL;
    return fail(RPC_FAILED, "%s: type: a %s guest can become a %s guest when it is down", path,
                guest_type_name(type), guest_type_name(config->type));
}

/* Of the file and what has been set; both are the caller's, also after a failure. */
static struct failure *assemble(const struct vm *vm, const struct config_text *file,
                                const struct config_text *set, struct vm_config **config,
                                struct vm_config **first)
{
    struct config_report report;

    *config = config_assemble(file, set, vm->config_flags, first, &report);
    for (size_t i = 0; i < report.count; i++)
        if (report.messages[i].level == CONFIG_WARNING)
            log_warning("%s", report.messages[i].text);
        else
            log_error("%s", report.messages[i].text);
    struct failure *failure =
        *config ? check_identity(vm, *config, file->name) : config_failure(&report);
    config_report_free(&report);
    return failure;
}

static struct failure *read_file(const char *path, struct config_text *file)
{
    struct config_report report;
    struct failure *failure =
        config_read(path, false, file, &report) ? NULL : config_failure(&report);

    if (failure)
        log_error("%s", failure->text);
    config_report_free(&report);
    return failure;
}

/* Of a one-off boot, also what holds at once is its own. */
static bool is_live(const struct vm *vm)
{
    return vm->config->kind != CONFIG_ONE_OFF;
}

static void drop_next(struct vm *vm)
{
    if (vm->next != vm->fallback)
        config_free(vm->next);
    vm->next = NULL;
}

/* Which of the two the next start is of; the other one waits, or goes. */
static struct vm_config *choose(struct vm *vm, struct vm_config *config, struct vm_config *first)
{
    config_free(vm->after);
    vm->after = NULL;
    if (first && !vm->first_booted) {
        vm->after = config;
        return first;
    }
    config_free(first);
    return config;
}

/* The one whose keys that hold at once hold in the present boot; NULL: neither's. */
static const struct vm_config *live_one(const struct vm *vm, const struct vm_config *config,
                                        const struct vm_config *first)
{
    if (!is_live(vm))
        return NULL;
    return first && vm->config->kind == CONFIG_FIRST_BOOT ? first : config;
}

/* Devices that came and went stay so until the configuration is read again. */
static void carry_plugged(struct vm_config *to, const struct vm_config *from)
{
    bool carry = from->plugged && from->kind == CONFIG_LASTING && to->kind == CONFIG_LASTING;

    for (size_t i = 0; carry && !to->reread && i < config_key_count; i++)
        if (config_keys[i].devices)
            config_value_copy(&config_keys[i], to, from);
    to->plugged |= carry && !to->reread;
    to->reread = false;
}

/* Takes over a lasting configuration, and that of the first boot, which may be NULL. */
static void set_lasting(struct vm *vm, struct vm_config *config, struct vm_config *first)
{
    if (is_live(vm))
        config_copy_live(vm->config, live_one(vm, config, first));
    config = choose(vm, config, first);
    if (vm->domid == DOMID_INVALID && !vm->memory.image && !vm->operation) {
        carry_plugged(config, vm->config);
        config_free(vm->config);
        vm->config = config;
    } else {
        drop_next(vm);
        vm->next = config;
    }
    /* A new monitor can't tell any more what the guest was built of. */
    record_write(vm);
    if (vm->memory.image && !vm->operation)
        memory_set_config(vm, configs_record(vm));
    listeners_change(vm->listeners, &configs_lasting(vm)->notify);
    files_set_access(vm, &configs_lasting(vm)->allow);
    control_review(vm->control, vm->access);
}

static bool has_text(const struct config_texts *texts, const char *text)
{
    for (size_t i = 0; i < texts->count; i++)
        if (!strcmp(texts->list[i], text))
            return true;
    return false;
}

/* A monitor starts with users who are not there; who adds a rule is to hear of them. */
static struct failure *check_allow(const struct vm *vm, const struct config_texts *allow)
{
    const struct config_texts *known = &configs_lasting(vm)->allow;
    struct failure *failure = NULL;
    struct allow_rule rule;

    for (size_t i = 0; i < allow->count && !failure; i++) {
        char *wrong = has_text(known, allow->list[i]) ? NULL : allow_read(allow->list[i], &rule);

        if (wrong)
            failure = fail(RPC_FAILED, "allow: %s", wrong);
        free(wrong);
    }
    return failure;
}

/* Whether the lasting configuration can be that one; opens the trace that it asks for. */
static struct failure *check_lasting(const struct vm *vm, const struct vm_config *config,
                                     const struct vm_config *first)
{
    struct failure *failure = check_type(vm, config, vm->config_path);

    if (!failure)
        failure = check_allow(vm, &config->allow);
    if (!failure && is_live(vm))
        failure = files_open_trace(vm, live_one(vm, config, first));
    return failure;
}

bool configs_load(struct vm *vm, struct config_report *report)
{
    char *path = keep_path(vm, SETTINGS);
    struct config_text set = { 0 };
    struct vm_config *config = NULL, *first;

    config_text_free(&vm->file);
    if (config_read(vm->stand_in ? vm->stand_in : vm->config_path, false, &vm->file, report) &&
        config_read(path, true, &set, report))
        config = config_assemble(&vm->file, &set, vm->config_flags, &first, report);
    if (config) {
        config_free(vm->config);
        vm->settings = text("%.*s", (int)set.size, set.text ? set.text : "");
        vm->first_booted = keep_has(vm, FIRST_BOOT_DONE);
        vm->config = choose(vm, config, first);
    }
    config_text_free(&set);
    free(path);
    return config;
}

void configs_tidy(const struct vm *vm)
{
    keep_tidy(vm, FIRST_BOOT_DONE);
    keep_tidy(vm, SETTINGS);
}

struct failure *configs_read(struct vm *vm, const char *path)
{
    char *set_path = keep_path(vm, SETTINGS);
    const struct config_text set = { set_path, vm->settings, strlen(vm->settings) };
    struct vm_config *config = NULL, *first = NULL;
    struct config_text file;

    if (!path)
        path = vm->config_path;
    struct failure *failure = read_file(path, &file);
    if (!failure)
        failure = assemble(vm, &file, &set, &config, &first);
    if (!failure)
        failure = check_lasting(vm, config, first);
    free(set_path);
    if (failure) {
        config_text_free(&file);
        config_free(config);
        config_free(first);
        return failure;
    }
    config_text_free(&vm->file);
    vm->file = file;
    config->reread = true;
    set_lasting(vm, config, first);
    if (path != vm->config_path)
        set_text(&vm->config_path, path);
    files_keep_read(vm);
    log_info("read %s; it holds from the next start on", path);
    return NULL;
}

/* It may have been made of the VM's own file. */
static void keep_monitors(const struct vm *vm, struct vm_config *config, const char *path)
{
    for (size_t i = 0; i < config_key_count; i++) {
        if (!config_keys[i].monitors)
            continue;
        if (config->origins[i] == FROM_FILE)
            log_warning("%s: %s: is no matter of one boot: the VM's own stays", path,
                        config_keys[i].name);
        config_value_copy(&config_keys[i], config, configs_lasting(vm));
    }
}

struct failure *configs_load_one_off(const struct vm *vm, const char *path,
                                     struct vm_config **config)
{
    struct vm_config *first = NULL;
    struct config_text file;
    struct failure *failure = read_file(path, &file);

    *config = NULL;
    if (!failure)
        failure = assemble(vm, &file, NULL, config, &first);
    if (!failure && first)
        failure = fail(RPC_FAILED,
                       "%s: [first-boot]: means nothing in the configuration of one boot, "
                       "accepted: without it",
                       path);
    config_text_free(&file);
    config_free(first);
    if (failure) {
        config_free(*config);
        *config = NULL;
        return failure;
    }
    (*config)->kind = CONFIG_ONE_OFF;
    (*config)->path = copy_text(path);
    keep_monitors(vm, *config, path);
    return NULL;
}

/* Settings */

static struct failure *assemble_settings(const struct vm *vm, const char *settings,
                                         struct vm_config **config, struct vm_config **first)
{
    /* No name: there is no such file yet. */
    const struct config_text set = { NULL, settings, strlen(settings) };
    const struct config_text file = { vm->config_path, vm->file.text, vm->file.size };

    return assemble(vm, &file, &set, config, first);
}

struct failure *configs_written(const struct vm *vm, struct vm_config **config)
{
    struct vm_config *first;
    struct failure *failure = assemble_settings(vm, vm->settings, config, &first);

    config_free(first);
    return failure;
}

struct failure *configs_try(const struct vm *vm, const char *settings)
{
    struct vm_config *config, *first;
    struct failure *failure = assemble_settings(vm, settings, &config, &first);

    if (!failure)
        failure = check_lasting(vm, config, first);
    config_free(config);
    config_free(first);
    return failure;
}

void configs_give_up(const struct vm *vm)
{
    failure_log(files_open_trace(vm, vm->config));
}

void configs_change(struct vm *vm, char *settings, const struct config_key *key)
{
    struct vm_config *config, *first;
    struct failure *failure = assemble_settings(vm, settings, &config, &first);

    free(vm->settings);
    vm->settings = settings;
    if (failure) { /* the file has been read anew since configs_try() */
        failure_log(failure);
        config_free(config);
        config_free(first);
        return;
    }
    /* Of devices that are set, none came or went. */
    config->reread = key->devices || (vm->next && vm->next->reread);
    set_lasting(vm, config, first);
}

/* The turn of the next one */

/* What was built of it is no more; but there may be memory of it in an image. */
static void retire(struct vm *vm, struct vm_config *config)
{
    if (vm->memory.image && !vm->fallback)
        vm->fallback = config;
    else if (config != vm->next)
        config_free(config);
}

static void take_next(struct vm *vm)
{
    struct vm_config *old = vm->config;

    vm->config = vm->next;
    vm->next = NULL;
    carry_plugged(vm->config, old);
    retire(vm, old);
}

static struct failure *take_one_off(struct vm *vm, struct vm_config **one_off)
{
    struct failure *failure = files_open_trace(vm, *one_off);
    struct vm_config *old = vm->config;

    if (failure)
        return failure;
    vm->config = *one_off;
    *one_off = NULL;
    if (!vm->next)
        vm->next = old;
    retire(vm, old);
    log_info("this boot is of %s; the next one is of %s again", vm->config->path, vm->config_path);
    return NULL;
}

struct failure *configs_take(struct vm *vm)
{
    if (vm->operation->one_off)
        return take_one_off(vm, &vm->operation->one_off);
    if (!vm->next)
        return NULL;
    take_next(vm);
    failure_log(files_open_trace(vm, vm->config));
    return NULL;
}

void configs_settle(struct vm *vm)
{
    if (vm->fallback != vm->next)
        config_free(vm->fallback);
    vm->fallback = NULL;
}

/* The memory in the image has not been given up after all. */
static void take_back(struct vm *vm)
{
    struct vm_config *tried = vm->config;

    vm->config = vm->fallback;
    vm->fallback = NULL;
    if (vm->next == vm->config)
        vm->next = NULL;
    if (!vm->next && tried->kind != CONFIG_ONE_OFF)
        vm->next = tried;
    else
        config_free(tried);
    failure_log(files_open_trace(vm, vm->config));
}

static void first_boot_kept(struct vm *vm, struct failure *failure, void *arg)
{
    vm->first_boot_owed = failure;
    if (failure)
        log_error("the next start will be the VM's first boot again, where this monitor has "
                  "ended: %s",
                  failure->text);
    failure_free(failure);
}

static void keep_first_boot(struct vm *vm)
{
    vm->first_boot_owed = false;
    struct failure *failure = keep_write(vm, FIRST_BOOT_DONE, "", first_boot_kept, NULL);
    if (failure)
        first_boot_kept(vm, failure, NULL);
}

/* The guest runs: whatever becomes of it, its first boot has been. */
static void spend_first_boot(struct vm *vm)
{
    if (vm->config->kind != CONFIG_FIRST_BOOT || vm->first_booted)
        return;
    vm->first_booted = true;
    if (vm->after) {
        drop_next(vm);
        vm->next = vm->after;
        vm->after = NULL;
    }
    log_info("this is the first boot; the next one goes without [first-boot]");
    keep_first_boot(vm);
}

void configs_follow(struct vm *vm)
{
    /* The disk that was full may have room by now: an installer is not to run twice. */
    if (vm->first_boot_owed)
        keep_first_boot(vm);
    if (vm->state == VM_RUNNING)
        spend_first_boot(vm);
    if (vm->state == VM_SUSPENDED && vm->fallback)
        take_back(vm);
    if ((vm->state != VM_SHUTDOWN && vm->state != VM_REBOOTED) || !vm->next)
        return;
    take_next(vm);
    failure_log(files_open_trace(vm, vm->config));
}

/* For the next monitor */

/* Of the keys that are not of the file. */
static json_t *record_origins(const struct vm_config *config)
{
    json_t *object = json_object();

    for (size_t i = 0; i < config_key_count; i++)
        if (config->origins[i] > FROM_FILE)
            json_object_set_new(object, config_keys[i].name, json_integer(config->origins[i]));
    return object;
}

/* Of what was read (FNV-1a): whether a new monitor reads the same. */
static json_int_t fingerprint(const struct vm *vm)
{
    const struct {
        const char *text;
        size_t size;
    } parts[] = { { vm->file.text, vm->file.size },
                  { vm->settings, vm->settings ? strlen(vm->settings) : 0 } };
    uint64_t hash = 0xcbf29ce484222325;

    for (size_t part = 0; part < sizeof(parts) / sizeof(parts[0]); part++)
        for (size_t i = 0; i < parts[part].size; i++)
            hash = (hash ^ (unsigned char)parts[part].text[i]) * 0x100000001b3;
    return (json_int_t)(hash >> 1);
}

json_t *configs_record(const struct vm *vm)
{
    const struct vm_config *config = vm->config;

    if (vm->domid == DOMID_INVALID && !vm->memory.image && !config->plugged && !vm->next &&
        config->kind == CONFIG_LASTING)
        return NULL;
    char *text = config_to_text(config, CONFIG_CHANGED);
    json_t *record =
        json_pack("{s:s, s:b, s:b, s:b}", "text", text, "plugged", config->plugged, "first-boot",
                  config->kind == CONFIG_FIRST_BOOT, "another-next", vm->next != NULL);

    if (config->kind == CONFIG_ONE_OFF)
        json_object_set_new(record, "one-off", json_string(config->path));
    json_object_set_new(record, "origins", record_origins(config));
    json_object_set_new(record, "read", json_integer(fingerprint(vm)));
    json_object_set_new(record, "reread", json_boolean(vm->next && vm->next->reread));
    free(text);
    return record;
}

static void swap_lists(struct vm_config *a, struct vm_config *b)
{
    const struct vm_config old = *a;

    a->disks = b->disks;
    a->disk_count = b->disk_count;
    a->nics = b->nics;
    a->nic_count = b->nic_count;
    a->pcis = b->pcis;
    a->pci_count = b->pci_count;
    b->disks = old.disks;
    b->disk_count = old.disk_count;
    b->nics = old.nics;
    b->nic_count = old.nic_count;
    b->pcis = old.pcis;
    b->pci_count = old.pci_count;
}

static struct vm_config *read_record(const json_t *record)
{
    const char *text = json_string_value(json_object_get(record, "text"));
    struct config_report report;
    const char *name;
    json_t *value;

    if (!text)
        return NULL;
    struct vm_config *config =
        config_parse("the record", text, strlen(text), CONFIG_PIECEMEAL, &report);
    for (size_t i = 0; i < report.count; i++)
        log_error("%s", report.messages[i].text);
    config_report_free(&report);
    if (!config)
        return NULL;
    config->plugged = json_is_true(json_object_get(record, "plugged"));
    json_object_foreach(json_object_get(record, "origins"), name, value)
    {
        const struct config_key *key = config_key_find(name);

        if (key)
            config->origins[key - config_keys] = (unsigned char)json_integer_value(value);
    }
    config->path = copy_text(json_string_value(json_object_get(record, "one-off")));
    if (config->path)
        config->kind = CONFIG_ONE_OFF;
    else if (json_is_true(json_object_get(record, "first-boot")))
        config->kind = CONFIG_FIRST_BOOT;
    return config;
}

void configs_recall(struct vm *vm, const json_t *record)
{
    struct vm_config *config = read_record(record);

    if (!config)
        return;
    bool changed = json_integer_value(json_object_get(record, "read")) != fingerprint(vm);
    if (config->kind == CONFIG_LASTING && !changed &&
        !json_is_true(json_object_get(record, "another-next"))) {
        /* The file holds, but for the devices that came and went. */
        if (config->plugged)
            swap_lists(config, vm->config);
        vm->config->plugged = config->plugged;
        config_free(config);
        return;
    }
    vm->next = vm->config;
    vm->next->reread = changed || json_is_true(json_object_get(record, "reread"));
    vm->config = config;
    if (is_live(vm))
        config_copy_live(vm->config, vm->next);
    else
        failure_log(files_open_trace(vm, vm->config));
}

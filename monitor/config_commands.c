/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "config/value.h"
#include "monitor/configs.h"
#include "monitor/handlers.h"
#include "monitor/keep.h"
#include "monitor/util.h"

void cmd_read_config(struct vm *vm, struct call *call, const json_t *params)
{
    struct failure *failure = configs_read(vm, param(params, "path"));

    if (failure)
        refuse(call, failure);
    else
        call_result(call, NULL);
}

/* The key that is meant, or NULL with the failure. */
static const struct config_key *find_key(const json_t *params, struct failure **failure)
{
    const char *name = param(params, "key");
    const struct config_key *key = config_key_find(name);
    const char *nearest = key ? NULL : config_key_nearest(name);

    *failure = NULL;
    if (nearest)
        *failure =
            fail(RPC_INVALID_PARAMS, "key: '%s' is not known, did you mean '%s'?", name, nearest);
    else if (!key)
        *failure = fail(RPC_INVALID_PARAMS,
                        "key: '%s' is not known, accepted: those of xenvm --list-keys", name);
    return key;
}

/* get */

static enum config_origin origin_of(const struct vm_config *config, const struct config_key *key)
{
    return (enum config_origin)config->origins[key - config_keys];
}

static const char *origin_name(const struct vm_config *config, const struct config_key *key)
{
    static const char *const names[] = {
        [FROM_DEFAULT] = "default",
        [FROM_FILE] = "file",
        [FROM_SET] = "set",
        [FROM_FIRST_BOOT] = "first-boot",
    };
    enum config_origin origin = origin_of(config, key);

    if (key->devices && config->plugged)
        return "plugged";
    return config->kind == CONFIG_ONE_OFF && origin == FROM_FILE ? "one-off" : names[origin];
}

/* Adds the value, a list where there can be several; nothing where there is none. */
static void add_value(json_t *result, const char *name, const struct vm_config *config,
                      const struct config_key *key)
{
    json_t *list = json_array();
    char **values;
    size_t count = config_values(key, config, &values);

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(values[i]));
    if (key->repeatable)
        json_object_set(result, name, list);
    else if (count)
        json_object_set(result, name, json_array_get(list, 0));
    json_decref(list);
    config_values_free(values);
}

/* Who the VM is does not come from the file alone. */
static void get_identity(const struct vm *vm, json_t *result, const struct config_key *key)
{
    bool is_name = key->type == KEY_NAME;
    const struct vm_config *lasting = configs_lasting(vm);
    const char *from = origin_name(lasting, key);

    if (origin_of(lasting, key) == FROM_DEFAULT && is_name && strcmp(vm->name, vm->uuid) != 0)
        from = "option";
    json_object_set_new(result, "value", json_string(is_name ? vm->name : vm->uuid));
    json_object_set_new(result, "from", json_string(from));
}

void cmd_get(struct vm *vm, struct call *call, const json_t *params)
{
    const struct vm_config *next = vm->next ? vm->next : vm->after;
    struct failure *failure;
    const struct config_key *key = find_key(params, &failure);

    if (!key) {
        refuse(call, failure);
        return;
    }
    const struct vm_config *config = key->monitors ? configs_lasting(vm) : vm->config;
    json_t *result = json_pack("{s:s}", "key", key->name);
    if (key->identity) {
        get_identity(vm, result, key);
    } else {
        add_value(result, "value", config, key);
        json_object_set_new(result, "from", json_string(origin_name(config, key)));
    }
    if (key->fallback)
        json_object_set_new(result, "default", json_string(key->fallback));
    if (next && !key->identity && !config_values_equal(key, config, next)) {
        add_value(result, "next", next, key);
        json_object_set_new(result, "next-from", json_string(origin_name(next, key)));
    }
    call_result(call, result);
}

/* set and unset */

struct setting {
    struct call *call;
    const struct config_key *key;
    char *settings; /* the new ones */
};

/* When a change of a key holds. */
static const char *when(const struct vm *vm, const struct config_key *key)
{
    const struct vm_config *first = configs_next(vm);
    bool first_boots =
        vm->config->kind == CONFIG_FIRST_BOOT && origin_of(vm->config, key) == FROM_FIRST_BOOT;

    if (key->monitors)
        return "from now on";
    if (vm->after && origin_of(first, key) == FROM_FIRST_BOOT)
        return "from the boot after the first on";
    if (key->type == KEY_STARTUP)
        return "when the VM gets a new monitor";
    if (key->live && vm->config->kind != CONFIG_ONE_OFF && !first_boots)
        return "from now on";
    return "from the next start on";
}

/* "memory: 512, from the next start on" */
static json_t *answer(const struct vm *vm, const struct config_key *key)
{
    char **values, *result = text("%s:", key->name), *longer;
    const char *comma = "";

    config_values(key, configs_lasting(vm), &values);
    for (char **value = values; *value; value++) {
        longer = text("%s%s %s", result, comma, *value);
        free(result);
        result = longer;
        comma = ",";
    }
    longer = text("%s%s, %s", result, *values ? "" : " (none)", when(vm, key));
    json_t *string = json_string(longer);
    config_values_free(values);
    free(result);
    free(longer);
    return string;
}

static void setting_free(struct setting *setting)
{
    free(setting->settings);
    free(setting);
}

static void kept(struct vm *vm, struct failure *failure, void *arg)
{
    struct setting *setting = arg;

    vm->setting = NULL;
    if (failure) {
        configs_give_up(vm);
        refuse(setting->call, failure);
    } else {
        configs_change(vm, setting->settings, setting->key);
        setting->settings = NULL;
        call_result(setting->call, answer(vm, setting->key));
    }
    setting_free(setting);
}

/* Takes over `settings`, and the call unless it returns a failure. */
static struct failure *begin(struct vm *vm, struct call *call, const struct config_key *key,
                             char *settings)
{
    struct failure *failure = configs_try(vm, settings);

    if (failure) {
        configs_give_up(vm);
        free(settings);
        return failure;
    }
    vm->setting = need(calloc(1, sizeof(*vm->setting)));
    *vm->setting = (struct setting){ call, key, settings };
    failure = keep_write(vm, SETTINGS, *settings ? settings : NULL, kept, vm->setting);
    if (failure) {
        configs_give_up(vm);
        setting_free(vm->setting);
        vm->setting = NULL;
    }
    return failure;
}

/* The same of a key that can be changed now. */
static const struct config_key *find_settable(const struct vm *vm, const json_t *params,
                                              struct failure **failure)
{
    const struct config_key *key = find_key(params, failure);

    if (!key)
        return NULL;
    if (key->identity)
        *failure = fail(RPC_INVALID_PARAMS,
                        "%s: is the VM's identity, which nothing changes while it has a monitor",
                        key->name);
    else if (vm->setting)
        *failure =
            fail_with(fail(RPC_BUSY, "busy with another set"), "operation", json_string("set"));
    return *failure ? NULL : key;
}

/* The values that a key shall have: `value`, with `add` behind those that it has; NULL: failed. */
static char *edit(const struct vm *vm, const struct config_key *key, const char *value, bool add,
                  struct failure **failure)
{
    struct vm_config *written = NULL;
    char **values = NULL;

    *failure = add ? configs_written(vm, &written) : NULL;
    if (*failure) {
        config_free(written);
        return NULL;
    }
    size_t count = add ? config_values(key, written, &values) : 0;
    config_free(written);
    values = need(reallocarray(values, count + 2, sizeof(*values)));
    values[count] = copy_text(value);
    values[count + 1] = NULL;
    char *settings = config_edit(vm->settings, key, values);
    config_values_free(values);
    return settings;
}

void cmd_set(struct vm *vm, struct call *call, const json_t *params)
{
    const char *value = param(params, "value");
    bool add = param_bool(params, "add", false);
    char *settings = NULL;
    struct failure *failure;
    const struct config_key *key = find_settable(vm, params, &failure);

    if (key && add && !key->repeatable)
        failure =
            fail(RPC_INVALID_PARAMS, "%s: has one value only, accepted: without add=", key->name);
    else if (key && (settings = edit(vm, key, value ? value : "", add, &failure)))
        failure = begin(vm, call, key, settings);
    if (failure)
        refuse(call, failure);
}

void cmd_unset(struct vm *vm, struct call *call, const json_t *params)
{
    struct failure *failure;
    const struct config_key *key = find_settable(vm, params, &failure);

    if (key && origin_of(configs_lasting(vm), key) != FROM_SET)
        failure = fail(RPC_FAILED, "%s: has not been set", key->name);
    else if (key)
        failure = begin(vm, call, key, config_edit(vm->settings, key, NULL));
    if (failure)
        refuse(call, failure);
}

/* config */

void cmd_config(struct vm *vm, struct call *call, const json_t *params)
{
    const struct vm_config *config =
        param_bool(params, "next", false) ? configs_next(vm) : vm->config;
    char *written = config_to_text(config, CONFIG_WHOLE);
    bool named = !config->name && strcmp(vm->name, vm->uuid) != 0;
    char *whole =
        text("%s%s%s%s%s%s%s", uuid_is_null(config->uuid) ? "uuid = " : "",
             uuid_is_null(config->uuid) ? vm->uuid : "", uuid_is_null(config->uuid) ? "\n" : "",
             named ? "name = " : "", named ? vm->name : "", named ? "\n" : "", written);

    call_result(call, json_string(whole));
    free(whole);
    free(written);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/commands.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor/access.h"
#include "monitor/configs.h"
#include "monitor/devices.h"
#include "monitor/handlers.h"
#include "monitor/log.h"
#include "monitor/sequences.h"
#include "monitor/stop_image.h"
#include "monitor/util.h"
#include "words/words.h"

enum { TIMEOUT_S = 60 };

const char *param(const json_t *params, const char *key)
{
    return json_string_value(json_object_get(params, key));
}

bool param_bool(const json_t *params, const char *key, bool missing)
{
    const char *value = param(params, key);

    return value ? word_bool(value) == 1 : missing;
}

int param_timeout(const json_t *params)
{
    const char *value = param(params, "timeout");

    return value ? parse_seconds(value) : TIMEOUT_S;
}

void refuse(struct call *call, struct failure *failure)
{
    call_failure(call, failure);
    failure_free(failure);
}

static json_t *operation_object(const struct operation *operation)
{
    json_t *object = json_pack("{s:s}", "name", operation_name(operation));

    if (operation->total) {
        json_object_set_new(object, "done", json_integer((json_int_t)operation->done));
        json_object_set_new(object, "total", json_integer((json_int_t)operation->total));
    }
    if (operation->pass)
        json_object_set_new(object, "pass", json_integer((json_int_t)operation->pass));
    return object;
}

/* Commands, in the order of commands.def */

static void cmd_help(struct vm *vm, struct call *call, const json_t *params)
{
    json_t *object = json_object();

    for (size_t i = 0; i < COMMAND_COUNT; i++)
        json_object_set_new(object, command_table[i].name, json_string(command_table[i].help));
    call_result(call, object);
}

/* For how long the domain has been there, and what it has used of the host's processors. */
static void add_times(json_t *status, const struct vm *vm, const struct domain_info *info)
{
    long long uptime = vm->store ? home_uptime(vm->store, vm->uuid) : -1;

    if (uptime >= 0)
        json_object_set_new(status, "uptime", json_integer(uptime));
    json_object_set_new(status, "cpu-time", json_integer((json_int_t)info->cpu_time));
}

static void cmd_status(struct vm *vm, struct call *call, const json_t *params)
{
    struct domain_info info;
    bool there = vm->xch && vm->domid != DOMID_INVALID &&
                 domain_get(vm->xch, vm->domid, vm->uuid_bytes, &info);
    json_t *status = json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:i}", "state", state_name(vm->state), "uuid", vm->uuid, "name",
        vm->name, "memory", (json_int_t)(there ? (long long)info.memory : vm->config->memory),
        "vcpus", (json_int_t)(there ? (long long)info.vcpus : vm->config->vcpus), "pid",
        (int)getpid());

    if (vm->domid != DOMID_INVALID)
        json_object_set_new(status, "domid", json_integer(vm->domid));
    if (there)
        add_times(status, vm, &info);
    if (vm->reason)
        json_object_set_new(status, "reason", json_string(vm->reason));
    if (vm->memory.image)
        json_object_set_new(status, "image", json_string(vm->memory.image));
    if (vm->config->kind == CONFIG_ONE_OFF)
        json_object_set_new(status, "one-off", json_string(vm->config->path));
    if (vm->config->kind == CONFIG_FIRST_BOOT && vm->domid != DOMID_INVALID)
        json_object_set_new(status, "first-boot", json_true());
    if (vm->operation)
        json_object_set_new(status, "operation", operation_object(vm->operation));
    call_result(call, status);
}

static void cmd_domid(struct vm *vm, struct call *call, const json_t *params)
{
    char domid[16];

    if (vm->domid == DOMID_INVALID) {
        refuse(call, fail(RPC_WRONG_STATE, "there is no domain yet"));
        return;
    }
    snprintf(domid, sizeof(domid), "%u", vm->domid);
    call_result(call, json_string(domid));
}

static void cmd_pause(struct vm *vm, struct call *call, const json_t *params)
{
    struct failure *failure = domain_pause(vm->xch, vm->domid);

    if (failure) {
        refuse(call, failure);
        return;
    }
    vm_set_state(vm, VM_PAUSED);
    call_result(call, NULL);
}

static void cmd_unpause(struct vm *vm, struct call *call, const json_t *params)
{
    devices_guest_runs(vm);
    struct failure *failure = domain_unpause(vm->xch, vm->domid);
    if (failure) {
        refuse(call, failure);
        return;
    }
    vm_set_state(vm, VM_RUNNING);
    call_result(call, NULL);
}

static void cmd_start(struct vm *vm, struct call *call, const json_t *params)
{
    const char *path = param(params, "config");
    struct vm_config *one_off = NULL;
    struct failure *failure = NULL;

    if (vm->memory.unknown && !param_bool(params, "discard", false))
        failure = memory_unknown(vm);
    else if (path)
        failure = configs_load_one_off(vm, path, &one_off);
    if (failure) {
        refuse(call, failure);
        return;
    }
    struct operation *operation = vm_begin(vm, OP_START, call);
    operation->one_off = one_off;
    if (vm->memory.image)
        log_warning("the memory in %s is given up when the guest runs", vm->memory.image);
    if (stop_image_is(vm, vm->memory.image)) {
        operation->image.path = copy_text(vm->memory.image);
        operation->delete_image = true;
    }
    operation->before = vm_state_at_rest(vm);
    operation->paused = param_bool(params, "paused", false);
    start_domain(vm);
}

static void cmd_shutdown(struct vm *vm, struct call *call, const json_t *params)
{
    vm_begin(vm, OP_SHUTDOWN, call)->timeout = param_timeout(params);
    stop_shutdown(vm, param_bool(params, "force", false));
}

static void cmd_restart(struct vm *vm, struct call *call, const json_t *params)
{
    bool kept = IN(vm->state) & IN_KEPT;

    if (vm->memory.image) { /* of a suspend whose domain did not go away */
        refuse(call, fail(RPC_FAILED, "the VM's memory is in %s: destroy ends the domain",
                          vm->memory.image));
        return;
    }
    vm_begin(vm, OP_RESTART, call)->timeout = param_timeout(params);
    stop_restart(vm, kept || param_bool(params, "force", false));
}

static void cmd_destroy(struct vm *vm, struct call *call, const json_t *params)
{
    stop_destroy(vm, call);
}

static void begin_save(struct vm *vm, struct call *call, const json_t *params,
                       enum operation_kind kind)
{
    struct failure *failure = devices_check_save(vm);

    if (failure) {
        refuse(call, failure);
        return;
    }
    struct operation *operation = vm_begin(vm, kind, call);

    operation->image.path = copy_text(param(params, "file"));
    operation->live = param_bool(params, "live", false);
    operation->overwrite = param_bool(params, "overwrite", false);
    operation->timeout = param_timeout(params);
    save_begin(vm);
}

static void cmd_suspend(struct vm *vm, struct call *call, const json_t *params)
{
    begin_save(vm, call, params, OP_SUSPEND);
}

static void cmd_checkpoint(struct vm *vm, struct call *call, const json_t *params)
{
    begin_save(vm, call, params, OP_CHECKPOINT);
}

static void cmd_restore(struct vm *vm, struct call *call, const json_t *params)
{
    const char *file = param(params, "file");

    if (!file && !vm->memory.image) {
        refuse(call,
               fail(RPC_INVALID_PARAMS, "no image holds the VM's memory: restore needs file="));
        return;
    }
    struct operation *operation = vm_begin(vm, OP_RESTORE, call);

    operation->image.path = copy_text(file ? file : vm->memory.image);
    operation->paused = param_bool(params, "paused", false);
    operation->delete_image = param_bool(params, "delete", true);
    operation->force = param_bool(params, "force", false);
    restore_begin(vm);
}

static void cmd_stop(struct vm *vm, struct call *call, const json_t *params)
{
    if (vm->stopping)
        refuse(call, fail_with(fail(RPC_BUSY, "busy with stop"), "operation", json_string("stop")));
    else
        stop_as_configured(vm, call);
}

static void cmd_quit(struct vm *vm, struct call *call, const json_t *params)
{
    if (vm->operation) {
        struct failure *failure = fail(RPC_BUSY, "busy with %s", operation_name(vm->operation));

        refuse(call, fail_with(failure, "operation", json_string(operation_name(vm->operation))));
        return;
    }
    call_result(call, NULL);
    vm_quit(vm);
}

static void cmd_watch(struct vm *vm, struct call *call, const json_t *params)
{
    if (!call->stream) {
        refuse(call, fail(RPC_INVALID_REQUEST, "watch needs \"stream\": true"));
        return;
    }
    vm_send_state(vm, call);
    call_subscribe(call);
}

static handler *const handlers[COMMAND_COUNT] = {
    [CMD_HELP] = cmd_help,
    [CMD_STATUS] = cmd_status,
    [CMD_DOMID] = cmd_domid,
    [CMD_PAUSE] = cmd_pause,
    [CMD_UNPAUSE] = cmd_unpause,
    [CMD_START] = cmd_start,
    [CMD_SHUTDOWN] = cmd_shutdown,
    [CMD_RESTART] = cmd_restart,
    [CMD_DESTROY] = cmd_destroy,
    [CMD_SUSPEND] = cmd_suspend,
    [CMD_RESTORE] = cmd_restore,
    [CMD_CHECKPOINT] = cmd_checkpoint,
    [CMD_STOP] = cmd_stop,
    [CMD_QUIT] = cmd_quit,
    [CMD_READ_CONFIG] = cmd_read_config,
    [CMD_GET] = cmd_get,
    [CMD_SET] = cmd_set,
    [CMD_UNSET] = cmd_unset,
    [CMD_CONFIG] = cmd_config,
    [CMD_WATCH] = cmd_watch,
    [CMD_CONSOLE] = cmd_console,
    [CMD_VCPU_SET] = cmd_vcpu_set,
    [CMD_SET_MEM_TARGET] = cmd_set_mem_target,
    [CMD_PCI_LIST] = cmd_pci_list,
    [CMD_PCI_ADD] = cmd_pci_add,
    [CMD_PCI_DEL] = cmd_pci_del,
    [CMD_DISK_LIST] = cmd_disk_list,
    [CMD_DISK_ADD] = cmd_disk_add,
    [CMD_DISK_DEL] = cmd_disk_del,
    [CMD_NIC_LIST] = cmd_nic_list,
    [CMD_NIC_ADD] = cmd_nic_add,
    [CMD_NIC_DEL] = cmd_nic_del,
    [CMD_NIC_NETWORK_SWITCH] = cmd_nic_network_switch,
    [CMD_CD_INSERT_FILE] = cmd_cd_insert_file,
    [CMD_CD_INSERT_REAL] = cmd_cd_insert_real,
    [CMD_CD_EJECT] = cmd_cd_eject,
    [CMD_GET_VNC] = cmd_get_vnc,
    [CMD_SCREENSHOT] = cmd_screenshot,
    [CMD_SENDKEY] = cmd_sendkey,
    [CMD_TRIGGER] = cmd_trigger,
    [CMD_S3SUSPEND] = cmd_s3suspend,
    [CMD_S4SUSPEND] = cmd_s4suspend,
    [CMD_GET_ACPI_STATE] = cmd_get_acpi_state,
    [CMD_GET_STUBDOMID] = cmd_get_stubdomid,
};

/* Dispatch */

static struct failure *check_value(const struct command_arg *arg, const char *value)
{
    switch (arg->type) {
    case ARG_BOOL:
        if (word_bool(value) < 0)
            return fail(RPC_INVALID_PARAMS, "%s: '%s' is neither true nor false", arg->name, value);
        break;
    case ARG_SECONDS:
        if (parse_seconds(value) < 0)
            return fail(RPC_INVALID_PARAMS, "%s: '%s' is not a number of seconds from 1 to 86400",
                        arg->name, value);
        break;
    case ARG_NUMBER:
        if (parse_number(value) < 0)
            return fail(RPC_INVALID_PARAMS, "%s: '%s' is not a whole number", arg->name, value);
        break;
    case ARG_TEXT:
        if (!is_argument_text(value))
            return fail(RPC_INVALID_PARAMS,
                        "%s: is empty, longer than %d bytes or has a control character in it",
                        arg->name, ARG_TEXT_MAX);
        break;
    case ARG_PATH:
        if (value[0] != '/' || strlen(value) >= 4096)
            return fail(RPC_INVALID_PARAMS, "%s: '%s' is not an absolute path", arg->name, value);
        break;
    }
    return NULL;
}

static const struct command_arg *find_arg(const struct command_info *command, const char *name)
{
    for (size_t i = 0; i < MAX_ARGS && command->args[i].name; i++)
        if (!strcmp(command->args[i].name, name))
            return &command->args[i];
    return NULL;
}

static struct failure *check_params(const struct command_info *command, const json_t *params)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)params, key, value)
    {
        const struct command_arg *arg = find_arg(command, key);
        struct failure *failure;

        if (!arg)
            return fail(RPC_INVALID_PARAMS, "%s has no argument '%s'", command->name, key);
        failure = check_value(arg, json_string_value(value));
        if (failure)
            return failure;
    }
    for (size_t i = 0; i < MAX_ARGS && command->args[i].name; i++)
        if (command->args[i].required && !param(params, command->args[i].name))
            return fail(RPC_INVALID_PARAMS, "%s needs %s=", command->name, command->args[i].name);
    return NULL;
}

static struct failure *wrong_state(const struct vm *vm, const struct command_info *command,
                                   unsigned int states)
{
    char *needs = state_list(states);
    struct failure *failure = fail(RPC_WRONG_STATE, "the VM is %s; %s needs it %s",
                                   state_name(vm->state), command->name, needs);
    json_t *array = json_array();

    for (int state = 0; state < VM_STATE_COUNT; state++)
        if (states & IN(state))
            json_array_append_new(array, json_string(state_name((enum vm_state)state)));
    fail_with(failure, "state", json_string(state_name(vm->state)));
    fail_with(failure, "needs", array);
    free(needs);
    return failure;
}

/*
 * destroy alone goes over another operation, but not over one that is all but done. stop waits for
 * its end.
 */
static bool is_busy(const struct vm *vm, enum command_id id)
{
    const struct operation *operation = vm->operation;

    if (!operation || !(command_table[id].flags & CMD_LONG) || id == CMD_STOP)
        return false;
    return id != CMD_DESTROY || operation->kind == OP_DESTROY || operation->image_done;
}

static struct failure *check_state(const struct vm *vm, enum command_id id, const json_t *params)
{
    const struct command_info *command = &command_table[id];
    unsigned int states = command->states;

    if (is_busy(vm, id)) {
        const char *name = operation_name(vm->operation);
        struct failure *failure = fail(RPC_BUSY, "busy with %s", name);

        return fail_with(failure, "operation", json_string(name));
    }
    if (param_bool(params, "force", false) || param_bool(params, "discard", false))
        states |= command->force_states;
    if (!(states & IN(vm->state)))
        return wrong_state(vm, command, states);
    return NULL;
}

/* Whether a command can't do its work without Xen. */
static bool needs_xen(const struct command_info *command)
{
    return command->states != IN_ANY;
}

static struct failure *check(struct vm *vm, const struct command_info *command,
                             const json_t *params)
{
    struct failure *failure = check_params(command, params);

    if (!failure && needs_xen(command))
        failure = vm_need_xen(vm);
    if (!failure && vm->xch)
        vm_refresh(vm);
    if (!failure)
        failure = check_state(vm, (enum command_id)(command - command_table), params);
    return failure;
}

void command_run(struct vm *vm, struct call *call, const char *method, const json_t *params)
{
    const struct command_info *command = command_find(method);

    if (!command) {
        refuse(call, fail(RPC_METHOD_NOT_FOUND, "no command '%s'; 'help' lists them", method));
        return;
    }
    log_trace("command %s", command->name);
    struct failure *failure = access_check(vm->access, call_socket(call), command, params);
    if (!failure)
        failure = check(vm, command, params);
    if (failure)
        refuse(call, failure);
    else
        handlers[command - command_table](vm, call, params);
}

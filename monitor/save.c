/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/configs.h"
#include "monitor/device_model.h"
#include "monitor/devices.h"
#include "monitor/guest.h"
#include "monitor/log.h"
#include "monitor/model_state.h"
#include "monitor/sequences.h"
#include "monitor/util.h"
#include "monitor/xl_config.h"

enum { RESUME_TRIES = 3 };

/* The guest as it is now, which need not be what the configuration says by now. */
static void measure(struct vm *vm, struct domain_plan *plan)
{
    struct domain_info info;

    plan->memory = (unsigned long long)vm->config->memory;
    plan->memory_max = (unsigned long long)vm->config->memory_max;
    plan->vcpus = (unsigned int)vm->config->vcpus;
    if (domain_get(vm->xch, vm->domid, vm->uuid_bytes, &info)) {
        if (info.memory > plan->memory)
            plan->memory = info.memory;
        if (info.vcpus > plan->vcpus)
            plan->vcpus = info.vcpus;
    }
    if (plan->memory_max < plan->memory)
        plan->memory_max = plan->memory;
}

/* The directory part of an absolute path. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return text("%.*s", slash > path ? (int)(slash - path) : 1, path);
}

static const char *base_of(const char *path)
{
    return strrchr(path, '/') + 1;
}

/* Opens the directory and a new file in it; fds[0] is the file. */
static struct failure *open_image(struct vm *vm, int fds[2])
{
    struct operation *operation = vm->operation;
    struct image *image = &operation->image;
    char *directory = directory_of(image->path);
    struct failure *failure = NULL;
    struct stat st = { 0 };

    fds[1] = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fds[1] < 0) {
        failure =
            fail(RPC_FAILED, "cannot write %s: %s: %s", image->path, directory, strerror(errno));
    } else if (!*base_of(image->path) ||
               (!lstat(image->path, &st) && (!S_ISREG(st.st_mode) || !operation->overwrite))) {
        failure = fail(RPC_FAILED, "cannot write %s: %s", image->path,
                       *base_of(image->path) && S_ISREG(st.st_mode)
                           ? "the file exists (overwrite=true replaces it)"
                           : "not a regular file");
    } else {
        image->temporary = text("%s.%.8s", image->path, image->token);
        vm_set_state(vm, vm->state); /* on record before the file exists */
        memory_note_writing(vm, image->temporary);
        fds[0] = open(image->temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fds[0] < 0 || fstat(fds[0], &st) < 0)
            failure = fail(RPC_FAILED, "cannot write %s: %s", image->path, strerror(errno));
        image->device = st.st_dev;
        image->inode = st.st_ino;
    }
    if (failure && fds[1] >= 0)
        close(fds[1]);
    free(directory);
    return failure;
}

static void order_save(struct vm *vm, struct message *order)
{
    struct operation *operation = vm->operation;
    struct image *image = &operation->image;
    char *config = xl_config(vm, &operation->plan);
    const struct memory memory = { operation->generation, image->path, image->temporary,
                                   configs_record(vm), false };

    message_start(order, "save");
    message_add_number(order, "domid", vm->domid);
    message_add(order, "path", image->path);
    message_add(order, "temporary", base_of(image->temporary));
    message_add(order, "final", base_of(image->path));
    message_add_number(order, "overwrite", operation->overwrite);
    message_add_number(order, "live", operation->live);
    message_add(order, "uuid", vm->uuid);
    message_add(order, "name", vm->name);
    message_add(order, "token", image->token);
    message_add_number(order, "generation", operation->generation);
    message_add_number(order, "checkpoint", operation->kind == OP_CHECKPOINT);
    if (operation->kind == OP_SUSPEND)
        memory_order(vm, order, &memory);
    message_add(order, "type", guest_type_name(vm->config->type));
    message_add_number(order, "memory", operation->plan.memory);
    message_add_number(order, "memory-max", operation->plan.memory_max);
    message_add_number(order, "vcpus", operation->plan.vcpus);
    message_add(order, "xl-config", config);
    json_decref(memory.config);
    free(config);
}

/* The guest goes on */

static void go_on(struct vm *vm);

/* A worker that died may have died before or after Xen let the guest go on. */
static bool still_stopped(const struct vm *vm)
{
    struct domain_info info;

    return domain_get(vm->xch, vm->domid, vm->uuid_bytes, &info) && info.ended;
}

static void resumed(struct vm *vm, const struct message *done, struct failure *problem)
{
    struct operation *operation = vm->operation;
    struct failure *failure = operation->failure;

    if (problem && operation->guest_stopped && !still_stopped(vm)) {
        failure_free(problem);
        problem = NULL;
    } else if (problem && operation->guest_stopped && ++operation->resume_tries < RESUME_TRIES) {
        log_error("%s", problem->text);
        failure_free(problem);
        go_on(vm);
        return;
    }
    operation->failure = NULL;
    if (!problem && operation->guest_stopped)
        problem = store_resume(vm->store, vm->domid);
    if (problem) {
        log_error("%s", problem->text);
        if (failure)
            failure_free(problem);
        else
            failure = problem;
    }
    if (model_state_matters(vm))
        model_state_go_on(vm, operation->model_logs);
    /* A guest that can't be woken is kept, for destroy or restart to deal with. */
    vm_set_state(vm, problem && operation->guest_stopped ? VM_CRASHED : VM_RUNNING);
    device_model_check(vm); /* Xen took no notice while the guest stood still */
    vm_finish(vm, failure);
}

static void go_on(struct vm *vm)
{
    static struct message order;
    const struct child_handlers handlers = { .done = resumed };
    struct operation *operation = vm->operation;
    const struct memory memory = { .generation = vm->memory.generation + 1 };

    message_start(&order, "resume");
    message_add_number(&order, "domid", vm->domid);
    message_add_number(&order, "suspended", operation->guest_stopped);
    message_add_number(&order, "live", operation->live);
    if (memory_is_named(vm))
        memory_order(vm, &order, &memory);
    struct failure *failure = vm_start_child(vm, &order, NULL, 0, &handlers);
    if (failure)
        resumed(vm, NULL, failure);
}

void save_resume(struct vm *vm, bool stopped, bool live)
{
    struct operation *operation = vm_begin(vm, OP_RESUME, NULL);

    operation->guest_stopped = stopped;
    operation->live = live;
    vm_set_state(vm, VM_SUSPENDING);
    go_on(vm);
}

/* The image is done, or not */

static void rest_suspended(struct vm *vm)
{
    vm_set_reason(vm, "suspend");
    vm_set_state(vm, VM_SUSPENDED);
    vm_finish(vm, NULL);
}

static void saved(struct vm *vm, const struct message *done, struct failure *failure)
{
    struct operation *operation = vm->operation;

    if (!done && !operation->failure && image_is_whole(&operation->image)) {
        log_warning("%s, but %s is whole", failure->text, operation->image.path);
        failure_free(failure);
    } else if (!done) {
        if (operation->failure) /* why the worker was ended, or what the guest refused */
            failure_free(failure);
        else
            operation->failure = failure;
        guest_forget(vm, true);
        devices_cancel(vm);
        image_discard(&operation->image);
        go_on(vm);
        return;
    } else {
        log_trace("%s is written, %llu bytes", operation->image.path,
                  message_number(done, "bytes", 0));
    }
    operation->image_done = true;
    if (operation->kind == OP_SUSPEND)
        memory_set(vm, operation->generation, operation->image.path, configs_record(vm));
    vm_set_state(vm, vm->state); /* for the record */
    if (operation->kind == OP_CHECKPOINT)
        go_on(vm);
    else
        tear_down(vm, rest_suspended);
}

void save_conclude(struct vm *vm, struct image *image)
{
    struct operation *operation = vm_begin(vm, OP_SUSPEND, NULL);

    operation->image = *image;
    memset(image, 0, sizeof(*image));
    operation->image_done = true;
    vm_set_state(vm, VM_SUSPENDING);
    tear_down(vm, rest_suspended);
}

void save_withdraw(struct vm *vm, const struct image *image)
{
    if (!image->temporary)
        return;
    image_withdraw(image);
    memory_forget(vm);
}

static void tell_worker(struct vm *vm, const char *verb)
{
    static struct message answer;

    message_start(&answer, verb);
    child_send(vm->child, &answer);
}

/* What the worker waits for has come to pass, or not. It may have died meanwhile, and the rest. */
static void answer_worker(struct vm *vm, struct failure *failure, const char *verb)
{
    struct operation *operation = vm->operation;

    if (!operation || operation->failure || !vm->child) {
        failure_free(failure);
        return;
    }
    operation->failure = failure;
    tell_worker(vm, failure ? "refused" : verb);
}

static void model_saved(struct vm *vm, struct failure *failure)
{
    answer_worker(vm, failure, "suspended");
}

static void log_switched(struct vm *vm, struct failure *failure)
{
    answer_worker(vm, failure, "switched");
}

static void suspend_asked(struct vm *vm, unsigned int reason, struct failure *failure)
{
    struct operation *operation = vm->operation;

    if (!failure && reason != SHUTDOWN_suspend)
        failure = guest_ended_instead(reason);
    operation->guest_stopped = !failure;
    vm_set_state(vm, vm->state); /* for the record */
    if (!failure && model_state_matters(vm))
        model_state_save(vm, operation->model_fd, model_saved);
    else
        model_saved(vm, failure);
}

static void devices_joined(struct vm *vm, struct failure *failure);

/* Its drivers are to be done with its devices first; one without any refuses. */
static void ask_guest(struct vm *vm)
{
    if (guest_has_drivers(vm, "suspend"))
        devices_join(vm, devices_joined);
    else
        devices_joined(vm, NULL);
}

static void devices_joined(struct vm *vm, struct failure *failure)
{
    if (failure)
        ask_guest(vm); /* a device that did not go when it was asked is one that stays */
    else if (!vm->operation->failure)
        guest_ask(vm, "suspend", vm->operation->timeout, suspend_asked);
    failure_free(failure);
}

static void switch_log(struct vm *vm, bool enable)
{
    vm->operation->model_logs = enable; /* until it goes on, at the latest */
    model_state_log_dirty(vm, enable, log_switched);
}

/* The worker has come to where the guest must stop, or its device model tell what it writes. */
static void on_worker(struct vm *vm, const struct message *message)
{
    const char *verb = message_verb(message);
    bool expected = !vm->request.what && !vm->operation->failure;

    if (expected && !strcmp(verb, "suspend"))
        ask_guest(vm);
    else if (expected && !strcmp(verb, "log-dirty") && model_state_matters(vm))
        switch_log(vm, message_number(message, "enable", 0) != 0);
    else
        child_kill(vm->child);
}

void save_begin(struct vm *vm)
{
    static struct message order;
    const struct child_handlers handlers = { on_worker, saved };
    struct operation *operation = vm->operation;
    uuid_t token;
    int fds[3] = { -1, -1, -1 };

    operation->image.token = need(malloc(UUID_STR_LEN));
    uuid_generate(token);
    uuid_unparse_lower(token, operation->image.token);
    operation->generation = vm->memory.generation + 1;
    struct failure *failure = open_image(vm, fds);
    if (failure) {
        vm_finish(vm, failure);
        return;
    }
    measure(vm, &operation->plan);
    vm_set_state(vm, VM_SUSPENDING);
    order_save(vm, &order);
    size_t count = 2;
    if (model_state_matters(vm) && !(failure = model_state_open(vm, &fds[2])))
        count = 3;
    if (!failure)
        failure = vm_start_child(vm, &order, fds, count, &handlers);
    else
        while (count > 0)
            close(fds[--count]);
    if (failure) {
        image_discard(&operation->image);
        vm_set_state(vm, operation->before);
        vm_finish(vm, failure);
    }
}

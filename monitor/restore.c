/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/log.h"
#include "monitor/model_state.h"
#include "monitor/sequences.h"

enum { MEMORY_LIMIT_MIB = 16 * 1024 * 1024, VCPU_LIMIT = 128 };

/* Adds the image's name to what the worker said of it. */
static struct failure *about_image(const struct vm *vm, struct failure *failure)
{
    struct failure *named =
        fail(failure->code, "cannot restore from %s: %s", vm->operation->image.path, failure->text);

    named->data = failure->data;
    failure->data = NULL;
    failure_free(failure);
    return named;
}

/* Whether it holds the VM's memory still. */
static struct failure *check_memory(struct vm *vm, const struct message *image)
{
    struct operation *operation = vm->operation;
    struct failure *failure = memory_check(vm, image);

    if (!message_number(image, "checkpoint", 0))
        operation->generation = message_number(image, "generation", 0);
    if (!failure || !operation->force)
        return failure;
    log_warning("%s: %s: force=true", operation->image.path, failure->text);
    failure_free(failure);
    return NULL;
}

/* What the worker read in the image: other people's bytes. */
static struct failure *judge(struct vm *vm, const struct message *image, struct domain_plan *plan)
{
    const char *uuid = message_get(image, "uuid");

    if (!uuid || strcasecmp(uuid, vm->uuid) != 0)
        return fail(RPC_FAILED, "it is the image of another VM, %s", uuid ? uuid : "unnamed");
    const char *type = message_get(image, "type");
    if (!type || strcmp(type, guest_type_name(vm->config->type)) != 0)
        return fail(RPC_FAILED, "it holds a guest of type %s, the configuration has type = %s",
                    type ? type : "?", guest_type_name(vm->config->type));
    plan->memory = message_number(image, "memory", 0);
    plan->memory_max = message_number(image, "memory-max", 0);
    unsigned long long vcpus = message_number(image, "vcpus", 0);
    if (plan->memory < 1 || plan->memory > MEMORY_LIMIT_MIB ||
        plan->memory_max > MEMORY_LIMIT_MIB || vcpus < 1 || vcpus > VCPU_LIMIT)
        return fail(RPC_FAILED, "it is damaged: a guest of %llu MiB and %llu vcpus", plan->memory,
                    vcpus);
    plan->vcpus = (unsigned int)vcpus;
    return check_memory(vm, image);
}

static void on_worker(struct vm *vm, const struct message *message)
{
    static struct message answer;
    struct operation *operation = vm->operation;

    if (strcmp(message_verb(message), "image") != 0 || vm->domid != DOMID_INVALID ||
        operation->failure) {
        child_kill(vm->child);
        return;
    }
    operation->failure = judge(vm, message, &operation->plan);
    if (!operation->failure)
        operation->failure = start_create(vm, &operation->plan);
    if (operation->failure) {
        child_kill(vm->child);
        return;
    }
    vm_set_state(vm, VM_RESTORING); /* for the record */
    message_start(&answer, "go");
    start_describe(vm, &operation->plan, &answer);
    child_send(vm->child, &answer);
}

static void restored(struct vm *vm, const struct message *done, struct failure *failure)
{
    struct operation *operation = vm->operation;

    if (!failure) {
        start_finish(vm, done);
        return;
    }
    if (operation->failure) { /* why we ended the worker */
        failure_free(failure);
        failure = operation->failure;
    }
    start_undo(vm, about_image(vm, failure));
}

static struct failure *open_image(const char *path, int *fd)
{
    struct stat st;

    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (*fd < 0 || fstat(*fd, &st) < 0)
        return fail(RPC_FAILED, "%s", strerror(errno));
    if (S_ISREG(st.st_mode))
        return NULL;
    close(*fd);
    return fail(RPC_FAILED, "not a regular file");
}

void restore_begin(struct vm *vm)
{
    static struct message order;
    const struct child_handlers handlers = { on_worker, restored };
    int fds[2];

    struct failure *failure = open_image(vm->operation->image.path, &fds[0]);
    if (!failure && (failure = model_state_open(vm, &fds[1])))
        close(fds[0]);
    if (!failure) {
        vm_set_state(vm, VM_RESTORING);
        message_start(&order, "restore");
        failure = vm_start_child(vm, &order, fds, 2, &handlers);
    }
    if (failure) {
        vm_set_state(vm, vm->operation->before);
        vm_finish(vm, about_image(vm, failure));
    }
}

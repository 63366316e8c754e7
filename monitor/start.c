/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/devices.h"
#include "monitor/log.h"
#include "monitor/plug.h"
#include "monitor/sequences.h"

/* A regular file to read, or -1 with the failure that names it. */
static int open_file(const char *key, const char *path, struct failure **failure)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0 || fstat(fd, &st) < 0) {
        *failure = fail(RPC_FAILED, "%s %s: %s", key, path, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        *failure = fail(RPC_FAILED, "%s %s: not a regular file", key, path);
    } else {
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

/* How many of `fds` are open now; 0 with a failure. */
static size_t open_kernel(const struct vm_config *config, int fds[2], struct failure **failure)
{
    if (!config->kernel) {
        *failure = fail(RPC_FAILED, "kernel: the configuration names none");
        return 0;
    }
    fds[0] = open_file("kernel", config->kernel, failure);
    if (fds[0] < 0)
        return 0;
    if (!config->initrd)
        return 1;
    fds[1] = open_file("initrd", config->initrd, failure);
    if (fds[1] < 0) {
        close(fds[0]);
        return 0;
    }
    return 2;
}

struct failure *start_create(struct vm *vm, struct domain_plan *plan)
{
    struct failure *failure = NULL;
    uint32_t domid;

    memcpy(plan->uuid, vm->uuid_bytes, sizeof(plan->uuid));
    plan->devices = vm->config->pci_count > 0;
    if (plan->memory_max < plan->memory)
        plan->memory_max = plan->memory;
    home_read_peers(vm->store, plan);
    failure = devices_check(vm);
    if (!failure && !vm->config->no_mem_check)
        failure = domain_check_memory(vm->xch, plan);
    if (!failure)
        failure = domain_create(vm->xch, plan, &domid);
    if (failure)
        return failure;
    log_trace("created domain %u", domid);
    vm_set_domain(vm, domid);
    return NULL;
}

void start_describe(const struct vm *vm, const struct domain_plan *plan, struct message *message)
{
    message_add_number(message, "domid", vm->domid);
    message_add_number(message, "memory", plan->memory);
    message_add_number(message, "vcpus", plan->vcpus);
    message_add_number(message, "store-port", plan->store_port);
    message_add_number(message, "store-domid", plan->store_domid);
    message_add_number(message, "console-port", plan->console_port);
    message_add_number(message, "console-domid", plan->console_domid);
}

static void undone(struct vm *vm)
{
    struct failure *failure = vm->operation->failure;

    vm->operation->failure = NULL;
    vm_set_state(vm, vm->operation->before);
    vm_finish(vm, failure);
}

void start_undo(struct vm *vm, struct failure *failure)
{
    vm->operation->failure = failure;
    tear_down(vm, undone);
}

/* The domain runs from the image: its memory is there again, and not in the image any more. */
static void spend_image(const struct operation *operation)
{
    if (operation->kind == OP_RESTORE && operation->delete_image &&
        unlink(operation->image.path) < 0)
        log_warning("cannot remove %s: %s", operation->image.path, strerror(errno));
}

struct failure *start_let_run(struct vm *vm)
{
    struct operation *operation = vm->operation;
    struct failure *failure = NULL;

    /* On record before its first instruction: a new monitor then knows that it is whole. */
    vm_set_state(vm, VM_CREATED);
    if (!operation->paused)
        failure = domain_unpause(vm->xch, vm->domid);
    if (failure)
        return failure;
    image_free(&vm->suspended);
    if (!operation->paused)
        vm_set_state(vm, VM_RUNNING);
    spend_image(operation);
    return NULL;
}

static void devices_started(struct vm *vm, struct failure *failure)
{
    if (!failure)
        failure = start_let_run(vm);
    if (failure)
        start_undo(vm, failure);
    else
        vm_finish(vm, NULL);
}

void start_finish(struct vm *vm, const struct message *done)
{
    struct operation *operation = vm->operation;
    unsigned long store_mfn = message_number(done, "store-mfn", 0);
    unsigned long console_mfn = message_number(done, "console-mfn", 0);

    vm_set_state(vm, VM_CREATING_DEVICES);
    struct failure *failure = home_introduce(vm->store, vm->domid, vm->uuid, vm->name,
                                             &operation->plan, store_mfn, console_mfn);
    if (failure) {
        start_undo(vm, failure);
        return;
    }
    vm_follow(vm); /* its node did not exist before */
    vm_set_reason(vm, NULL);
    devices_start(vm, devices_started);
}

static void built(struct vm *vm, const struct message *done, struct failure *failure)
{
    if (failure)
        start_undo(vm, failure);
    else
        start_finish(vm, done);
}

static struct failure *start_build(struct vm *vm, const int *fds, size_t count)
{
    static struct message order;
    const struct child_handlers handlers = { .done = built };
    const struct vm_config *config = vm->config;

    message_start(&order, "build");
    start_describe(vm, &vm->operation->plan, &order);
    message_add(&order, "kernel", config->kernel);
    if (config->initrd)
        message_add(&order, "initrd", config->initrd);
    message_add(&order, "cmdline", config->cmdline ? config->cmdline : "");
    return vm_start_child(vm, &order, fds, count, &handlers);
}

void start_domain(struct vm *vm)
{
    struct domain_plan *plan = &vm->operation->plan;
    struct failure *failure = NULL;
    int fds[2];

    plug_take_next(vm);
    size_t count = open_kernel(vm->config, fds, &failure);

    if (!failure) {
        plan->memory = (unsigned long long)vm->config->memory;
        plan->memory_max = (unsigned long long)vm->config->memory_max;
        plan->vcpus = (unsigned int)vm->config->vcpus;
        vm_set_state(vm, VM_CREATING_DOMAIN); /* on record before the domain exists */
        failure = start_create(vm, plan);
        if (failure)
            while (count > 0)
                close(fds[--count]);
    }
    if (!failure)
        failure = start_build(vm, fds, count);
    if (failure)
        start_undo(vm, failure);
}

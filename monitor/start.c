/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/cpu.h"
#include "monitor/bootloader.h"
#include "monitor/configs.h"
#include "monitor/devices.h"
#include "monitor/log.h"
#include "monitor/sequences.h"
#include "monitor/unlink.h"
#include "monitor/util.h"

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

/* The files that a guest is built from: the second one may be missing. */
struct parts {
    const char *keys[2];
    const char *names[2]; /* paths, or where else they come from */
    int fds[2];           /* `count` of them are open */
    size_t count;
    const char *cmdline;
};

static void choose_parts(const struct vm_config *config, struct parts *parts)
{
    if (config->type == GUEST_HVM)
        *parts = (struct parts){ .keys = { "firmware", "bios" },
                                 .names = { config->firmware ? config->firmware : XENVM_HVMLOADER,
                                            config->bios ? config->bios : XENVM_BIOS } };
    else
        *parts = (struct parts){ .keys = { "kernel", "initrd" },
                                 .names = { config->kernel, config->initrd },
                                 .cmdline = config->cmdline ? config->cmdline : "" };
}

static void close_parts(struct parts *parts)
{
    while (parts->count > 0)
        close(parts->fds[--parts->count]);
}

static struct failure *open_parts(struct parts *parts)
{
    struct failure *failure = NULL;

    for (size_t i = 0; i < 2 && parts->names[i] && !failure; i++) {
        parts->fds[i] = open_file(parts->keys[i], parts->names[i], &failure);
        if (!failure)
            parts->count++;
    }
    if (failure)
        close_parts(parts);
    return failure;
}

/* An image's memory need not be what the configuration was checked with. */
static struct failure *check_memory(const struct vm *vm, const struct domain_plan *plan)
{
    if (vm->config->type == GUEST_HVM && plan->memory <= (unsigned long long)vm->config->videoram)
        return fail(RPC_FAILED, "videoram: %d MiB is all of the image's %llu MiB",
                    vm->config->videoram, plan->memory);
    return vm->config->no_mem_check ? NULL : domain_check_memory(vm->xch, plan);
}

struct failure *start_create(struct vm *vm, struct domain_plan *plan)
{
    struct failure *failure = NULL;
    uint32_t domid;

    memcpy(plan->uuid, vm->uuid_bytes, sizeof(plan->uuid));
    plan->devices = vm->config->pci_count > 0;
    plan->config = vm->config;
    plan->restoring = vm->operation->kind == OP_RESTORE;
    if (plan->memory_max < plan->memory)
        plan->memory_max = plan->memory;
    home_read_peers(vm->store, plan);
    failure = devices_check(vm);
    if (!failure)
        failure = check_memory(vm, plan);
    if (!failure)
        failure = domain_create(vm->xch, plan, &domid);
    if (failure)
        return failure;
    log_trace("created domain %u", domid);
    vm_set_domain(vm, domid);
    return NULL;
}

static void add_feature(char **list, unsigned int bit, bool present)
{
    char *longer = text("%s %u=%d", *list, bit, present);

    free(*list);
    *list = longer;
}

/*
 * "BIT=0" or "BIT=1" of Xen's featureset for each that is not to be as Xen has it. Where there is
 * one, the library looks at nothing else that says what a processor can do.
 */
static void add_features(struct message *message, const struct vm_config *config)
{
    char *list = copy_text("");
    bool present;

    if (!config->nx)
        add_feature(&list, CPU_FEATURE_NX, false);
    if (!config->pae)
        add_feature(&list, CPU_FEATURE_PAE, false);
    for (size_t i = 0; i < config->cpuid.count; i++) {
        unsigned int bit = cpuid_read(config->cpuid.list[i], &present);

        add_feature(&list, bit, present);
    }
    if (*list && !config->nested) {
        add_feature(&list, CPU_FEATURE_VMX, false);
        add_feature(&list, CPU_FEATURE_SVM, false);
    }
    message_add(message, "features", list);
    free(list);
}

void start_describe(const struct vm *vm, const struct domain_plan *plan, struct message *message)
{
    message_add_number(message, "domid", vm->domid);
    message_add_number(message, "memory", plan->memory);
    message_add_number(message, "memory-max", plan->memory_max);
    message_add_number(message, "vcpus", plan->vcpus);
    message_add_number(message, "cores-per-socket",
                       (unsigned long long)plan->config->cores_per_socket);
    add_features(message, plan->config);
    message_add_number(message, "pae", plan->config->pae);
    message_add_number(message, "nested", plan->config->nested);
    message_add(message, "type", guest_type_name(plan->config->type));
    message_add_number(message, "store-port", plan->store_port);
    message_add_number(message, "store-domid", plan->store_domid);
    message_add_number(message, "console-port", plan->console_port);
    message_add_number(message, "console-domid", plan->console_domid);
}

static void undone(struct vm *vm)
{
    struct failure *failure = vm->operation->failure;

    vm->operation->failure = NULL;
    memory_keep(vm);
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
    int error =
        operation->image.path && operation->delete_image ? unlink_large(operation->image.path) : 0;

    if (error)
        log_warning("cannot remove %s: %s", operation->image.path, strerror(-error));
}

/* Of the images that are void once the guest runs. */
static unsigned long long latest_generation(const struct vm *vm)
{
    unsigned long long known = vm->memory.generation, restored = vm->operation->generation;

    return restored > known ? restored : known;
}

struct failure *start_let_run(struct vm *vm)
{
    struct operation *operation = vm->operation;
    struct failure *failure = NULL;

    /* On record before its first instruction: a new monitor then knows that it is whole. */
    vm_set_state(vm, VM_CREATED);
    if (!operation->paused) {
        devices_guest_runs(vm);
        failure = domain_unpause(vm->xch, vm->domid);
    }
    if (failure)
        return failure;
    memory_set(vm, latest_generation(vm), NULL, NULL);
    configs_settle(vm);
    if (!operation->paused)
        vm_set_state(vm, VM_RUNNING);
    sleep_prepare(vm);
    spend_image(operation);
    return NULL;
}

static void noted(struct vm *vm, const struct message *done, struct failure *failure)
{
    if (!failure)
        failure = start_let_run(vm);
    if (failure)
        start_undo(vm, failure);
    else
        vm_finish(vm, NULL);
}

/* The VM's memory is in its domain from the next step on. */
static struct failure *note(struct vm *vm)
{
    static struct message order;
    const struct child_handlers handlers = { .done = noted };
    const struct memory memory = { .generation = latest_generation(vm) };

    message_start(&order, "note");
    memory_order(vm, &order, &memory);
    return vm_start_child(vm, &order, NULL, 0, &handlers);
}

static void devices_started(struct vm *vm, struct failure *failure)
{
    if (!failure &&
        (vm->memory.image || vm->memory.unknown || latest_generation(vm) > vm->memory.generation)) {
        failure = note(vm);
        if (!failure)
            return; /* noted() goes on */
    }
    noted(vm, NULL, failure);
}

static struct guest_range range_of(const struct message *done, const char *address,
                                   const char *size)
{
    return (struct guest_range){ message_number(done, address, 0), message_number(done, size, 0) };
}

void start_finish(struct vm *vm, const struct message *done)
{
    struct operation *operation = vm->operation;
    unsigned long store_mfn = message_number(done, "store-mfn", 0);
    unsigned long console_mfn = message_number(done, "console-mfn", 0);

    operation->plan.smbios = range_of(done, "smbios-address", "smbios-size");
    operation->plan.acpi_tables = range_of(done, "acpi-address", "acpi-size");
    vm_set_state(vm, VM_CREATING_DEVICES);
    struct failure *failure = home_introduce(vm->store, vm->domid, vm->uuid, vm->name,
                                             &operation->plan, store_mfn, console_mfn);
    if (failure) {
        start_undo(vm, failure);
        return;
    }
    vm_follow(vm);
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

/* Takes over the parts' descriptors. */
static struct failure *start_build(struct vm *vm, const struct parts *parts)
{
    static struct message order;
    const struct child_handlers handlers = { .done = built };
    const struct vm_config *config = vm->config;

    message_start(&order, "build");
    start_describe(vm, &vm->operation->plan, &order);
    for (size_t i = 0; i < parts->count; i++)
        message_add(&order, parts->keys[i], parts->names[i]);
    if (config->type == GUEST_HVM) {
        message_add_number(&order, "videoram", (unsigned long long)config->videoram);
        message_add_number(&order, "apic", config->apic);
        message_add_number(&order, "smbios-pt", config->smbios_pt);
        message_add_number(&order, "smbios-oem-type-pt",
                           (unsigned long long)config->smbios_oem_type_pt);
        message_add_number(&order, "acpi-pt", config->acpi_pt);
    } else {
        message_add(&order, "cmdline", parts->cmdline);
        message_add_number(&order, "acpi", config->acpi);
    }
    return vm_start_child(vm, &order, parts->fds, parts->count, &handlers);
}

static struct failure *create_and_build(struct vm *vm, struct parts *parts)
{
    struct domain_plan *plan = &vm->operation->plan;

    plan->memory = (unsigned long long)vm->config->memory;
    plan->memory_max = (unsigned long long)vm->config->memory_max;
    plan->vcpus = (unsigned int)vm->config->vcpus;
    vm_set_state(vm, VM_CREATING_DOMAIN); /* on record before the domain exists */
    struct failure *failure = start_create(vm, plan);
    if (!failure)
        return start_build(vm, parts);
    close_parts(parts);
    return failure;
}

/* The bootloader has ended. */
static void loaded(struct failure *failure, void *arg)
{
    struct vm *vm = arg;
    struct boot_parts found = { 0 };

    if (!failure)
        failure = bootloader_take(vm->operation->bootloader, &found);
    if (!failure) {
        struct parts parts = { .keys = { "kernel", "initrd" },
                               .names = { found.origin, found.origin },
                               .fds = { found.fds[0], found.fds[1] },
                               .count = found.count,
                               .cmdline = found.cmdline };

        failure = create_and_build(vm, &parts);
    }
    if (failure)
        start_undo(vm, failure);
}

static struct failure *start_bootloader(struct vm *vm)
{
    vm_set_state(vm, VM_CREATING_DOMAIN);
    return bootloader_start(&vm->operation->bootloader, vm->base, vm->config, loaded, vm);
}

void start_domain(struct vm *vm)
{
    struct failure *failure = configs_take(vm);
    struct parts parts;

    if (!failure && bootloader_wanted(vm->config)) {
        failure = start_bootloader(vm);
    } else if (!failure) {
        choose_parts(vm->config, &parts);
        failure = open_parts(&parts);
        if (!failure)
            failure = create_and_build(vm, &parts);
    }
    if (failure)
        start_undo(vm, failure);
}

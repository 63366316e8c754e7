/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/bootloader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/disk.h"
#include "monitor/process.h"
#include "monitor/script.h"
#include "monitor/util.h"
#include "monitor/vbd.h"

enum { KERNEL, INITRD, CMDLINE, FILES };

struct bootloader {
    struct script *script; /* NULL: it has ended */
    bootloader_ended *ended;
    void *arg;
    char *origin; /* of bootloader NAME */
    int fds[FILES];
    char cmdline[CONFIG_CMDLINE_MAX + 1];
};

/* The arguments of a program, owned. */
struct arguments {
    char **list;
    size_t count;
};

/* Takes over `argument`. */
static void add(struct arguments *arguments, char *argument)
{
    arguments->list =
        need(reallocarray(arguments->list, arguments->count + 2, sizeof(*arguments->list)));
    arguments->list[arguments->count++] = argument;
    arguments->list[arguments->count] = NULL;
}

static void free_arguments(struct arguments *arguments)
{
    for (size_t i = 0; i < arguments->count; i++)
        free(arguments->list[i]);
    free(arguments->list);
}

bool bootloader_wanted(const struct vm_config *config)
{
    return config->type != GUEST_HVM && (config->bootloader || !config->kernel);
}

static bool is_pygrub(const struct vm_config *config)
{
    return !config->bootloader || !strcmp(config->bootloader, "pygrub");
}

/* Why a bootloader can't read a disk, or NULL. */
static const char *unreadable(const struct disk *disk)
{
    if (disk->cipher)
        return "is encrypted";
    if (disk->backend_domid)
        return "is another domain's";
    return NULL;
}

/* The first one has to be readable: that the guest boots from another would be a surprise. */
static struct failure *add_disks(struct arguments *arguments, const struct vm_config *config,
                                 const char *name)
{
    bool any = false;

    for (size_t i = 0; i < config->disk_count; i++) {
        const struct disk *disk = config->disks[i];
        const char *why = unreadable(disk);

        if (!disk->physpath)
            continue;
        if (why && !any)
            return fail(RPC_FAILED, "%s: the first disk, %s, %s: it can't read that", name,
                        disk->physpath, why);
        if (!why)
            add(arguments, text("%s:%s:%s", disk->virtpath, vbd_qemu_format(disk), disk->physpath));
        any = true;
    }
    return any ? NULL : fail(RPC_FAILED, "%s: there is no disk to find a kernel in", name);
}

static void add_option(struct arguments *arguments, const char *option, const char *value)
{
    if (value)
        add(arguments, text("--%s=%s", option, value));
}

static void add_words(struct arguments *arguments, const char *words)
{
    for (const char *word = words ? words : ""; *word;) {
        size_t length = strcspn(word, " \t");

        if (length > 0)
            add(arguments, text("%.*s", (int)length, word));
        word += length + strspn(word + length, " \t");
    }
}

/* As worker/bootloader.h has it. */
static struct failure *make_arguments(struct arguments *arguments, const struct vm_config *config,
                                      const char *name)
{
    add(arguments, copy_text(XENVM_LIBEXECDIR "/xenvm-bootloader"));
    add(arguments, text("%lld", config->bootloader_timeout));
    struct failure *failure = add_disks(arguments, config, name);
    if (failure)
        return failure;
    add(arguments, copy_text("--"));
    add(arguments, copy_text(is_pygrub(config) ? XENVM_PYGRUB : config->bootloader));
    if (is_pygrub(config))
        add(arguments, copy_text("--quiet")); /* there is nobody to choose from its menu */
    add_option(arguments, "kernel", config->kernel);
    add_option(arguments, "ramdisk", config->initrd);
    add_option(arguments, "args", config->cmdline);
    add_words(arguments, config->bootloader_args);
    return NULL;
}

static struct failure *make_files(struct bootloader *bootloader)
{
    static const char *const names[FILES] = { "kernel", "initrd", "cmdline" };

    for (int i = 0; i < FILES; i++) {
        bootloader->fds[i] = process_raise_fd(memfd_create(names[i], MFD_CLOEXEC));
        if (bootloader->fds[i] < 0)
            return fail(RPC_FAILED, "cannot make room for the %s: %s", names[i], strerror(errno));
    }
    return NULL;
}

static void on_ended(struct failure *failure, void *arg)
{
    struct bootloader *bootloader = arg;

    bootloader->script = NULL;
    bootloader->ended(failure, bootloader->arg);
}

static struct failure *start(struct bootloader *bootloader, struct event_base *base,
                             const struct vm_config *config)
{
    const char *name = bootloader->origin + strlen("of ");
    const char *const environment[] = { NULL };
    struct arguments arguments = { 0 };
    struct failure *failure = make_arguments(&arguments, config, name);

    if (!failure)
        failure = make_files(bootloader);
    if (!failure) {
        const struct script_order order = { .argv = (const char *const *)arguments.list,
                                            .environment = environment,
                                            .seconds = (int)config->bootloader_timeout,
                                            .name = name,
                                            .fds = bootloader->fds,
                                            .fd_count = FILES };

        failure = script_start(&bootloader->script, base, &order, on_ended, bootloader);
    }
    free_arguments(&arguments);
    return failure;
}

struct failure *bootloader_start(struct bootloader **result, struct event_base *base,
                                 const struct vm_config *config, bootloader_ended *ended, void *arg)
{
    struct bootloader *bootloader = need(calloc(1, sizeof(*bootloader)));

    bootloader->ended = ended;
    bootloader->arg = arg;
    bootloader->origin =
        text("of bootloader %s", is_pygrub(config) ? "pygrub" : config->bootloader);
    for (int i = 0; i < FILES; i++)
        bootloader->fds[i] = -1;
    struct failure *failure = start(bootloader, base, config);
    if (failure) {
        bootloader_free(bootloader);
        bootloader = NULL;
    }
    *result = bootloader;
    return failure;
}

struct failure *bootloader_take(struct bootloader *bootloader, struct boot_parts *parts)
{
    ssize_t length = pread(bootloader->fds[CMDLINE], bootloader->cmdline, CONFIG_CMDLINE_MAX, 0);
    struct stat initrd;

    if (length < 0 || fstat(bootloader->fds[INITRD], &initrd) < 0)
        return fail(RPC_FAILED, "cannot read what the %s found: %s",
                    bootloader->origin + strlen("of "), strerror(errno));
    parts->origin = bootloader->origin;
    parts->cmdline = bootloader->cmdline;
    parts->count = initrd.st_size > 0 ? 2 : 1;
    for (size_t i = 0; i < parts->count; i++) {
        parts->fds[i] = bootloader->fds[i];
        bootloader->fds[i] = -1;
    }
    return NULL;
}

void bootloader_free(struct bootloader *bootloader)
{
    if (!bootloader)
        return;
    script_cancel(bootloader->script);
    for (int i = 0; i < FILES; i++)
        if (bootloader->fds[i] >= 0)
            close(bootloader->fds[i]);
    free(bootloader->origin);
    free(bootloader);
}

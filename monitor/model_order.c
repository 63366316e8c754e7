/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/model_order.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/disk.h"
#include "config/machine.h"
#include "config/nic.h"
#include "config/pci.h"
#include "config/text.h"
#include "monitor/devices.h"
#include "monitor/model_program.h"
#include "monitor/model_state.h"
#include "monitor/real_disk.h"
#include "monitor/util.h"
#include "monitor/vbd.h"
#include "monitor/vm.h"

/* What disks can say of themselves, in bytes: on the IDE bus, and on the SCSI one. */
enum { IDE_MODEL = 40, IDE_SERIAL = 20, SCSI_VENDOR = 8, SCSI_MODEL = 16, SCSI_SERIAL = 36 };

enum { POINTER_SIZE = sizeof(char *) };

static void __attribute__((format(printf, 2, 3)))
say(struct model_order *order, const char *format, ...)
{
    va_list arguments;
    char *word;

    va_start(arguments, format);
    if (vasprintf(&word, format, arguments) < 0)
        out_of_memory();
    va_end(arguments);
    order->words = need(reallocarray(order->words, order->word_count + 2, POINTER_SIZE));
    order->words[order->word_count++] = word;
    order->words[order->word_count] = NULL;
}

static void say_text(struct model_order *order, const char *name, const char *value)
{
    if (value)
        say(order, "%s=%s", name, value);
}

char *model_socket(const struct vm *vm)
{
    return text("%s/vm-%s.qmp", vm->directory, vm->uuid);
}

char *model_root(const struct vm *vm)
{
    return text("%s/vm-%s.root", vm->directory, vm->uuid);
}

static void say_user(struct model_order *order, const struct vm *vm)
{
    char *root = model_root(vm);

    if (vm->config->qemu_dm_user) {
        say(order, "user=%s", vm->config->qemu_dm_user);
        say(order, "root=%s", root);
    }
    free(root);
}

/* Has the device model get the file as one more descriptor: its number, or -1. */
static int add_file(struct model_order *order, const char *path, int mode)
{
    int fd = process_raise_fd(open(path, mode | O_CLOEXEC));
    int number = MODEL_FIRST_FILE_FD + (int)order->file_count;

    if (fd < 0)
        return -1;
    order->files[order->file_count++] = (struct process_fd){ fd, number };
    return number;
}

/*
 * Where it is. A qemu that begins with a state opens what it writes to only when it has that, and
 * may have no right to then: it gets it open, in both of the modes that it uses.
 */
static struct failure *say_place(struct model_order *order, const struct vm *vm,
                                 const struct disk *disk, const char *path, char **place)
{
    *place = copy_text(path ? path : "");
    if (!path || !disk->writable || !vm->config->qemu_dm_user)
        return NULL;
    int writing = add_file(order, path, O_RDWR), reading = add_file(order, path, O_RDONLY);
    free(*place);
    *place = text("fd:%d:%d", writing, reading);
    return reading < 0 || writing < 0 ? fail(RPC_FAILED, "cannot attach disk %s: %s: %s",
                                             disk->virtpath, path, strerror(errno))
                                      : NULL;
}

static void say_some(struct model_order *order, const char *name, const char *value, int bytes)
{
    if (*value && bytes > 0)
        say(order, "%s=%.*s", name, bytes, value);
}

/* What the next disk says of itself, where that is known; else it says what qemu has it say. */
static void say_real_disk(struct model_order *order, const struct vm *vm, const struct disk *disk)
{
    bool ide = disk->virtpath[0] == 'h';
    struct real_disk real;

    if (!vm->config->diskinfo_pt || disk->phystype != DISK_PHY || disk->cdrom ||
        disk->backend_domid != 0)
        return;
    real_disk_find(disk->physpath, &real);
    say_some(order, "disk-vendor", real.vendor, ide ? 0 : SCSI_VENDOR);
    say_some(order, "disk-model", real.model, ide ? IDE_MODEL : SCSI_MODEL);
    say_some(order, "disk-serial", real.serial, ide ? IDE_SERIAL : SCSI_SERIAL);
}

/* Of the disks that a PC's BIOS knows: hda to hdd are on the IDE bus, sda to sdg on a SCSI one. */
static struct failure *say_disk(struct model_order *order, struct vm *vm, size_t index)
{
    const struct disk *disk = vm->config->disks[index];
    const struct device *device = devices_get(vm, &config_disks, index);
    char *path = device && !vbd_is_qemus(disk) ? device_read(device, "physical-device-path") : NULL;
    char *place;

    if (!vbd_is_emulated(disk)) {
        free(path);
        return NULL;
    }
    struct failure *failure = say_place(order, vm, disk, path ? path : disk->physpath, &place);
    say_real_disk(order, vm, disk);
    say(order, "disk=%s,%s,%s,%s,%s", disk->virtpath, disk->cdrom ? "cdrom" : "disk",
        disk->writable ? "w" : "r", vbd_qemu_format(disk), place);
    free(place);
    free(path);
    return failure;
}

static void say_nic(struct model_order *order, struct vm *vm, size_t index)
{
    const struct nic *nic = vm->config->nics[index];
    const struct device *device = devices_get(vm, &config_nics, index);
    /* A driver domain reaches no interface of qemu's: its cards are for the guest's own drivers. */
    char *mac = device && nic->backend_domid == 0 ? device_read(device, "mac") : NULL;

    if (mac)
        say(order, "nic=%d,%s,%s,vif%u.%d-emu", nic->id, nic->model ? nic->model : "rtl8139", mac,
            vm->domid, nic->id);
    free(mac);
}

static void say_pci(struct model_order *order, const struct pci_device *pci)
{
    char address[PCI_ADDRESS_SIZE];

    pci_address(pci, address);
    say(order, "pci=%s,%s", address, pci->permissive ? "on" : "off");
}

static void say_display(struct model_order *order, const struct vm_config *config)
{
    struct display display;

    display_read(config->display, &display);
    if (!display.vnc)
        return;
    say(order, "vnc=%u", display.port - DISPLAY_PORT_BASE);
    unsigned int last = display.port + DISPLAY_PORTS - 1;
    if (display.use_port_unused)
        say(order, "vnc-to=%u", (last < TCP_PORT_MAX ? last : TCP_PORT_MAX) - DISPLAY_PORT_BASE);
    if (display.keymap[0])
        say(order, "keymap=%s", display.keymap);
}

/* The machine that it emulates. */
static struct failure *say_machine(struct model_order *order, struct vm *vm, const char *program)
{
    static const char *const sounds[] = {
        [SOUND_HDA] = "hda",
        [SOUND_AC97] = "ac97",
        [SOUND_ES1370] = "es1370",
        [SOUND_SB16] = "sb16",
    };
    const struct vm_config *config = vm->config;
    const struct domain_plan *plan = &vm->operation->plan;
    struct failure *failure = NULL;

    say(order, "qmp=%d", MODEL_QMP_FD);
    if (model_program_needs(program, "libseccomp.so"))
        say(order, "seccomp=1");
    say_user(order, vm);
    say(order, "memory=%llu", plan->memory_max - (unsigned long long)config->videoram);
    say(order, "videoram=%d", config->videoram);
    say(order, "vcpus=%u", plan->vcpus);
    say(order, "acpi=%d", config->acpi);
    say_text(order, "kernel", config->kernel);
    say_text(order, "initrd", config->initrd);
    say_text(order, "cmdline", config->cmdline);
    say_text(order, "boot", config->boot);
    say_text(order, "serial", config->serial);
    say_display(order, config);
    if (config->usb)
        say(order, "usb=1");
    if (config->sound != SOUND_NONE)
        say(order, "sound=%s", sounds[config->sound]);
    for (size_t i = 0; i < config->disk_count && !failure; i++)
        failure = say_disk(order, vm, i);
    for (size_t i = 0; i < config->nic_count; i++)
        say_nic(order, vm, i);
    for (size_t i = 0; i < config->pci_count; i++)
        say_pci(order, config->pcis[i]);
    for (size_t i = 0; i < config->extra_hvm.count; i++)
        say(order, "extra=%s", config->extra_hvm.list[i]);
    return failure;
}

struct failure *model_order(struct model_order *order, struct vm *vm)
{
    const char *program;
    struct failure *failure = model_program_find(vm->config->qemu_dm_path, &program);

    *order = (struct model_order){ 0 };
    if (failure)
        return failure;
    say(order, XENVM_LIBEXECDIR "/qemu-dm-wrapper");
    say(order, "name=xenvm-%s", vm->uuid);
    say(order, "domid=%u", vm->domid);
    say(order, "type=%s", guest_type_name(vm->config->type));
    say(order, "program=%s", program);
    if (vm->config->type == GUEST_HVM)
        failure = say_machine(order, vm, program);
    if (model_state_comes(vm))
        say(order, "incoming=%d", MODEL_STATE_FD);
    return failure;
}

void model_order_free(struct model_order *order)
{
    while (order->word_count > 0)
        free(order->words[--order->word_count]);
    free(order->words);
    while (order->file_count > 0)
        close(order->files[--order->file_count].from);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/xl_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/disk.h"
#include "config/nic.h"
#include "monitor/util.h"

/* Bytes: a message to the worker has 16 KiB for this and the rest, a path 4 KiB. */
enum { DEVICES_MAX = 6 * 1024 };

/* xl's strings have no escapes: what would break one is left out. */
static bool is_quotable(const char *text)
{
    return text && !strpbrk(text, "\"\\\n");
}

static void put_string(FILE *out, const char *key, const char *value)
{
    if (is_quotable(value))
        fprintf(out, "%s = \"%s\"\n", key, value);
}

/* xl-disk-configuration(5); the target comes last, and may have commas in it. */
static void put_disk(FILE *out, const struct disk *disk)
{
    static const char *const formats[] = {
        [DISK_PHY] = "raw",   [DISK_FILE] = "raw",    [DISK_AIO] = "raw",
        [DISK_QCOW] = "qcow", [DISK_QCOW2] = "qcow2", [DISK_VHD] = "vhd",
    };

    if (!is_quotable(disk->physpath) || disk->cipher)
        return;
    fprintf(out, " \"format=%s,vdev=%s,access=%s,%s", formats[disk->phystype], disk->virtpath,
            disk->writable ? "rw" : "ro", disk->cdrom ? "devtype=cdrom," : "");
    if (disk->backend_domid)
        fprintf(out, "backend=%u,", disk->backend_domid);
    fprintf(out, "target=%s\",", disk->physpath);
}

/* xl-network-configuration(5). */
static void put_nic(FILE *out, const struct vm *vm, const struct nic *nic)
{
    unsigned char mac[NIC_MAC_SIZE];
    char mac_text[NIC_MAC_TEXT_SIZE];

    nic_mac(nic, vm->uuid_bytes, mac);
    nic_mac_text(mac, mac_text);
    fprintf(out, " \"mac=%s", mac_text);
    if (vm->config->type == GUEST_HVM)
        fprintf(out, ",model=%s", nic->model ? nic->model : "rtl8139");
    if (*nic->bridge)
        fprintf(out, ",bridge=%s", nic->bridge);
    if (nic->backend_domid)
        fprintf(out, ",backend=%u", nic->backend_domid);
    fputs("\",", out);
}

/* What xl's qemu has to be made of, so that the state of ours fits it. */
static void put_machine(FILE *out, const struct vm_config *config)
{
    fprintf(out, "vga = \"stdvga\"\nvideoram = %d\nvnc = %d\nusb = %d\n", config->videoram,
            strncmp(config->display, "vnc", 3) == 0, config->usb);
    if (config->usb)
        fputs("usbdevice = \"tablet\"\n", out);
    fprintf(out, "pae = %d\nacpi = %d\napic = %d\nhpet = %d\nhap = %d\n", config->pae, config->acpi,
            config->apic, config->hpet, config->hap);
    fprintf(out, "viridian = %d\nvpt_align = %d\n", config->viridian, config->vpt_align);
    put_string(out, "boot", config->boot);
    put_string(out, "serial", strcmp(config->serial, "none") != 0 ? config->serial : NULL);
}

char *xl_config(const struct vm *vm, const struct domain_plan *plan)
{
    static const char *const actions[] = {
        [END_DESTROY] = "destroy",
        [END_RESTART] = "restart",
        [END_PRESERVE] = "preserve",
    };
    const struct vm_config *config = vm->config;
    bool is_hvm = config->type == GUEST_HVM;
    char *text = NULL;
    size_t size = 0;
    FILE *out = need(open_memstream(&text, &size));

    put_string(out, "type", guest_type_name(config->type));
    put_string(out, "name", vm->name);
    put_string(out, "uuid", vm->uuid);
    fprintf(out, "memory = %llu\nmaxmem = %llu\nvcpus = %u\n", plan->memory, plan->memory_max,
            plan->vcpus);
    put_string(out, "kernel", config->kernel || is_hvm ? config->kernel : "/");
    put_string(out, "ramdisk", config->initrd);
    put_string(out, "cmdline", config->cmdline);
    put_string(out, "on_poweroff", actions[config->on_halt]);
    put_string(out, "on_reboot", actions[config->on_reboot]);
    put_string(out, "on_crash", actions[config->on_crash]);
    if (is_hvm)
        put_machine(out, config);
    fputs("disk = [", out);
    for (size_t i = 0; i < config->disk_count && ftell(out) < DEVICES_MAX; i++)
        put_disk(out, config->disks[i]);
    fputs(" ]\nvif = [", out);
    for (size_t i = 0; i < config->nic_count && ftell(out) < DEVICES_MAX; i++)
        put_nic(out, vm, config->nics[i]);
    fputs(" ]\n", out);
    if (fclose(out) != 0)
        out_of_memory();
    return text;
}

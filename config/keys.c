/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/keys.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/devices.h"
#include "config/disk.h"
#include "config/nic.h"
#include "config/pci.h"
#include "config/text.h"
#include "words/words.h"

#define BUILT(field) .built = true, .offset = offsetof(struct vm_config, field)

/* xen/xen.h's MAX_GUEST_CMDLINE without the NUL: the field of a PV guest's start_info page. */
enum { CMDLINE_MAX = 1023 };

static const struct config_word actions[] = {
    { "destroy", END_DESTROY },
    { "restart", END_RESTART },
    { "reboot", END_RESTART },
    { "preserve", END_PRESERVE },
    { NULL, 0 },
};

static const struct config_word guest_types[] = {
    { "pv", GUEST_PV },
    { "pvh", GUEST_PVH },
    { "hvm", GUEST_HVM },
    { NULL, 0 },
};

/* clang-format off */
const struct config_key config_keys[] = {
    /* What the VM is. */
    { .name = "uuid", .type = KEY_UUID, .guests = GUEST_ALL, BUILT(uuid),
      .help = "the VM's lasting identity; generated where absent" },
    { .name = "name", .type = KEY_NAME, .guests = GUEST_ALL, BUILT(name),
      .help = "a name for people; the UUID where absent" },
    { .name = "type", .type = KEY_WORD, .guests = GUEST_ALL, .words = guest_types,
      .fallback = "pv", .help = "the kind of guest" },
    { .name = "hvm", .type = KEY_BOOL, .guests = GUEST_ALL, BUILT(hvm), .fallback = "false",
      .help = "a fully virtualised guest; only false is supported yet" },
    { .name = "memory", .type = KEY_INT, .guests = GUEST_ALL, BUILT(memory), .fallback = "256",
      .min = 1, .max = CONFIG_MEMORY_MAX, .unit = "MiB", .help = "memory of the guest" },
    { .name = "memory-max", .type = KEY_INT, .guests = GUEST_ALL, BUILT(memory_max),
      .fallback = "0", .min = 0, .max = CONFIG_MEMORY_MAX, .unit = "MiB",
      .help = "what memory can grow to; 0 is the same as memory" },
    { .name = "no_mem_check", .type = KEY_BOOL, .guests = GUEST_ALL, BUILT(no_mem_check),
      .fallback = "false", .help = "start without asking whether the host has the memory free" },
    { .name = "vcpus", .type = KEY_INT, .guests = GUEST_ALL, BUILT(vcpus), .fallback = "1",
      .min = 1, .max = 128, .help = "virtual CPUs of the guest" },
    { .name = "cores-per-socket", .type = KEY_INT, .guests = GUEST_PVH | GUEST_HVM,
      .fallback = "1", .min = 1, .max = 128, .help = "CPU topology that the guest sees" },
    { .name = "cpuid", .type = KEY_STRING, .guests = GUEST_ALL, .repeatable = true,
      .help = "CPU features to show or hide" },

    /* How it boots. */
    { .name = "kernel", .type = KEY_PATH, .guests = GUEST_ALL, BUILT(kernel),
      .help = "the kernel to boot, a file of the host" },
    { .name = "initrd", .type = KEY_PATH, .guests = GUEST_PV | GUEST_PVH, BUILT(initrd),
      .help = "its initial ramdisk; empty for none" },
    { .name = "cmdline", .type = KEY_STRING, .guests = GUEST_PV | GUEST_PVH, BUILT(cmdline),
      .max = CMDLINE_MAX, .unit = "bytes", .help = "its command line" },
    { .name = "bootloader", .type = KEY_FIELDS, .guests = GUEST_PV | GUEST_PVH,
      .format = "pygrub or an absolute path", .help = "what finds the kernel in the disk" },
    { .name = "bootloader-args", .type = KEY_STRING, .guests = GUEST_PV | GUEST_PVH,
      .help = "arguments of the bootloader" },

    /* How it lives and ends. */
    { .name = "startup", .type = KEY_STARTUP, .guests = GUEST_ALL, BUILT(startup),
      .fallback = "started", .help = "what the monitor does first: started, paused, shutdown, "
      "restore FILE or restore-del FILE" },
    { .name = "on_halt", .type = KEY_WORD, .guests = GUEST_ALL, BUILT(on_halt),
      .words = actions, .fallback = "destroy", .help = "what follows a poweroff by the guest" },
    { .name = "on_reboot", .alias = "on_restart", .type = KEY_WORD, .guests = GUEST_ALL,
      BUILT(on_reboot), .words = actions, .fallback = "restart",
      .help = "what follows a reboot by the guest" },
    { .name = "on_crash", .type = KEY_WORD, .guests = GUEST_ALL, BUILT(on_crash),
      .words = actions, .fallback = "destroy", .help = "what follows a crash of the guest" },
    { .name = "debug", .type = KEY_BOOL, .guests = GUEST_ALL, BUILT(debug), .fallback = "false",
      .help = "trace every operation to a file" },
    { .name = "output", .type = KEY_PATH, .guests = GUEST_ALL, BUILT(output),
      .help = "that file; /tmp/xenvm-debug-UUID where absent" },

    /* Devices. */
    { .name = "disk", .type = KEY_FIELDS, .guests = GUEST_ALL, .repeatable = true,
      .built = true, .devices = &config_disks, .format = DISK_FORMAT,
      .help = "a virtual disk" },
    { .name = "nic", .alias = "vif", .type = KEY_FIELDS, .guests = GUEST_ALL, .repeatable = true,
      .built = true, .devices = &config_nics, .format = NIC_FORMAT,
      .help = "a network card" },
    { .name = "pci", .type = KEY_FIELDS, .guests = GUEST_PV | GUEST_HVM, .repeatable = true,
      .built = true, .devices = &config_pcis, .format = PCI_FORMAT, .help = "a PCI device of the host" },
    { .name = "serial", .type = KEY_FIELDS, .guests = GUEST_HVM,
      .format = "pty, none or tcp:IP:PORT", .help = "where the serial port leads" },
    { .name = "display", .type = KEY_FIELDS, .guests = GUEST_HVM, .fallback = "none",
      .format = "none, sdl, intel or vnc[,use-port-unused=BOOL][,keymap=NAME][,port=NUMBER]",
      .help = "the display" },
    { .name = "videoram", .type = KEY_INT, .guests = GUEST_HVM, .min = 1, .max = 256,
      .unit = "MiB", .fallback = "16", .help = "memory of the video card" },
    { .name = "usb", .type = KEY_BOOL, .guests = GUEST_HVM, .fallback = "false",
      .help = "a USB controller" },
    { .name = "sound", .type = KEY_STRING, .guests = GUEST_HVM, .help = "a sound card" },

    /* The emulated machine. */
    { .name = "boot", .type = KEY_STRING, .guests = GUEST_HVM, .fallback = "cd",
      .help = "order of the boot devices, in letters" },
    { .name = "pae", .type = KEY_BOOL, .guests = GUEST_HVM, .fallback = "true",
      .help = "physical address extension" },
    { .name = "acpi", .type = KEY_BOOL, .guests = GUEST_PVH | GUEST_HVM, .fallback = "true",
      .help = "ACPI tables" },
    { .name = "apic", .type = KEY_BOOL, .guests = GUEST_HVM, .fallback = "true",
      .help = "an APIC" },
    { .name = "nx", .type = KEY_BOOL, .guests = GUEST_HVM, .fallback = "true",
      .help = "no-execute pages" },
    { .name = "viridian", .type = KEY_BOOL, .guests = GUEST_HVM, .fallback = "false",
      .help = "the hypervisor interface that Windows knows" },
    { .name = "nested", .type = KEY_BOOL, .guests = GUEST_HVM, .fallback = "false",
      .help = "virtualisation inside the guest" },
    { .name = "hap", .type = KEY_BOOL, .guests = GUEST_PVH | GUEST_HVM, .fallback = "true",
      .help = "hardware assisted paging" },
    { .name = "hpet", .type = KEY_BOOL, .guests = GUEST_HVM, .fallback = "true",
      .help = "a high precision event timer" },
    { .name = "vpt-align", .type = KEY_BOOL, .guests = GUEST_HVM, .fallback = "true",
      .help = "align periodic timers with each other" },
    { .name = "timer-mode", .type = KEY_INT, .guests = GUEST_HVM, .min = 0, .max = 3,
      .fallback = "1", .help = "what becomes of missed timer ticks" },
    { .name = "timeoffset", .type = KEY_STRING, .guests = GUEST_HVM, .fallback = "0",
      .help = "the guest clock's distance from UTC, in seconds" },
    { .name = "platform", .type = KEY_FIELDS, .guests = GUEST_HVM, .repeatable = true,
      .format = "key=value", .help = "an entry of the guest's platform folder in xenstore" },

    /* Pieces of the host handed to the guest. */
    { .name = "smbios-pt", .type = KEY_BOOL, .guests = GUEST_HVM, .fallback = "false",
      .help = "show the host's SMBIOS tables" },
    { .name = "smbios-oem-type-pt", .type = KEY_INT, .guests = GUEST_HVM, .min = 0, .max = 255,
      .help = "number of the SMBIOS OEM tables to show" },
    { .name = "acpi-pt", .type = KEY_BOOL, .guests = GUEST_HVM, .fallback = "false",
      .help = "show the host's ACPI tables" },
    { .name = "diskinfo-pt", .type = KEY_BOOL, .guests = GUEST_HVM, .fallback = "false",
      .help = "show the real disk's model and serial number" },
    { .name = "power-management", .type = KEY_INT, .guests = GUEST_HVM, .min = 1, .max = 2,
      .help = "1 hands power management to the guest, 2 does not" },
    { .name = "oem-features", .type = KEY_INT, .guests = GUEST_HVM, .min = 0, .max = INT_MAX,
      .fallback = "0", .help = "features of the host's maker to hand to the guest" },
    { .name = "inject-sci", .type = KEY_INT, .guests = GUEST_HVM, .min = 0, .max = 1,
      .fallback = "0", .help = "hand lid and power button events to the guest" },
    { .name = "pci-msitranslate", .type = KEY_INT, .guests = GUEST_PV | GUEST_HVM,
      BUILT(pci_msitranslate), .min = 0, .max = 1, .fallback = "1",
      .help = "translate MSI to INTx for passed through devices" },
    { .name = "pci-power-management", .type = KEY_INT, .guests = GUEST_PV | GUEST_HVM,
      BUILT(pci_power_management), .min = 0, .max = 1, .fallback = "0",
      .help = "power states of passed through devices" },

    /* The device model. */
    { .name = "extra-hvm", .type = KEY_FIELDS, .guests = GUEST_HVM, .repeatable = true,
      .format = "key=value", .help = "a further argument of the device model, -key value" },
    { .name = "qemu-dm-path", .type = KEY_PATH, .guests = GUEST_HVM,
      .help = "the device model's program" },
    { .name = "qemu-dm-timeout", .type = KEY_INT, .guests = GUEST_HVM, .min = 1, .max = 3600,
      .unit = "seconds", .fallback = "30", .help = "how long it may take to get ready" },
};
/* clang-format on */

const size_t config_key_count = sizeof(config_keys) / sizeof(config_keys[0]);

/* What other toolstacks call a key, too far off for the edit distance to see. */
static const struct {
    const char *other, *ours;
} other_names[] = {
    { "builder", "hvm" },    { "extra", "cmdline" },       { "maxmem", "memory-max" },
    { "ramdisk", "initrd" }, { "on_poweroff", "on_halt" },
};

const struct config_key *config_key_find(const char *name)
{
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];

        if (strcmp(key->name, name) == 0 || (key->alias && strcmp(key->alias, name) == 0))
            return key;
    }
    return NULL;
}

const char *config_key_nearest(const char *name)
{
    struct word_search search = word_search(name);

    for (size_t i = 0; i < sizeof(other_names) / sizeof(other_names[0]); i++) {
        if (strcmp(other_names[i].other, name) == 0)
            return other_names[i].ours;
    }
    for (size_t i = 0; i < config_key_count; i++) {
        word_offer(&search, config_keys[i].name);
        word_offer(&search, config_keys[i].alias);
    }
    return search.nearest;
}

char *config_key_accepts(const struct config_key *key)
{
    switch (key->type) {
    case KEY_BOOL:
        return config_format("true, yes, y or 1, or false, no, n or 0");
    case KEY_INT:
        return config_format("a whole number from %lld to %lld%s%s", key->min, key->max,
                             key->unit ? " " : "", key->unit ? key->unit : "");
    case KEY_STRING:
        if (key->max)
            return config_format("text of at most %lld %s", key->max, key->unit);
        return config_format("text");
    case KEY_PATH:
        return config_format("an absolute path");
    case KEY_NAME:
        return config_format("1 to %d letters, digits and . _ + : @ -, the first one a letter or "
                             "a digit, and not a UUID",
                             (int)CONFIG_NAME_MAX);
    case KEY_UUID:
        return config_format("a UUID, 8-4-4-4-12 hexadecimal digits, not all of them 0");
    case KEY_WORD:
        return config_words_text(key->words);
    case KEY_STARTUP:
        return config_format("started, paused, shutdown, restore FILE or restore-del FILE, where "
                             "FILE is an absolute path");
    case KEY_FIELDS:
        return config_format("%s", key->format);
    }
    abort();
}

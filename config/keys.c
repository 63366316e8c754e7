/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/keys.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/allow.h"
#include "config/cpu.h"
#include "config/devices.h"
#include "config/disk.h"
#include "config/machine.h"
#include "config/nic.h"
#include "config/notify.h"
#include "config/pci.h"
#include "config/text.h"
#include "words/words.h"

#define FIELD(field) .offset = offsetof(struct vm_config, field)

static const struct config_word actions[] = {
    { "destroy", END_DESTROY },
    { "restart", END_RESTART },
    { "reboot", END_RESTART },
    { "preserve", END_PRESERVE },
    { NULL, 0 },
};

static const struct config_word stop_methods[] = {
    { "shutdown", STOP_SHUTDOWN },
    { "suspend", STOP_SUSPEND },
    { "destroy", STOP_DESTROY },
    { "leave", STOP_LEAVE },
    { NULL, 0 },
};

static const struct config_word stop_fallbacks[] = {
    { "destroy", STOP_DESTROY },
    { "suspend", STOP_SUSPEND },
    { NULL, 0 },
};

static const struct config_word sound_cards[] = {
    { "none", SOUND_NONE },     { "hda", SOUND_HDA },   { "ac97", SOUND_AC97 },
    { "es1370", SOUND_ES1370 }, { "sb16", SOUND_SB16 }, { NULL, 0 },
};

static const struct config_word guest_types[] = {
    { "pv", GUEST_PV },
    { "pvh", GUEST_PVH },
    { "hvm", GUEST_HVM },
    { NULL, 0 },
};

/* Powers of two, and no more than CPUID can tell. */
static const struct config_word socket_sizes[] = {
    { "1", 1 },   { "2", 2 },   { "4", 4 },   { "8", 8 },
    { "16", 16 }, { "32", 32 }, { "64", 64 }, { NULL, 0 },
};

/* MiB; qemu makes the next power of two of any other, which is more than the guest gave up. */
static const struct config_word video_sizes[] = {
    { "1", 1 },   { "2", 2 },   { "4", 4 },     { "8", 8 },     { "16", 16 },
    { "32", 32 }, { "64", 64 }, { "128", 128 }, { "256", 256 }, { NULL, 0 },
};

/* clang-format off */
const struct config_key config_keys[] = {
    /* What the VM is. */
    { .name = "uuid", .type = KEY_UUID, .guests = GUEST_ALL, .identity = true, FIELD(uuid),
      .help = "the VM's lasting identity; generated where absent" },
    { .name = "name", .type = KEY_NAME, .guests = GUEST_ALL, .identity = true, FIELD(name),
      .help = "a name for people; the UUID where absent" },
    { .name = "type", .type = KEY_WORD, .guests = GUEST_ALL, FIELD(type), .words = guest_types,
      .fallback = "pv", .help = "the kind of guest" },
    { .name = "hvm", .type = KEY_BOOL, .guests = GUEST_ALL, FIELD(hvm), .fallback = "false",
      .help = "the same as type = hvm" },
    { .name = "memory", .type = KEY_INT, .guests = GUEST_ALL, FIELD(memory), .fallback = "256",
      .min = 1, .max = CONFIG_MEMORY_MAX, .unit = "MiB", .help = "memory of the guest" },
    { .name = "memory-max", .type = KEY_INT, .guests = GUEST_ALL, FIELD(memory_max),
      .fallback = "0", .min = 0, .max = CONFIG_MEMORY_MAX, .unit = "MiB",
      .help = "what memory can grow to; 0 is the same as memory" },
    { .name = "no_mem_check", .type = KEY_BOOL, .guests = GUEST_ALL, FIELD(no_mem_check),
      .fallback = "false", .help = "start without asking whether the host has the memory free" },
    { .name = "vcpus", .type = KEY_INT, .guests = GUEST_ALL, FIELD(vcpus), .fallback = "1",
      .min = 1, .max = 128, .help = "virtual CPUs of the guest" },
    { .name = "cores-per-socket", .type = KEY_WORD, .guests = GUEST_PVH | GUEST_HVM,
      FIELD(cores_per_socket), .words = socket_sizes,
      .help = "how many virtual CPUs the guest takes for cores of one processor" },
    { .name = "cpuid", .type = KEY_TEXT, FIELD(cpuid), .guests = GUEST_ALL, .repeatable = true,
      .format = CPUID_FORMAT, .check = cpuid_check,
      .help = "show the guest a feature of its processors, or hide it" },

    /* How it boots. */
    { .name = "kernel", .type = KEY_PATH, .guests = GUEST_ALL, FIELD(kernel),
      .help = "the kernel to boot, a file of the host, or with a bootloader one in the disk" },
    { .name = "initrd", .type = KEY_PATH, .guests = GUEST_ALL, FIELD(initrd),
      .help = "its initial ramdisk; empty for none" },
    { .name = "cmdline", .type = KEY_STRING, .guests = GUEST_ALL, FIELD(cmdline),
      .max = CONFIG_CMDLINE_MAX, .unit = "bytes", .help = "its command line" },
    { .name = "firmware", .type = KEY_PATH, FIELD(firmware), .guests = GUEST_HVM,
      .help = "what the guest's machine starts with; by default Xen's hvmloader" },
    { .name = "bios", .type = KEY_PATH, FIELD(bios), .guests = GUEST_HVM,
      .help = "and what that hands over to; by default SeaBIOS" },
    { .name = "bootloader", .type = KEY_TEXT, FIELD(bootloader), .guests = GUEST_PV | GUEST_PVH,
      .format = "pygrub, an absolute path or nothing", .check = bootloader_check,
      .help = "what finds the kernel in the disk; pygrub where there is no kernel either" },
    { .name = "bootloader-args", .type = KEY_STRING, FIELD(bootloader_args),
      .guests = GUEST_PV | GUEST_PVH, .max = CONFIG_CMDLINE_MAX, .unit = "bytes",
      .help = "arguments of the bootloader, with blanks between them" },
    { .name = "bootloader-timeout", .type = KEY_INT, FIELD(bootloader_timeout),
      .guests = GUEST_PV | GUEST_PVH, .min = 1, .max = 3600, .unit = "seconds", .fallback = "60",
      .help = "how long it may take" },

    /* How it lives and ends. */
    { .name = "startup", .type = KEY_STARTUP, .guests = GUEST_ALL, FIELD(startup),
      .fallback = "started", .help = "what the monitor does first: started, paused, shutdown, "
      "restore FILE or restore-del FILE" },
    { .name = "on_halt", .type = KEY_WORD, .guests = GUEST_ALL, .live = true, FIELD(on_halt),
      .words = actions, .fallback = "destroy", .help = "what follows a poweroff by the guest" },
    { .name = "on_reboot", .alias = "on_restart", .type = KEY_WORD, .guests = GUEST_ALL, .live = true,
      FIELD(on_reboot), .words = actions, .fallback = "restart",
      .help = "what follows a reboot by the guest" },
    { .name = "on_crash", .type = KEY_WORD, .guests = GUEST_ALL, .live = true, FIELD(on_crash),
      .words = actions, .fallback = "destroy", .help = "what follows a crash of the guest" },
    { .name = "stop-method", .type = KEY_WORD, .guests = GUEST_ALL, .live = true, FIELD(stop_method),
      .words = stop_methods, .fallback = "shutdown",
      .help = "what the end of its service and of the host does to a VM that runs" },
    { .name = "stop-timeout", .type = KEY_INT, .guests = GUEST_ALL, .live = true, FIELD(stop_timeout),
      .fallback = "300", .min = 1, .max = 86400, .unit = "seconds",
      .help = "how long the guest has for it" },
    { .name = "stop-fallback", .type = KEY_WORD, .guests = GUEST_ALL, .live = true, FIELD(stop_fallback),
      .words = stop_fallbacks, .fallback = "destroy",
      .help = "what becomes of a guest that does not shut down in that time" },
    { .name = "suspend-dir", .type = KEY_PATH, .guests = GUEST_ALL, .live = true, FIELD(suspend_dir),
      .help = "where a stop suspends to; /var/lib/xenvm/UUID where absent" },
    { .name = "notify", .type = KEY_TEXT, .guests = GUEST_ALL, .live = true, .monitors = true,
      FIELD(notify), .repeatable = true,
      .format = NOTIFY_FORMAT, .check = notify_check,
      .help = "a program that is told what happens to the VM" },
    { .name = "allow", .type = KEY_TEXT, .guests = GUEST_ALL, .live = true, .monitors = true,
      FIELD(allow), .repeatable = true,
      .format = ALLOW_FORMAT, .check = allow_check,
      .help = "commands that others than root may give" },
    { .name = "debug", .type = KEY_BOOL, .guests = GUEST_ALL, .live = true, FIELD(debug), .fallback = "false",
      .help = "trace every operation to a file" },
    { .name = "output", .type = KEY_PATH, .guests = GUEST_ALL, .live = true, FIELD(output),
      .help = "that file; /tmp/xenvm-debug-UUID where absent" },

    /* Devices. */
    { .name = "disk", .type = KEY_FIELDS, .guests = GUEST_ALL, .repeatable = true,
      .devices = &config_disks, .format = DISK_FORMAT,
      .help = "a virtual disk" },
    { .name = "nic", .alias = "vif", .type = KEY_FIELDS, .guests = GUEST_ALL, .repeatable = true,
      .devices = &config_nics, .format = NIC_FORMAT,
      .help = "a network card" },
    { .name = "pci", .type = KEY_FIELDS, .guests = GUEST_PV | GUEST_HVM, .repeatable = true,
      .devices = &config_pcis, .format = PCI_FORMAT, .help = "a PCI device of the host" },
    { .name = "serial", .type = KEY_TEXT, FIELD(serial), .guests = GUEST_HVM, .fallback = "pty",
      .format = SERIAL_FORMAT, .check = serial_check, .help = "where the serial port leads" },
    { .name = "display", .type = KEY_TEXT, FIELD(display), .guests = GUEST_HVM, .fallback = "none",
      .format = DISPLAY_FORMAT, .check = display_check, .help = "the display" },
    { .name = "videoram", .type = KEY_WORD, FIELD(videoram), .guests = GUEST_HVM,
      .words = video_sizes, .fallback = "16", .help = "memory of the video card, in MiB" },
    { .name = "usb", .type = KEY_BOOL, FIELD(usb), .guests = GUEST_HVM, .fallback = "false",
      .help = "a USB controller" },
    { .name = "sound", .type = KEY_WORD, FIELD(sound), .guests = GUEST_HVM, .words = sound_cards,
      .fallback = "none", .help = "a sound card" },

    /* The emulated machine. */
    { .name = "boot", .type = KEY_TEXT, FIELD(boot), .guests = GUEST_HVM, .fallback = "cd",
      .format = "the letters a (floppy), c (disk), d (cdrom) and n (network), each once",
      .check = boot_check, .help = "the devices to boot from, in this order" },
    { .name = "pae", .type = KEY_BOOL, FIELD(pae), .guests = GUEST_HVM, .fallback = "true",
      .help = "physical address extension" },
    { .name = "acpi", .type = KEY_BOOL, FIELD(acpi), .guests = GUEST_PVH | GUEST_HVM, .fallback = "true",
      .help = "ACPI tables" },
    { .name = "apic", .type = KEY_BOOL, FIELD(apic), .guests = GUEST_HVM, .fallback = "true",
      .help = "an APIC" },
    { .name = "nx", .type = KEY_BOOL, FIELD(nx), .guests = GUEST_HVM, .fallback = "true",
      .help = "no-execute pages" },
    { .name = "viridian", .type = KEY_BOOL, FIELD(viridian), .guests = GUEST_HVM, .fallback = "false",
      .help = "the hypervisor interface that Windows knows" },
    { .name = "nested", .type = KEY_BOOL, FIELD(nested), .guests = GUEST_HVM, .fallback = "false",
      .help = "virtualisation inside the guest" },
    { .name = "hap", .type = KEY_BOOL, FIELD(hap), .guests = GUEST_PVH | GUEST_HVM, .fallback = "true",
      .help = "hardware assisted paging" },
    { .name = "hpet", .type = KEY_BOOL, FIELD(hpet), .guests = GUEST_HVM, .fallback = "true",
      .help = "a high precision event timer" },
    { .name = "vpt-align", .type = KEY_BOOL, FIELD(vpt_align), .guests = GUEST_HVM, .fallback = "true",
      .help = "align periodic timers with each other" },
    { .name = "timer-mode", .type = KEY_INT, FIELD(timer_mode), .guests = GUEST_HVM, .min = 0, .max = 3,
      .fallback = "1", .help = "what becomes of missed timer ticks" },
    { .name = "timeoffset", .type = KEY_INT, FIELD(timeoffset), .guests = GUEST_HVM,
      .min = -INT_MAX, .max = INT_MAX, .unit = "seconds", .fallback = "0",
      .help = "the guest clock's distance from UTC" },
    { .name = "platform", .type = KEY_TEXT, FIELD(platform), .guests = GUEST_HVM,
      .repeatable = true, .format = PLATFORM_FORMAT, .check = platform_check,
      .help = "an entry of the guest's platform folder in xenstore" },

    /* Pieces of the host handed to the guest. */
    { .name = "smbios-pt", .type = KEY_BOOL, FIELD(smbios_pt), .guests = GUEST_HVM, .fallback = "false",
      .help = "show the host's SMBIOS tables" },
    { .name = "smbios-oem-type-pt", .type = KEY_INT, FIELD(smbios_oem_type_pt), .guests = GUEST_HVM,
      .min = 128, .max = 255, .help = "and those of this type of the host's maker" },
    { .name = "acpi-pt", .type = KEY_BOOL, FIELD(acpi_pt), .guests = GUEST_HVM, .fallback = "false",
      .help = "show the host's ACPI tables SLIC and MSDM" },
    { .name = "diskinfo-pt", .type = KEY_BOOL, FIELD(diskinfo_pt), .guests = GUEST_HVM, .fallback = "false",
      .help = "show the real disk's model and serial number" },
    { .name = "power-management", .type = KEY_TEXT, FIELD(power_management), .guests = GUEST_HVM,
      .fallback = "2", .format = "2", .check = power_check,
      .help = "whose power management is: the host's" },
    { .name = "oem-features", .type = KEY_TEXT, FIELD(oem_features), .guests = GUEST_HVM,
      .fallback = "0", .format = "0", .check = oem_check,
      .help = "features of the host's maker to hand to the guest: none" },
    { .name = "inject-sci", .type = KEY_TEXT, FIELD(inject_sci), .guests = GUEST_HVM,
      .fallback = "0", .format = "0", .check = sci_check,
      .help = "hand the host's lid and power button to the guest: no" },
    { .name = "pci-msitranslate", .type = KEY_INT, .guests = GUEST_PV | GUEST_HVM,
      FIELD(pci_msitranslate), .min = 0, .max = 1, .fallback = "1",
      .help = "what the backend is told of translating MSI to INTx" },
    { .name = "pci-power-management", .type = KEY_INT, .guests = GUEST_PV | GUEST_HVM,
      FIELD(pci_power_management), .min = 0, .max = 1, .fallback = "0",
      .help = "what the backend is told of the power states of devices" },

    /* The device model. */
    { .name = "extra-hvm", .type = KEY_TEXT, FIELD(extra_hvm), .guests = GUEST_HVM,
      .repeatable = true, .format = EXTRA_FORMAT, .check = extra_check,
      .help = "a further argument of the device model, -name value" },
    { .name = "qemu-dm-path", .type = KEY_PATH, FIELD(qemu_dm_path), .guests = GUEST_ALL,
      .help = "the device model's program" },
    { .name = "qemu-dm-user", .type = KEY_NAME, FIELD(qemu_dm_user), .guests = GUEST_HVM,
      .help = "whose rights it has; root's where absent" },
    { .name = "qemu-dm-timeout", .type = KEY_INT, FIELD(qemu_dm_timeout), .guests = GUEST_ALL, .min = 1, .max = 3600,
      .unit = "seconds", .fallback = "60", .help = "how long it may take to get ready" },
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
    case KEY_TEXT:
    case KEY_FIELDS:
        return config_format("%s", key->format);
    }
    abort();
}

char *config_key_guests(const struct config_key *key)
{
    unsigned int guests = key->guests;

    return config_format("%s%s%s%s%s", guests & GUEST_PV ? "PV" : "",
                         guests & GUEST_PV && guests & ~(unsigned int)GUEST_PV ? "," : "",
                         guests & GUEST_PVH ? "PVH" : "",
                         guests & GUEST_PVH && guests & GUEST_HVM ? "," : "",
                         guests & GUEST_HVM ? "HVM" : "");
}

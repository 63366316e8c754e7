/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_CONFIG_H
#define XENVM_CONFIG_H

/*
 * The configuration language: `key = value` lines, described by the one table in keys.c.
 * xenvm.cfg(5) is the document for users.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <uuid/uuid.h>

/* xen/xen.h's MAX_GUEST_CMDLINE without the NUL: the field of a PV guest's start_info page. */
enum { CONFIG_CMDLINE_MAX = 1023 };

/* What a monitor does first with its VM. */
enum startup_mode {
    STARTUP_STARTED,
    STARTUP_PAUSED,
    STARTUP_SHUTDOWN,
    STARTUP_RESTORE,     /* from startup_file, which stays */
    STARTUP_RESTORE_DEL, /* from startup_file, which is removed once the guest runs */
};

/* What becomes of a domain that ended by itself. */
enum end_action {
    END_DESTROY,
    END_RESTART,
    END_PRESERVE,
};

/* What `stop` does with a VM that runs: at the end of its service, and of its host. */
enum stop_method {
    STOP_SHUTDOWN,
    STOP_SUSPEND,
    STOP_DESTROY,
    STOP_LEAVE,
};

/* What kind of machine a guest sees; as a mask, too. */
enum guest_type {
    GUEST_PV = 1 << 0,
    GUEST_PVH = 1 << 1,
    GUEST_HVM = 1 << 2,
};

/* What a configuration is for. */
enum config_kind {
    CONFIG_LASTING,    /* every boot that has no other */
    CONFIG_FIRST_BOOT, /* the VM's first one */
    CONFIG_ONE_OFF,    /* one boot, asked for by somebody */
};

/* Where a value comes from: each of the first four goes over those before it. */
enum config_origin {
    FROM_DEFAULT,
    FROM_FILE,
    FROM_SET, /* by a command */
    FROM_FIRST_BOOT,
    FROM_ONE_OFF,
};

/* The values of a key that can be repeated, owned. */
struct config_texts {
    char **list;
    size_t count;
};

enum sound_card {
    SOUND_NONE,
    SOUND_HDA,
    SOUND_AC97,
    SOUND_ES1370,
    SOUND_SB16,
};

struct disk;
struct nic;
struct pci_device;

/* One VM's configuration. Strings are owned by the structure and are NULL where not given. */
struct vm_config {
    /* No keys, but what the monitor has to know of it. */
    char *path;             /* the file of a one-off boot */
    unsigned char *origins; /* an enum config_origin for each key of the table */
    enum config_kind kind;
    bool plugged; /* devices have come or gone since it was read */
    bool reread;  /* for a next start, which then is without those of before */
    uuid_t uuid;  /* all zero where the file names none */
    char *name;   /* NULL: the caller uses the UUID as the name */
    enum guest_type type;
    bool hvm; /* what the key of that name says, for the parser: type is to be asked */
    char *kernel;
    char *initrd;
    char *cmdline;
    char *bootloader; /* "pygrub" or a path; NULL: none given */
    char *bootloader_args;
    long long bootloader_timeout; /* seconds */
    long long memory;             /* MiB */
    long long memory_max;         /* MiB; 0: the same as memory */
    long long vcpus;
    int cores_per_socket; /* 0: not given */
    enum startup_mode startup;
    char *startup_file;
    long long stop_timeout; /* seconds */
    char *suspend_dir;      /* NULL: the VM's own folder */
    enum end_action on_halt;
    enum end_action on_reboot;
    enum end_action on_crash;
    enum stop_method stop_method;
    enum stop_method stop_fallback; /* STOP_DESTROY or STOP_SUSPEND */
    bool debug;
    char *output; /* where the debug trace goes; NULL: /tmp/xenvm-debug-<uuid> */
    bool no_mem_check;
    /* Devices, owned with their lists; devices.h adds and removes them. */
    struct disk **disks;
    size_t disk_count;
    struct nic **nics; /* each with an id */
    size_t nic_count;
    struct pci_device **pcis;
    size_t pci_count;
    /* The machine. */
    bool pae, acpi, apic, nx, viridian, nested, hap, hpet, vpt_align, usb;
    int sound;
    int videoram; /* MiB */
    long long timer_mode;
    long long timeoffset; /* seconds */
    char *boot;
    char *serial;
    char *display; /* machine.h says what is in these */
    struct config_texts platform;
    bool smbios_pt, acpi_pt, diskinfo_pt;
    long long smbios_oem_type_pt; /* 0: none */
    struct config_texts cpuid;    /* cpu.h reads them */
    char *firmware, *bios;
    char *qemu_dm_path;
    char *qemu_dm_user;
    long long qemu_dm_timeout; /* seconds */
    struct config_texts extra_hvm;
    struct config_texts notify; /* notify.h reads them */
    struct config_texts allow;  /* allow.h */
    /* Those of them that can only have one value. */
    char *power_management, *oem_features, *inject_sci;
    long long pci_msitranslate, pci_power_management; /* 0 or 1, where a device does not say */
};

enum config_level { CONFIG_ERROR, CONFIG_WARNING };

/* What parsing had to say: each item is one whole line, `file:line: key: what, accepted`. */
struct config_report {
    struct config_message {
        enum config_level level;
        char *text;
    } * messages;
    size_t count;
    size_t errors; /* how many of them are errors */
};

enum {
    CONFIG_LENIENT = 1 << 0,  /* unknown keys are warnings */
    CONFIG_PIECEMEAL = 1 << 1 /* each key is judged, but not whether they make a whole VM */
};

enum { CONFIG_FILE_MAX = 1024 * 1024 }; /* bytes that a configuration may have */

/*
 * Reads a file. Returns a configuration owned by the caller, or NULL when the report holds at
 * least one error; all errors of a file are reported at once. `report` is initialised here and
 * always to be freed by the caller.
 */
struct vm_config *config_load(const char *path, unsigned int flags, struct config_report *report);

/* The same for text in memory; `name` stands for the file's name in messages. */
struct vm_config *config_parse(const char *name, const char *text, size_t size, unsigned int flags,
                               struct config_report *report);

/* A text and its name in messages. */
struct config_text {
    const char *name; /* NULL: of no file, and not in messages */
    const char *text;
    size_t size;
};

/*
 * The same of a file and what commands have set, which may be NULL. `*first` is the configuration
 * of the first boot, owned by the caller too, or NULL where the file has nothing for it. Both are
 * judged.
 */
struct vm_config *config_assemble(const struct config_text *file, const struct config_text *set,
                                  unsigned int flags, struct vm_config **first,
                                  struct config_report *report);

/*
 * Reads a file's text, which config_text_free() frees; the name stays the caller's. False with a
 * message in the report, which is initialised here. One that may lack is then empty.
 */
bool config_read(const char *path, bool may_lack, struct config_text *text,
                 struct config_report *report);
void config_text_free(struct config_text *text);

/* A configuration with every key at its default, as if from an empty file; never NULL. */
struct vm_config *config_new(void);

void config_free(struct vm_config *config);

/*
 * Takes over what holds at once: the values of the keys that are asked for when needed. What the
 * first boot alone says stays in that.
 */
void config_copy_live(struct vm_config *to, const struct vm_config *from);

void config_report_free(struct config_report *report);

/* `xenvm --list-keys`: every key of the table with type, default, guests and help. */
void config_list_keys(FILE *out);

/*
 * Writes the effective configuration as a file that config_load() accepts: the keys that differ
 * from their default, or every one that means something to the guest and has a value. Returns
 * malloc'd text.
 */
enum config_extent { CONFIG_CHANGED, CONFIG_WHOLE };
char *config_to_text(const struct vm_config *config, enum config_extent extent);

const char *end_action_name(enum end_action action);

/* pv, pvh or hvm. */
const char *guest_type_name(enum guest_type type);

#endif

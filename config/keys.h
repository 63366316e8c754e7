/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_CONFIG_KEYS_H
#define XENVM_CONFIG_KEYS_H

/* The one table of keys. It drives parsing, writing, `--list-keys` and the tests' coverage. */

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "config/text.h"

enum key_type {
    KEY_BOOL,    /* bool */
    KEY_INT,     /* long long from min to max, in unit */
    KEY_STRING,  /* char *, at most max bytes where max isn't 0; empty: NULL */
    KEY_PATH,    /* char *, absolute; empty: NULL */
    KEY_NAME,    /* char *, a VM's name */
    KEY_UUID,    /* uuid_t */
    KEY_WORD,    /* an enumeration, one of words */
    KEY_STARTUP, /* enum startup_mode, and startup_file */
    KEY_TEXT,    /* char *, or struct config_texts where repeatable; format and check say what; a
                    single one without a default may be empty: NULL */
    KEY_FIELDS,  /* a device: a value with parts, as format says */
};

enum { GUEST_ALL = GUEST_PV | GUEST_PVH | GUEST_HVM };

enum { CONFIG_NAME_MAX = 63, CONFIG_MEMORY_MAX = 16 * 1024 * 1024 };

struct config_key {
    const char *name;
    const char *alias; /* NULL: none */
    enum key_type type;
    unsigned int guests; /* GUEST_ mask of the guests it means something for */
    bool repeatable;
    bool identity;        /* says which VM it is: no boot and no command changes it */
    bool live;            /* asked for when it is needed: a change holds at once */
    bool monitors;        /* of the monitor whatever boot it is: one boot can't have another */
    const char *fallback; /* the default as it would stand in a file; NULL: none */
    long long min, max;
    const char *unit;
    const struct config_word *words; /* ends with a NULL word */
    const char *format;
    char *(*check)(const char *text);     /* of a text: NULL, or what is wrong, malloc'd */
    const struct config_devices *devices; /* the list that each value adds to; NULL: none */
    size_t offset;                        /* into struct vm_config, where it is not in a list */
    const char *help;
};

extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* By name or alias; NULL for an unknown one. */
const struct config_key *config_key_find(const char *name);

/* The name of the known key that a misspelt one may stand for, or NULL. */
const char *config_key_nearest(const char *name);

/* What a key takes, in words for a message: malloc'd. */
char *config_key_accepts(const struct config_key *key);

/* The kinds of guests that it means something for, for people: "PVH,HVM", malloc'd. */
char *config_key_guests(const struct config_key *key);

#endif

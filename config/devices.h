/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_CONFIG_DEVICES_H
#define XENVM_CONFIG_DEVICES_H

/* The devices of a configuration: one list for each kind, in the order of the file. */

#include <stddef.h>

#include "config/config.h"

/* Of each kind; each is compared with all others. */
enum { CONFIG_DEVICES_MAX = 256 };

/* What a list does, whatever is in it. */
struct config_devices {
    size_t (*count)(const struct vm_config *config);

    /* Appends one from its text: config_devices_add() without its limit. */
    char *(*add)(struct vm_config *config, const char *text);

    /* One as text that add() takes, malloc'd. */
    char *(*text)(const struct vm_config *config, size_t index);

    /*
     * Whether the device at `index` can be beside those before it. NULL, or what is wrong with
     * it, malloc'd; then `*other` is the index of the one that it clashes with, or its own.
     */
    char *(*conflict)(const struct vm_config *config, size_t index, size_t *other);

    /* Whether this kind of guest has a use for all that is said of it, or what has none, malloc'd.
     */
    char *(*misfit)(const struct vm_config *config, size_t index);

    /* Takes one out and frees it; those behind it move up. */
    void (*remove)(struct vm_config *config, size_t index);
};

extern const struct config_devices config_disks, config_nics, config_pcis;

/* Appends one from its text. NULL, or what is wrong with it and what is accepted, malloc'd. */
char *config_devices_add(const struct config_devices *devices, struct vm_config *config,
                         const char *text);

/* Frees all of a list. */
void config_devices_clear(const struct config_devices *devices, struct vm_config *config);

/* Gives each network card without an id the lowest that is free, if any is. */
void config_nics_number(struct vm_config *config);

/*
 * Adds one device to a complete configuration, as the last of its list, with an id where it needs
 * one. NULL, or what is wrong, malloc'd; the configuration is then as it was.
 */
char *config_devices_plug(const struct config_devices *devices, struct vm_config *config,
                          const char *text);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_CONFIG_ALLOW_H
#define XENVM_CONFIG_ALLOW_H

/* Values of the key allow: who besides root may have the VM do what. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define ALLOW_FORMAT "user NAME COMMAND,COMMAND or group NAME COMMAND,COMMAND"

struct allow_rule {
    bool group;
    id_t id;           /* of the user or the group */
    uint64_t commands; /* a bit for each enum command_id */
};

/* NULL, or what is wrong with a value, malloc'd. The host need not know the name. */
char *allow_check(const char *text);

/* What a value says; looks the name up. NULL, or what is wrong, malloc'd. */
char *allow_read(const char *text, struct allow_rule *rule);

#endif

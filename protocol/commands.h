/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_PROTOCOL_COMMANDS_H
#define XENVM_PROTOCOL_COMMANDS_H

/*
 * What both ends know of the commands and of the states they are legal in. The rows are in
 * commands.def; the monitor binds a handler to each.
 */

#include <stdbool.h>
#include <stddef.h>

enum vm_state {
    VM_SHUTDOWN,
    VM_CREATING_DOMAIN,
    VM_CREATING_DEVICES,
    VM_CREATED,
    VM_RUNNING,
    VM_PAUSED,
    VM_SUSPENDING,
    VM_SUSPENDED,
    VM_RESTORING,
    VM_SHUTDOWNING,
    VM_REBOOTING,
    VM_REBOOTED,
    VM_CRASHED,
    VM_PRESERVED,
    VM_STATE_COUNT
};

#define IN(state) (1u << (state))
#define IN_ANY    (IN(VM_STATE_COUNT) - 1)
/* A finished domain, kept. */
#define IN_KEPT (IN(VM_CRASHED) | IN(VM_PRESERVED))
/* A domain that devices come to and go from. */
#define IN_PLUGGABLE (IN(VM_CREATED) | IN(VM_RUNNING) | IN(VM_PAUSED))
/* There is a domain, and it has its nodes. */
#define IN_WITH_DOMAIN (IN_PLUGGABLE | IN_KEPT | IN(VM_SUSPENDING) | IN(VM_SHUTDOWNING))
/* A domain that a long operation is at work on. */
#define IN_MOTION                                                                                  \
    (IN(VM_CREATING_DOMAIN) | IN(VM_CREATING_DEVICES) | IN(VM_SUSPENDING) | IN(VM_RESTORING) |     \
     IN(VM_SHUTDOWNING) | IN(VM_REBOOTING))

enum arg_type {
    ARG_BOOL,    /* 1 y yes true / 0 n no false */
    ARG_PATH,    /* the client makes it absolute */
    ARG_SECONDS, /* a whole number from 1 to 86400 */
    ARG_NUMBER,  /* a whole number from 0 to 99999999 */
    ARG_TEXT,    /* UTF-8 that is_argument_text() holds good */
};

enum { ARG_TYPES = ARG_TEXT + 1, MAX_ARGS = 4, ARG_TEXT_MAX = 4096 };

struct command_arg {
    const char *name;
    enum arg_type type;
    bool required;
    const char *help;
};

enum {
    CMD_LONG = 1 << 0,      /* takes the VM's one long operation */
    CMD_PROGRESS = 1 << 1,  /* reports progress in pages */
    CMD_STREAM = 1 << 2,    /* answers by events until the connection ends */
    CMD_OWN_FILE = 1 << 3,  /* its path is that of one VM: the next one needs another */
    CMD_BARE_PAIR = 1 << 4, /* the second argument's value needs no key either */
    CMD_HOST = 1 << 5,      /* its arguments name things of the host */
};

struct command_info {
    const char *name;
    const char *alias;         /* NULL: none */
    unsigned int states;       /* IN() mask of where it is legal */
    unsigned int force_states; /* further ones, with force=true or discard=true */
    unsigned int flags;
    const char *help;
    struct command_arg args[MAX_ARGS]; /* ends with a NULL name, or full */
};

enum command_id {
#define COMMAND(id, ...) CMD_##id,
#include "protocol/commands.def"
#undef COMMAND
    COMMAND_COUNT
};

extern const struct command_info command_table[COMMAND_COUNT];

/* By name or alias; NULL for an unknown one. */
const struct command_info *command_find(const char *name);

/*
 * Whether others than root can be allowed to give it: what its arguments name of the host would be
 * opened with root's rights. An ARG_PATH that it can do without is root's alone.
 */
bool command_is_for_others(const struct command_info *command);

/* The nearest known command name or alias for a misspelt one, or NULL. */
const char *command_nearest(const char *name);

const char *state_name(enum vm_state state);
/* -1 for an unknown name. */
int state_from_name(const char *name);

/* "running, paused or created": malloc'd. */
char *state_list(unsigned int states);

/* Seconds from 1 to 86400, or -1. */
int parse_seconds(const char *text);

/* A whole number from 0 to 99999999, or -1. */
int parse_number(const char *text);

/*
 * From 1 to ARG_TEXT_MAX bytes without control characters. That it is UTF-8 at all is seen where
 * it becomes JSON, or was read from it.
 */
bool is_argument_text(const char *text);

#endif

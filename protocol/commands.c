/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "words/words.h"

#define COMMAND(id, name, alias, states, force_states, flags, help, ...)                           \
    [CMD_##id] = { name, alias, states, force_states, flags, help, { __VA_ARGS__ } },

const struct command_info command_table[COMMAND_COUNT] = {
#include "protocol/commands.def"
};

#undef COMMAND

static const char *const state_names[VM_STATE_COUNT] = {
    [VM_SHUTDOWN] = "shutdown",
    [VM_CREATING_DOMAIN] = "creating-domain",
    [VM_CREATING_DEVICES] = "creating-devices",
    [VM_CREATED] = "created",
    [VM_RUNNING] = "running",
    [VM_PAUSED] = "paused",
    [VM_SUSPENDING] = "suspending",
    [VM_SUSPENDED] = "suspended",
    [VM_RESTORING] = "restoring",
    [VM_SHUTDOWNING] = "shutdowning",
    [VM_REBOOTING] = "rebooting",
    [VM_REBOOTED] = "rebooted",
    [VM_CRASHED] = "crashed",
    [VM_PRESERVED] = "preserved",
};

const struct command_info *command_find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command_info *command = &command_table[i];

        if (strcmp(name, command->name) == 0 ||
            (command->alias && strcmp(name, command->alias) == 0))
            return command;
    }
    return NULL;
}

bool command_is_for_others(const struct command_info *command)
{
    for (size_t i = 0; i < MAX_ARGS && command->args[i].name; i++)
        if (command->args[i].type == ARG_PATH && command->args[i].required)
            return false;
    return !(command->flags & CMD_HOST);
}

const char *command_nearest(const char *name)
{
    struct word_search search = word_search(name);

    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        word_offer(&search, command_table[i].name);
        word_offer(&search, command_table[i].alias);
    }
    return search.nearest;
}

const char *state_name(enum vm_state state)
{
    return (unsigned int)state < VM_STATE_COUNT ? state_names[state] : "unknown";
}

int state_from_name(const char *name)
{
    for (int state = 0; state < VM_STATE_COUNT; state++) {
        if (strcmp(name, state_names[state]) == 0)
            return state;
    }
    return -1;
}

char *state_list(unsigned int states)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int left = __builtin_popcount(states & IN_ANY);

    if (!out)
        return NULL;
    for (int state = 0; state < VM_STATE_COUNT; state++) {
        if (!(states & IN(state)))
            continue;
        left--;
        fputs(state_names[state], out);
        fputs(left > 1 ? ", " : left == 1 ? " or " : "", out);
    }
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

int parse_number(const char *text)
{
    enum { MOST = 99999999 };
    int number = 0;

    if (!*text)
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        number = number * 10 + (*text - '0');
        if (number > MOST)
            return -1;
    }
    return number;
}

int parse_seconds(const char *text)
{
    enum { DAY = 86400 };
    int seconds = parse_number(text);

    return seconds > 0 && seconds <= DAY ? seconds : -1;
}

bool is_argument_text(const char *text)
{
    size_t length = 0;

    for (; text[length]; length++) {
        unsigned char c = (unsigned char)text[length];
        unsigned char next = (unsigned char)text[length + 1];

        if (c < 0x20 || c == 0x7f || length == ARG_TEXT_MAX)
            return false;
        /* The control characters beyond ASCII. */
        if (c == 0xc2 && next >= 0x80 && next <= 0x9f)
            return false;
    }
    return length > 0;
}

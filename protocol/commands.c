/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

/* No command is nearly as long; what is longer is no misspelling of one. */
enum { NEAREST_MAX = 24 };

/*
 * How many letters must be inserted, removed, replaced or swapped with their neighbour to make
 * one word of the other. Both are at most NEAREST_MAX letters long.
 */
static unsigned int edit_distance(const char *from, const char *to)
{
    unsigned int rows[3][NEAREST_MAX + 1];
    unsigned int *before = rows[0], *last = rows[1], *row = rows[2];
    size_t width = strlen(to);

    for (size_t j = 0; j <= width; j++)
        last[j] = (unsigned int)j;
    for (size_t i = 1; from[i - 1]; i++) {
        row[0] = (unsigned int)i;
        for (size_t j = 1; j <= width; j++) {
            unsigned int best = last[j - 1] + (from[i - 1] != to[j - 1]);

            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
        unsigned int *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[width];
}

const char *command_nearest(const char *name)
{
    size_t length = strlen(name);
    /* A third of a word may be wrong: with more, the guess would puzzle rather than help. */
    unsigned int best = length < 3 ? 1 : (unsigned int)(length + 2) / 3;
    const char *nearest = NULL;

    if (length == 0 || length > NEAREST_MAX)
        return NULL;
    best++;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const char *const names[] = { command_table[i].name, command_table[i].alias };

        for (size_t n = 0; n < 2 && names[n]; n++) {
            unsigned int distance = edit_distance(name, names[n]);

            if (distance < best) {
                best = distance;
                nearest = names[n];
            }
        }
    }
    return nearest;
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

int parse_bool(const char *text)
{
    static const char *const words[2][4] = {
        { "0", "n", "no", "false" },
        { "1", "y", "yes", "true" },
    };

    for (int value = 0; value < 2; value++) {
        for (size_t i = 0; i < 4; i++) {
            if (strcasecmp(text, words[value][i]) == 0)
                return value;
        }
    }
    return -1;
}

int parse_seconds(const char *text)
{
    enum { DAY = 86400 };
    int seconds = 0;

    if (!*text)
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        seconds = seconds * 10 + (*text - '0');
        if (seconds > DAY)
            return -1;
    }
    return seconds > 0 ? seconds : -1;
}

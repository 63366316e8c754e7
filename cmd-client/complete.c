/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-client/own.h"

#include <stdlib.h>
#include <string.h>

#include "cmd-client/many.h"

/* How a command line goes on, for shells: all of it from the tables of commands and options. */

struct typed {
    FILE *out;
    const char *last;   /* the word to be completed */
    char *const *words; /* those before it, but for options */
    int count;
    bool all;   /* there is --all: no VM is named */
    bool value; /* the last word is an option's value */
    struct options options;
};

static bool begins(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

static void offer(const struct typed *typed, const char *word, const char *end, const char *about)
{
    size_t length = strlen(word);

    /* What was typed may go as far as the end of it, an equals sign say. */
    if (begins(word, typed->last) ||
        (begins(typed->last, word) && begins(end, typed->last + length)))
        fprintf(typed->out, "%s%s\t%s\n", word, end, about);
}

static void offer_options(const struct typed *typed)
{
    char word[32];

    for (size_t i = 0; i < OPTION_COUNT; i++) {
        snprintf(word, sizeof(word), "--%s", option_table[i].name);
        offer(typed, word, "", option_table[i].help);
    }
}

/* By its name, or by its UUID where it has none or hexadecimal digits were typed. */
static void offer_vm(void *arg, const char *uuid, const char *name)
{
    const struct typed *typed = arg;

    if (name)
        offer(typed, name, "", uuid);
    if (!name || *typed->last)
        offer(typed, uuid, "", name ? name : "a VM without a name");
}

static void offer_words(const struct typed *typed, const char *const *words)
{
    for (; *words; words++)
        offer(typed, *words, "", LONG_FORM);
}

/* Whether it is one for --all, where that was typed. */
static bool is_fit(const struct typed *typed, const struct command_info *command)
{
    char *error = NULL;
    bool fit = !typed->all || is_for_all(&typed->options, command, NULL, &error);

    free(error);
    return fit;
}

static void offer_commands(const struct typed *typed)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command_info *command = &command_table[i];

        if (!is_fit(typed, command))
            continue;
        offer(typed, command->name, "", command->help);
        if (command->alias)
            offer(typed, command->alias, "", command->help);
    }
    offer(typed, LONG_FORM, "", "disks, network cards and PCI devices");
}

static bool is_key(const struct command_arg *arg)
{
    return strcmp(arg->name, "key") == 0;
}

static void offer_value(const struct typed *typed, const struct command_arg *arg)
{
    char word[64];

    switch (arg->type) {
    case ARG_BOOL:
        snprintf(word, sizeof(word), "%s=", arg->name);
        for (int i = 0; i < 2; i++) {
            snprintf(word, sizeof(word), "%s=%s", arg->name, i ? "true" : "false");
            offer(typed, word, "", arg->help);
        }
        break;
    case ARG_PATH:
        fprintf(typed->out, ":path\t%s=\n", arg->name);
        break;
    case ARG_TEXT:
        if (is_key(arg))
            fprintf(typed->out, ":key\t%s=\n", arg->name);
        break;
    case ARG_SECONDS:
    case ARG_NUMBER:
        break;
    }
}

/* Whether `word` is that argument with a value, or the beginning of one. */
static bool is_argument(const struct command_arg *arg, const char *word)
{
    size_t length = strlen(arg->name);

    return strncmp(word, arg->name, length) == 0 && word[length] == '=';
}

/* Of the argument that a word gives, by its name or bare; MAX_ARGS where there is none. */
static size_t argument_of(const struct command_info *command, const bool *given, const char *word)
{
    size_t i;

    for (i = 0; i < MAX_ARGS && command->args[i].name; i++)
        if (is_argument(&command->args[i], word))
            return i;
    for (i = 0; i < MAX_ARGS && takes_bare_word(command, i); i++)
        if (!given[i])
            return i;
    return MAX_ARGS;
}

/* `words` are those behind the command. */
static void offer_arguments(const struct typed *typed, const struct command_info *command,
                            int count, char *const *words)
{
    bool given[MAX_ARGS + 1] = { false };

    for (int i = 0; i < count; i++)
        given[argument_of(command, given, words[i])] = true;
    for (size_t i = 0; i < MAX_ARGS && command->args[i].name; i++) {
        const struct command_arg *arg = &command->args[i];

        if (is_argument(arg, typed->last))
            offer_value(typed, arg);
        else if (!given[i] && is_key(arg))
            fputs(":key\t\n", typed->out);
        else if (!given[i])
            offer(typed, arg->name, "=", arg->help);
    }
}

/* `words`, one at least, begin with a command. */
static void offer_behind_command(const struct typed *typed, int count, char *const *words)
{
    const struct command_info *command;
    char *error = NULL, *name = NULL;
    int used;

    if (strcmp(words[0], LONG_FORM) == 0 && count < 3) {
        offer_words(typed, long_form_words(count));
        return;
    }
    used = command_words(count, words, &name, &error);
    command = used ? command_find(name) : NULL;
    if (command == &command_table[CMD_HELP])
        offer_commands(typed);
    else if (command)
        offer_arguments(typed, command, count - used, words + used);
    free(error);
    free(name);
}

static void offer_own(const struct typed *typed)
{
    for (size_t i = 0; i < OWN_COMMANDS; i++)
        offer(typed, own_commands[i].name, "", own_commands[i].help);
}

static void offer_all(const struct typed *typed, const char *dir)
{
    const struct own_command *own;
    int before = typed->all ? 0 : 1; /* words before the command */

    if (typed->value)
        return;
    own = typed->count && !typed->all ? own_command_find(typed->words[0]) : NULL;
    if (typed->last[0] == '-') {
        offer_options(typed);
    } else if (own) {
        if (own->takes_command && typed->count == 1)
            offer_commands(typed);
    } else if (typed->count < before) {
        offer_own(typed);
        find_vms(dir, offer_vm, (void *)(uintptr_t)typed);
    } else if (typed->count == before) {
        offer_commands(typed);
    } else {
        offer_behind_command(typed, typed->count - before, typed->words + before);
    }
}

void put_completions(FILE *out, const char *dir, int count, char *const *words)
{
    struct typed typed = { .out = out, .last = count ? words[count - 1] : "" };
    char **plain = calloc((size_t)count + 1, sizeof(*plain));

    if (!plain)
        return;
    for (int i = 0; i + 1 < count; i++) {
        const struct option_info *option = option_find(words[i]);

        typed.value = option && option->value;
        typed.all |= option && strcmp(option->name, "all") == 0;
        typed.options.json |= option && strcmp(option->name, "json") == 0;
        if (typed.value)
            i++;
        else if (words[i][0] != '-')
            plain[typed.count++] = words[i];
        /* The value was the last but one, or before it. */
        if (typed.value && i + 1 < count)
            typed.value = false;
    }
    typed.words = plain;
    offer_all(&typed, dir);
    free(plain);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-client/own.h"

#include <stdlib.h>
#include <string.h>

#include "cmd-client/many.h"

const struct option_info option_table[OPTION_COUNT] = {
    { "all", 'a', NULL, "have all VMs of this host do it" },
    { "json", 'j', NULL, "print the result as JSON" },
    { "timeout", 't', "SECONDS", "give up after so long (10; none for long commands)" },
    { "watch", 'w', NULL, "list again and again, until interrupted" },
    { "help", 'h', NULL, "print this" },
    { "version", 'V', NULL, "print the version" },
};

const struct option_info *option_find(const char *word)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_info *option = &option_table[i];

        if (word[0] == '-' && word[1] == option->letter && !word[2])
            return option;
        if (strncmp(word, "--", 2) == 0 && strcmp(word + 2, option->name) == 0)
            return option;
    }
    return NULL;
}

enum exit_status usage_error(const char *vm, const char *message)
{
    complain(vm, message);
    return EXIT_USAGE;
}

const struct command_info *read_command(const char *vm, int count, char *const *words, int *used)
{
    const struct command_info *command = NULL;
    char *error = NULL, *name;

    *used = command_words(count, words, &name, &error);
    if (*used)
        command = find_command(name, &error);
    if (!command)
        complain(vm, error);
    free(error);
    free(name);
    return command;
}

static enum exit_status run_list(const struct options *options, int count, char *const *words)
{
    if (count > 0)
        return usage_error(NULL, "list takes no arguments");
    return options->watch ? watch_list(options) : list_vms(options);
}

enum exit_status show_help(const struct options *options, int count, char *const *words)
{
    const struct command_info *command;
    const struct own_command *own;
    int used;

    if (count == 0) {
        put_help(stdout);
        return finish_output();
    }
    own = own_command_find(words[0]);
    if (own && own->run != show_help && count == 1) {
        printf("usage: xenvm-cmd %s %s\n\n%s.\n", own->name, own->arguments, own->help);
        return finish_output();
    }
    command = read_command(NULL, count, words, &used);
    if (!command)
        return EXIT_USAGE;
    if (used < count)
        return usage_error(NULL, "help takes one command");
    put_command_help(stdout, command);
    return finish_output();
}

const struct own_command own_commands[OWN_COMMANDS] = {
    { "list", "[--json] [--watch]", "Show every VM that has a monitor on this host", false,
      run_list },
    { "help", "[COMMAND]", "List the commands, or tell more of one", true, show_help },
};

const struct own_command *own_command_find(const char *name)
{
    for (size_t i = 0; i < OWN_COMMANDS; i++) {
        if (strcmp(own_commands[i].name, name) == 0)
            return &own_commands[i];
    }
    return NULL;
}

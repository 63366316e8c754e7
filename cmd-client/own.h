/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_CMD_CLIENT_OWN_H
#define XENVM_CMD_CLIENT_OWN_H

/*
 * What xenvm-cmd knows besides the commands of a VM: commands of its own, which need none, and
 * options. Usage, help and completion come from these tables, too.
 */

#include "cmd-client/client.h"

struct own_command {
    const char *name;
    const char *arguments; /* as the usage shows them */
    const char *help;
    bool takes_command; /* its one argument is a command of a VM */
    enum exit_status (*run)(const struct options *options, int count, char *const *words);
};

enum { OWN_COMMANDS = 2 };

extern const struct own_command own_commands[OWN_COMMANDS];

/* NULL where there is none of that name. */
const struct own_command *own_command_find(const char *name);

struct option_info {
    const char *name;
    char letter;
    const char *value; /* what stands for its value, or NULL */
    const char *help;
};

enum { OPTION_COUNT = 6 };

extern const struct option_info option_table[OPTION_COUNT];

/* NULL where there is none; `word` is an option as given, `-t` or `--timeout`. */
const struct option_info *option_find(const char *word);

/* The command that `words` begin with; *used are as many as name it. NULL with a complaint. */
const struct command_info *read_command(const char *vm, int count, char *const *words, int *used);

/* A complaint, and the status of wrong usage. */
enum exit_status usage_error(const char *vm, const char *message);

/* `xenvm-cmd help` with the words that follow. */
enum exit_status show_help(const struct options *options, int count, char *const *words);

/* ---- completion (complete.c) ---- */

/*
 * How the last of `words` (behind the program's name, maybe empty) can go on: a line each, of the
 * whole word, a tab and what it is. A word that ends in `=` wants a value behind it. A line `:path`
 * and a tab says that the path of a file goes on where the text behind the tab ends; `:key`, a key
 * of the configuration.
 */
void put_completions(FILE *out, const char *dir, int count, char *const *words);

#endif

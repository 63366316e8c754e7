/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-client/client.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cmd-client/own.h"

enum { LINE = 80 };

const char *value_name(enum arg_type type)
{
    static const char *const names[ARG_TYPES] = {
        [ARG_BOOL] = "BOOL",     [ARG_PATH] = "PATH",  [ARG_SECONDS] = "SECONDS",
        [ARG_NUMBER] = "NUMBER", [ARG_TEXT] = "VALUE",
    };

    return names[type];
}

void put_usage(FILE *out)
{
    fputs("usage: xenvm-cmd [--json] [--timeout SECONDS] VM COMMAND [value] [key=value...]\n"
          "       xenvm-cmd [OPTION...] --all COMMAND [value] [key=value...]\n",
          out);
    for (size_t i = 0; i < OWN_COMMANDS; i++)
        fprintf(out, "       xenvm-cmd %s %s\n", own_commands[i].name, own_commands[i].arguments);
    fputs("       xenvm-cmd --complete [WORD...]\n", out);
}

void put_synopsis(FILE *out, const struct command_info *command)
{
    fputs(command->name, out);
    for (size_t i = 0; i < MAX_ARGS && command->args[i].name; i++) {
        const struct command_arg *arg = &command->args[i];
        bool bare = takes_bare_word(command, i);

        fprintf(out, arg->required ? " %s%s=%s%s" : " [%s%s=%s%s]", bare ? "[" : "", arg->name,
                bare ? "]" : "", value_name(arg->type));
    }
}

/* `text` in lines that end at LINE columns; the cursor stands at `column`, and so begin others. */
static void put_wrapped(FILE *out, const char *text, int column)
{
    int at = column;

    while (*text) {
        int length = (int)strcspn(text, " ");

        if (at > column && at + 1 + length > LINE) {
            fprintf(out, "\n%*s", column, "");
            at = column;
        }
        at += fprintf(out, "%s%.*s", at > column ? " " : "", length, text);
        text += length;
        text += strspn(text, " ");
    }
    putc('\n', out);
}

static void put_upper(FILE *out, const char *text)
{
    for (; *text; text++)
        putc(toupper((unsigned char)*text), out);
}

/*
 * A command's name and arguments as the overview shows them: `shutdown [force=] [timeout=]`,
 * `disk-del DISK [force=] [timeout=]`.
 */
static char *overview_head(const struct command_info *command)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    fputs(command->name, out);
    if (command->alias)
        fprintf(out, ", %s", command->alias);
    for (size_t i = 0; i < MAX_ARGS && command->args[i].name; i++) {
        const struct command_arg *arg = &command->args[i];
        bool bare = takes_bare_word(command, i);

        fputs(arg->required ? " " : " [", out);
        if (bare)
            put_upper(out, arg->name);
        else
            fprintf(out, "%s=", arg->name);
        fputs(arg->required ? "" : "]", out);
    }
    fclose(out);
    return text;
}

void put_help(FILE *out)
{
    enum { HEAD = 36 };

    put_usage(out);
    fputs("\nA VM is named by its name, its UUID, or the beginning of its UUID.\n\nCommands:\n",
          out);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        char *head = overview_head(&command_table[i]);

        if (!head)
            return;
        fprintf(out, "  %-*s", HEAD, head);
        if (strlen(head) > HEAD - 1)
            fprintf(out, "\n  %*s", HEAD, "");
        put_wrapped(out, command_table[i].help, 2 + HEAD);
        free(head);
    }
    fputs("\nWhat is in capitals is a value that needs no key: `disk-del xvdb'.\n"
          "`device disk add' is disk-add in full; so are list and del, and nic and pci.\n"
          "\nOptions:\n",
          out);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_info *option = &option_table[i];
        int width = fprintf(out, "  -%c, --%s%s%s", option->letter, option->name,
                            option->value ? " " : "", option->value ? option->value : "");

        fprintf(out, "%*s%s\n", 25 - width, "", option->help);
    }
    fputs("\n`xenvm-cmd help COMMAND' tells more of one; xenvm-cmd(1) tells all.\n"
          "Exit status: 0 done, 1 refused or failed, 2 usage, 3 no monitor, 4 timed out.\n",
          out);
}

static void put_argument_help(FILE *out, const struct command_info *command)
{
    bool used[ARG_TYPES] = { false };

    fputs("\nArguments:\n", out);
    for (size_t i = 0; i < MAX_ARGS && command->args[i].name; i++) {
        const struct command_arg *arg = &command->args[i];
        int width = fprintf(out, "  %s=%s", arg->name, value_name(arg->type));

        fprintf(out, "%*s%s%s\n", 21 - width, "", arg->help, arg->required ? " (needed)" : "");
        used[arg->type] = true;
    }
    putc('\n', out);
    if (takes_bare_word(command, 1))
        fprintf(out, "`%s=' and `%s=' may be left out: the values alone do.\n",
                command->args[0].name, command->args[1].name);
    else if (takes_bare_word(command, 0))
        fprintf(out, "`%s=' may be left out: the value alone does.\n", command->args[0].name);
    if (used[ARG_PATH])
        fputs("A relative PATH begins at the present working directory.\n", out);
    if (used[ARG_BOOL])
        fputs("BOOL is 1, y, yes or true, or 0, n, no or false.\n", out);
    if (used[ARG_SECONDS])
        fputs("SECONDS is a whole number from 1 to 86400.\n", out);
    if (used[ARG_NUMBER])
        fputs("NUMBER is a whole number from 0 to 99999999.\n", out);
}

/* The argument that makes a command legal in more states, or NULL. */
static const char *forcing_argument(const struct command_info *command)
{
    for (size_t i = 0; i < MAX_ARGS && command->args[i].name; i++) {
        const char *name = command->args[i].name;

        if (strcmp(name, "force") == 0 || strcmp(name, "discard") == 0)
            return name;
    }
    return NULL;
}

static void put_states(FILE *out, const struct command_info *command)
{
    const char *force = forcing_argument(command);
    unsigned int further = command->force_states & ~command->states;
    unsigned int not_in = IN_ANY & ~command->states;
    bool most = __builtin_popcount(not_in) < __builtin_popcount(command->states);
    char *states = state_list(most ? not_in : command->states);
    char *more = state_list(further);

    if (!not_in)
        fputs("It is legal in every state", out);
    else
        fprintf(out, "It is legal %s the VM is %s", most ? "unless" : "when", states ? states : "");
    if (force && further)
        fprintf(out, ", and with %s=true also when it is %s", force, more ? more : "");
    putc('.', out);
    free(states);
    free(more);
}

static void put_states_help(FILE *out, const struct command_info *command)
{
    char *line = NULL;
    size_t size;
    FILE *memory = open_memstream(&line, &size);

    if (!memory)
        return;
    put_states(memory, command);
    fclose(memory);
    put_wrapped(out, line, 0);
    free(line);
}

void put_command_help(FILE *out, const struct command_info *command)
{
    fputs("usage: xenvm-cmd VM ", out);
    put_synopsis(out, command);
    if (command->alias)
        fprintf(out, "\n   or: xenvm-cmd VM %s ...", command->alias);
    fprintf(out, "\n\n%c%s.\n", toupper((unsigned char)command->help[0]), command->help + 1);
    if (command->args[0].name)
        put_argument_help(out, command);
    putc('\n', out);
    put_states_help(out, command);
    if (command->flags & CMD_LONG)
        fputs("It is a long operation: a VM is at work on one of them at a time.\n", out);
    if (command->flags & CMD_PROGRESS)
        fputs("Its progress is shown on standard error.\n", out);
    if (command->flags & CMD_STREAM)
        fputs("It goes on until the monitor ends or it is interrupted.\n", out);
    if (command == &command_table[CMD_CONSOLE])
        fputs("It goes on until the guest is gone; on a terminal, Ctrl-] leaves it.\n", out);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-client/client.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cmd-client/many.h"
#include "cmd-client/own.h"

/* `words` begin with the command. */
static enum exit_status run_command(const struct options *options, const char *vm, int count,
                                    char *const *words)
{
    const struct command_info *command;
    char *error = NULL;
    json_t *params;
    int used;

    command = read_command(vm, count, words, &used);
    if (!command)
        return EXIT_USAGE;
    if (command == &command_table[CMD_HELP])
        return show_help(options, count - used, words + used);
    params = parse_arguments(command, count - used, words + used, &error);
    if (!params) {
        complain(vm, error);
        free(error);
        return EXIT_USAGE;
    }
    if (command == &command_table[CMD_CONSOLE] && !options->json)
        return console_vm(options, vm, params);
    if (command->flags & CMD_STREAM)
        return watch_vm(options, vm, params);
    return call_vm(options, vm, command, params);
}

static bool is_command(const char *word)
{
    return command_find(word) || strcmp(word, LONG_FORM) == 0;
}

/* `words` are the command, which is for all VMs. */
static enum exit_status run_for_all(const struct options *options, int count, char *const *words)
{
    const struct command_info *command;
    json_t *params = NULL;
    char *error = NULL;
    int used;

    if (count == 0)
        return usage_error(NULL, "no command is given; `xenvm-cmd help' lists them");
    if (own_command_find(words[0]))
        return usage_error(NULL, "--all is for commands of a VM");
    command = read_command(NULL, count, words, &used);
    if (!command)
        return EXIT_USAGE;
    /* Before its arguments: who is told to give one should not be told then that it is no use. */
    if (is_for_all(options, command, NULL, &error))
        params = parse_arguments(command, count - used, words + used, &error);
    if (params && !is_for_all(options, command, params, &error)) {
        json_decref(params);
        params = NULL;
    }
    if (!params) {
        complain(NULL, error);
        free(error);
        return EXIT_USAGE;
    }
    return command_all(options, command, params);
}

static enum exit_status run(const struct options *options, int count, char *const *words)
{
    const struct own_command *own = count ? own_command_find(words[0]) : NULL;

    if (options->watch && (!own || strcmp(own->name, "list") != 0))
        return usage_error(NULL, "--watch is for list; `xenvm-cmd VM watch' follows one VM");
    if (options->all)
        return run_for_all(options, count, words);
    if (count == 0) {
        put_usage(stderr);
        return EXIT_USAGE;
    }
    if (own)
        return own->run(options, count - 1, words + 1);
    if (count == 1)
        return usage_error(words[0], "no command is given; `xenvm-cmd help' lists them");
    /* A VM may be named like a command, but hardly with a second word that is none. */
    if (is_command(words[0]) && !is_command(words[1]))
        return usage_error(NULL, "the VM comes first, then the command; or --all for all VMs");
    return run_command(options, words[0], count - 1, words + 1);
}

static enum exit_status bad_option(char *const *argv, int option)
{
    char *message = NULL;
    enum exit_status status;

    if (option == ':')
        set_error(&message, "%s needs a number of seconds", argv[optind - 1]);
    else if (strncmp(argv[optind - 1], "--", 2) == 0)
        set_error(&message, "no such option: %s", argv[optind - 1]);
    else
        set_error(&message, "no such option: -%c (before words that begin with `-', put `--')",
                  optopt);
    status = usage_error(NULL, message);
    free(message);
    return status;
}

/* Reads one option into `options`. Returns false where it is all there was to do, with *status. */
static bool take_option(struct options *options, char *const *argv, int option,
                        enum exit_status *status)
{
    switch (option) {
    case 'a':
        options->all = true;
        return true;
    case 'j':
        options->json = true;
        return true;
    case 't':
        options->timeout = parse_seconds(optarg);
        if (options->timeout > 0)
            return true;
        *status = usage_error(NULL, "--timeout needs a whole number of seconds from 1 to 86400");
        return false;
    case 'w':
        options->watch = true;
        return true;
    case 'h':
        *status = show_help(options, 0, NULL);
        return false;
    case 'V':
        puts("xenvm-cmd " XENVM_VERSION);
        *status = finish_output();
        return false;
    default:
        *status = bad_option(argv, option);
        return false;
    }
}

/* getopt's form of the table of options. */
static void list_options(struct option known[OPTION_COUNT + 1], char letters[2 * OPTION_COUNT + 2])
{
    *letters++ = ':';
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_info *info = &option_table[i];

        known[i] = (struct option){ info->name, info->value ? required_argument : no_argument, NULL,
                                    info->letter };
        *letters++ = info->letter;
        if (info->value)
            *letters++ = ':';
    }
    known[OPTION_COUNT] = (struct option){ NULL, 0, NULL, 0 };
    *letters = '\0';
}

int main(int argc, char **argv)
{
    struct options options = { .json = false };
    struct option known[OPTION_COUNT + 1];
    char letters[2 * OPTION_COUNT + 2];
    enum exit_status status;
    int option;

    /* A reader that goes away is an error of writing like others. */
    signal(SIGPIPE, SIG_IGN);
    /* What follows are words of somebody else's command, not ours. */
    if (argc > 1 && strcmp(argv[1], "--complete") == 0) {
        put_completions(stdout, socket_directory(), argc - 2, argv + 2);
        return finish_output();
    }
    /* Nobody fills our few objects with colliding keys: no need for /dev/urandom. */
    json_object_seed(1);
    opterr = 0;
    list_options(known, letters);
    while ((option = getopt_long(argc, argv, letters, known, NULL)) != -1) {
        if (!take_option(&options, argv, option, &status))
            return status;
    }
    return run(&options, argc - optind, argv + optind);
}

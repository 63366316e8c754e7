/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-client/client.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static enum exit_status usage_error(const char *vm, const char *message)
{
    complain(vm, message);
    return EXIT_USAGE;
}

/* Of the command that `words` begin with; *used are as many as name it. NULL with a complaint. */
static const struct command_info *read_command(const char *vm, int count, char *const *words,
                                               int *used)
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

/* `words` name a command, or there are none. */
static enum exit_status show_help(int count, char *const *words)
{
    const struct command_info *command;
    int used;

    if (count == 0) {
        put_help(stdout);
        return finish_output();
    }
    if (strcmp(words[0], "list") == 0 && count == 1) {
        puts("usage: xenvm-cmd list [--json]\n\nShow every VM that has a monitor on this host.");
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
        return show_help(count - used, words + used);
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

static enum exit_status run(const struct options *options, int count, char *const *words)
{
    if (count == 0) {
        put_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(words[0], "help") == 0)
        return show_help(count - 1, words + 1);
    if (strcmp(words[0], "list") == 0)
        return count > 1 ? usage_error(NULL, "list takes no arguments") : list_vms(options);
    if (count == 1)
        return usage_error(words[0], "no command is given; `xenvm-cmd help' lists them");
    /* A VM may be named like a command, but hardly with a second word that is none. */
    if (is_command(words[0]) && !is_command(words[1]))
        return usage_error(NULL, "the VM comes first, then the command");
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
        set_error(&message, "no such option: -%c", optopt);
    status = usage_error(NULL, message);
    free(message);
    return status;
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        { "help", no_argument, NULL, 'h' },
        { "json", no_argument, NULL, 'j' },
        { "timeout", required_argument, NULL, 't' },
        { "version", no_argument, NULL, 'V' },
        { NULL, 0, NULL, 0 },
    };
    struct options options = { .json = false };
    int option;

    /* A reader that goes away is an error of writing like others. */
    signal(SIGPIPE, SIG_IGN);
    /* Nobody fills our few objects with colliding keys: no need for /dev/urandom. */
    json_object_seed(1);
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":hjt:V", known, NULL)) != -1) {
        switch (option) {
        case 'h':
            return show_help(0, NULL);
        case 'j':
            options.json = true;
            break;
        case 't':
            options.timeout = parse_seconds(optarg);
            if (options.timeout < 0)
                return usage_error(NULL,
                                   "--timeout needs a whole number of seconds from 1 to 86400");
            break;
        case 'V':
            puts("xenvm-cmd " XENVM_VERSION);
            return finish_output();
        default:
            return bad_option(argv, option);
        }
    }
    return run(&options, argc - optind, argv + optind);
}

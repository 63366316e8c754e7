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

static enum exit_status show_help(const char *name)
{
    const struct command_info *command;
    char *error = NULL;

    if (!name) {
        put_help(stdout);
        return finish_output();
    }
    if (strcmp(name, "list") == 0) {
        puts("usage: xenvm-cmd list [--json]\n\nShow every VM that has a monitor on this host.");
        return finish_output();
    }
    command = find_command(name, &error);
    if (!command) {
        complain(NULL, error);
        free(error);
        return EXIT_USAGE;
    }
    put_command_help(stdout, command);
    return finish_output();
}

/* `words` begins with the VM and the command. */
static enum exit_status run_command(const struct options *options, int count, char *const *words)
{
    const struct command_info *command;
    char *error = NULL;
    json_t *params = NULL;

    command = find_command(words[1], &error);
    if (command == &command_table[CMD_HELP] && count <= 3)
        return show_help(count == 3 ? words[2] : NULL);
    if (command)
        params = parse_arguments(command, count - 2, words + 2, &error);
    if (!params) {
        complain(words[0], error);
        free(error);
        return EXIT_USAGE;
    }
    if (command->flags & CMD_STREAM)
        return watch_vm(options, words[0], params);
    return call_vm(options, words[0], command, params);
}

static enum exit_status run(const struct options *options, int count, char *const *words)
{
    if (count == 0) {
        put_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(words[0], "help") == 0)
        return count > 2 ? usage_error(NULL, "help takes one command")
                         : show_help(count == 2 ? words[1] : NULL);
    if (strcmp(words[0], "list") == 0)
        return count > 1 ? usage_error(NULL, "list takes no arguments") : list_vms(options);
    if (count == 1)
        return usage_error(words[0], "no command is given; `xenvm-cmd help' lists them");
    /* A VM may be named like a command, but hardly with a second word that is none. */
    if (command_find(words[0]) && !command_find(words[1]))
        return usage_error(NULL, "the VM comes first, then the command");
    return run_command(options, count, words);
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
            return show_help(NULL);
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

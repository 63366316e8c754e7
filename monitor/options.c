/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "monitor/util.h"

static const char usage[] =
    "usage: xenvm [OPTION]... FILE\n"
    "Monitors one Xen virtual machine, described by FILE (see xenvm.cfg(5)).\n"
    "\n"
    "  --config FILE     the same as FILE alone\n"
    "  --uuid UUID       the VM's UUID, where the file names none\n"
    "  --name NAME       the VM's name, where the file has none\n"
    "  --no-daemonize    stay in the foreground, log to standard error\n"
    "  --exit-on-shutdown\n"
    "                    end when the guest has powered itself off and stays down\n"
    "  --lenient         warn of unknown keys instead of refusing the file\n"
    "  --check           judge the file and end; needs no Xen\n"
    "  --list-keys       list every key of the configuration and end\n"
    "  --version\n"
    "  --help\n"
    "\n"
    "Without --no-daemonize, it returns when the VM is in the state that the file's\n"
    "`startup` asks for: 0, or 1 with one line that says why not.\n"
    "xenvm-cmd(1) talks to it from then on.\n";

enum {
    OPT_CONFIG = 1,
    OPT_UUID,
    OPT_NAME,
    OPT_NO_DAEMONIZE,
    OPT_EXIT_ON_SHUTDOWN,
    OPT_LENIENT,
    OPT_CHECK,
    OPT_LIST_KEYS,
    OPT_VERSION,
    OPT_HELP
};

static const struct option long_options[] = {
    { "config", required_argument, NULL, OPT_CONFIG },
    { "uuid", required_argument, NULL, OPT_UUID },
    { "name", required_argument, NULL, OPT_NAME },
    { "no-daemonize", no_argument, NULL, OPT_NO_DAEMONIZE },
    { "exit-on-shutdown", no_argument, NULL, OPT_EXIT_ON_SHUTDOWN },
    { "lenient", no_argument, NULL, OPT_LENIENT },
    { "check", no_argument, NULL, OPT_CHECK },
    { "list-keys", no_argument, NULL, OPT_LIST_KEYS },
    { "version", no_argument, NULL, OPT_VERSION },
    { "help", no_argument, NULL, OPT_HELP },
    { NULL, 0, NULL, 0 },
};

static void wrong_usage(const char *why, const char *what) __attribute__((noreturn));

static void wrong_usage(const char *why, const char *what)
{
    if (why)
        fprintf(stderr, "xenvm: %s%s\n", why, what);
    fprintf(stderr, "usage: xenvm [OPTION]... FILE (--help says more)\n");
    exit(2);
}

static void print_and_end(void (*print)(FILE *out)) __attribute__((noreturn));

static void print_and_end(void (*print)(FILE *out))
{
    print(stdout);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("xenvm: standard output");
        exit(1);
    }
    exit(0);
}

static void print_usage(FILE *out)
{
    fputs(usage, out);
}

static void print_version(FILE *out)
{
    fprintf(out, "xenvm %s\n", XENVM_VERSION);
}

static void set_config(struct options *options, const char *path)
{
    if (options->config_path)
        wrong_usage("one FILE only: ", path);
    if (path[0] == '/') {
        options->config_path = copy_text(path);
        return;
    }
    char *directory = getcwd(NULL, 0); /* a daemon reads it again from elsewhere */
    options->config_path = directory ? text("%s/%s", directory, path) : copy_text(path);
    free(directory);
}

static void set_option(struct options *options, int option)
{
    switch (option) {
    case OPT_CONFIG:
        set_config(options, optarg);
        break;
    case OPT_UUID:
        if (uuid_parse(optarg, options->uuid) < 0 || uuid_is_null(options->uuid))
            wrong_usage("not a UUID: ", optarg);
        options->uuid_given = true;
        break;
    case OPT_NAME:
        options->name = optarg;
        break;
    case OPT_NO_DAEMONIZE:
        options->daemonize = false;
        break;
    case OPT_EXIT_ON_SHUTDOWN:
        options->exit_on_shutdown = true;
        break;
    case OPT_LENIENT:
        options->lenient = true;
        break;
    case OPT_CHECK:
        options->check = true;
        break;
    case OPT_LIST_KEYS:
        print_and_end(config_list_keys);
    case OPT_VERSION:
        print_and_end(print_version);
    case OPT_HELP:
        print_and_end(print_usage);
    default:
        wrong_usage(NULL, NULL);
    }
}

void options_parse(int argc, char **argv, struct options *options)
{
    int option;

    memset(options, 0, sizeof(*options));
    options->daemonize = true;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        set_option(options, option);
    for (; optind < argc; optind++)
        set_config(options, argv[optind]);
    if (!options->config_path)
        wrong_usage("no configuration FILE given", "");
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_OPTIONS_H
#define XENVM_MONITOR_OPTIONS_H

#include <stdbool.h>

#include <uuid/uuid.h>

struct options {
    const char *config_path; /* absolute; owned */
    bool uuid_given;
    uuid_t uuid;
    const char *name; /* NULL: not given */
    bool daemonize;
    bool exit_on_shutdown;
    bool lenient;
    bool check;
};

/* Ends the process itself for --help and the like (0) and for a wrong usage (2). */
void options_parse(int argc, char **argv, struct options *options);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_CONFIG_PARSER_H
#define XENVM_CONFIG_PARSER_H

/* What parse.c, which reads lines, hands to check.c, which looks at them all together. */

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

/* Line 0 stands for the whole file; no name for what is in no file. */
struct place {
    const char *file;
    unsigned int line;
};

struct parser {
    const struct config_text *file; /* the first layer, which others lie upon */
    unsigned int flags;
    struct config_report *report;
    struct vm_config *config;
    struct place at;           /* the line that is being read */
    enum config_origin origin; /* the layer's */
    bool in_first_boot, has_first_boot;
    bool no_text; /* and one message has said so */
    struct seen {
        struct place at; /* where the key was first given; line 0: nowhere */
        enum config_origin origin;
        bool valid; /* and its value was taken */
        char *as;   /* the name it was given under */
        struct given {
            struct place at;
            const char *as; /* in the table of keys */
        } * given;          /* the values of a key of devices, as they are in its list */
        size_t given_count;
    } * seen; /* one for each key of the table */
};

/* Adds `file:line: subject: …` to the report; a NULL subject for none. */
void parser_say(struct parser *parser, enum config_level level, const struct place *at,
                const char *subject, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* After the last line: what does not fit together, and what one key makes of another. */
void parser_check(struct parser *parser);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_CONFIG_FIELDS_H
#define XENVM_CONFIG_FIELDS_H

/*
 * Values with parts, `a:b:c` or `a=1,b=2`. Functions that return a char * return NULL, or a whole
 * message that names the wrong part and what is accepted there, malloc'd.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "config/text.h"

enum {
    /*
     * Bytes of a value, so that config_to_text() never writes a line that is too long to be read:
     * at worst, a value in double quotes has twice the length.
     */
    FIELDS_VALUE_MAX = 2000,
    /* xen/xen.h: domain ids from DOMID_FIRST_RESERVED on are none. */
    FIELDS_DOMID_MAX = 0x7ff0 - 1,
};

/* A value taken apart. */
struct fields {
    char **parts; /* at least one */
    size_t count;
    char *text; /* what the parts point into */
};

/*
 * Takes a value apart. With `escapes`, a backslash stands before a separator or a backslash that
 * is part of the text, and before nothing else. To be freed whatever the result.
 */
char *fields_split(struct fields *fields, const char *value, char separator, bool escapes);
void fields_free(struct fields *fields);

/* `PART 'TEXT' WHAT, accepted: ACCEPTS` */
char *fields_wrong(const char *part, const char *text, const char *what, const char *accepts);

/* A NAME=VALUE part. `set` gets the name as well, for its messages. */
struct field_option {
    const char *name; /* NULL ends the list */
    char *(*set)(void *device, const char *name, const char *text);
};

/* Sets a device's fields from NAME=VALUE parts, in any order and each at most once. */
char *fields_options(char *const *parts, size_t count, const struct field_option *options,
                     void *device);

/* Readers of one part. */
char *fields_number(const char *part, const char *text, unsigned int min, unsigned int max,
                    unsigned int *value);
char *fields_bool(const char *part, const char *text, bool *value);
char *fields_word(const char *part, const char *text, const struct config_word *words, int *value);
char *fields_path(const char *part, const char *text, char **value);
/* 1 to max letters, digits and characters of `others`, the first one a letter or a digit. */
char *fields_name(const char *part, const char *text, size_t max, const char *others, char **value);

/* Writing to memory, where being out of it aborts. */
struct fields_writer {
    FILE *out;
    char *text;
    size_t size;
};

FILE *fields_write(struct fields_writer *writer);
/* What has been written, malloc'd. */
char *fields_written(struct fields_writer *writer);

#endif

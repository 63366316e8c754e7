/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_CONFIG_TEXT_H
#define XENVM_CONFIG_TEXT_H

/* Small helpers on text. Those that allocate never return NULL for want of memory: they abort. */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum { TCP_PORT_MAX = 65535 };

char *config_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *config_vformat(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
void *config_alloc(size_t count, size_t size);
char *config_strndup(const char *text, size_t size);

/* A space or a tab. */
bool config_is_blank(char c);

/*
 * Text of a file as it stands in a message: in single quotes, cut after some 60 bytes. The text
 * has passed config_bad_text(). malloc'd.
 */
char *config_quote(const char *text);

/* One of the words that a value can be; a list of them ends with a NULL word. */
struct config_word {
    const char *word;
    int value; /* several words may stand for one value; the first is the one written */
};

const struct config_word *config_word_find(const struct config_word *words, const char *text);
/* The word for a value, or NULL. */
const char *config_word_of(const struct config_word *words, int value);
/* `a, b or c`, malloc'd. */
char *config_words_text(const struct config_word *words);

/*
 * Reads a whole decimal number without plus sign and leading zeros. NULL, or what is wrong with
 * it; `*value` is then as it was.
 */
const char *config_number(const char *text, long long min, long long max, long long *value);

/*
 * Judges one line: UTF-8 with no control character but tabs. NULL, or what is wrong with it,
 * malloc'd.
 */
char *config_bad_text(const char *line, size_t size);

#endif

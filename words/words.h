/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_WORDS_H
#define XENVM_WORDS_H

/* Words that people write, in a configuration file or as a command. */

#include <stddef.h>

/* 1 y yes true, 0 n no false, in any case: 1 or 0; -1 for anything else. */
int word_bool(const char *text);

/*
 * The search for the known word that a misspelt one stands for: word_search(), then word_offer()
 * for each known one, then `nearest`, NULL where none is near enough to be meant.
 */
struct word_search {
    const char *word, *nearest;
    size_t distance;
};

struct word_search word_search(const char *misspelt);
/* `known` may be NULL; it is not copied. */
void word_offer(struct word_search *search, const char *known);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "words/words.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Longer words than this are compared by their beginnings. */
enum { DISTANCE_MAX = 40 };

int word_bool(const char *text)
{
    static const char *const words[2][4] = {
        { "0", "n", "no", "false" },
        { "1", "y", "yes", "true" },
    };

    for (int value = 0; value < 2; value++) {
        for (size_t i = 0; i < 4; i++) {
            if (strcasecmp(text, words[value][i]) == 0)
                return value;
        }
    }
    return -1;
}

static bool same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters are to be changed, added, left out or swapped; case doesn't count. */
static size_t word_distance(const char *a, const char *b)
{
    size_t rows = strnlen(a, DISTANCE_MAX), columns = strnlen(b, DISTANCE_MAX);
    size_t table[DISTANCE_MAX + 1][DISTANCE_MAX + 1];

    for (size_t i = 0; i <= rows; i++) {
        for (size_t j = 0; j <= columns; j++) {
            if (i == 0 || j == 0) {
                table[i][j] = i + j;
                continue;
            }
            table[i][j] = table[i - 1][j - 1] + !same(a[i - 1], b[j - 1]);
            table[i][j] = least_of(table[i][j], table[i - 1][j] + 1);
            table[i][j] = least_of(table[i][j], table[i][j - 1] + 1);
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                table[i][j] = least_of(table[i][j], table[i - 2][j - 2] + 1);
        }
    }
    return table[rows][columns];
}

struct word_search word_search(const char *misspelt)
{
    size_t length = strlen(misspelt);

    /* A third of a word may be wrong: with more, the guess would puzzle rather than help. */
    return (struct word_search){
        .word = misspelt,
        .distance = length < 3   ? 1
                    : length < 6 ? 2
                                 : length / 3 + 1,
    };
}

void word_offer(struct word_search *search, const char *known)
{
    size_t distance = known ? word_distance(search->word, known) : search->distance;

    if (distance < search->distance) {
        search->nearest = known;
        search->distance = distance;
    }
}

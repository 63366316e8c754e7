/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/keys.h"
#include "config/text.h"

enum { COLUMNS = 5 };

static char *name_cell(const struct config_key *key)
{
    if (!key->alias)
        return config_format("%s", key->name);
    return config_format("%s, %s", key->name, key->alias);
}

static char *words_cell(const struct config_word *word)
{
    char *text = config_format("%s", word->word), *longer;

    for (word++; word->word; word++) {
        longer = config_format("%s|%s", text, word->word);
        free(text);
        text = longer;
    }
    return text;
}

static char *type_cell(const struct config_key *key)
{
    switch (key->type) {
    case KEY_BOOL:
        return config_format("boolean");
    case KEY_INT:
        return config_format("%lld..%lld%s%s", key->min, key->max, key->unit ? " " : "",
                             key->unit ? key->unit : "");
    case KEY_STRING:
        return config_format("text");
    case KEY_PATH:
        return config_format("absolute path");
    case KEY_NAME:
        return config_format("name");
    case KEY_UUID:
        return config_format("UUID");
    case KEY_WORD:
        return words_cell(key->words);
    case KEY_STARTUP:
        return config_format("mode");
    case KEY_TEXT:
    case KEY_FIELDS:
        return config_format("fields");
    }
    abort();
}

static char *help_cell(const struct config_key *key)
{
    return config_format("%s%s%s%s", key->help, key->format ? ": " : "",
                         key->format ? key->format : "", key->repeatable ? " (repeatable)" : "");
}

/* One row, each cell malloc'd. */
static void fill(const struct config_key *key, char *cells[COLUMNS])
{
    cells[0] = name_cell(key);
    cells[1] = type_cell(key);
    cells[2] = config_format("%s", key->fallback ? key->fallback : "-");
    cells[3] = config_key_guests(key);
    cells[4] = help_cell(key);
}

static void measure(char *cells[COLUMNS], int widths[COLUMNS])
{
    for (size_t i = 0; i < COLUMNS; i++) {
        int width = (int)strlen(cells[i]);

        if (width > widths[i])
            widths[i] = width;
    }
}

static void print_row(FILE *out, char *cells[COLUMNS], const int widths[COLUMNS])
{
    for (size_t i = 0; i + 1 < COLUMNS; i++)
        fprintf(out, "%-*s  ", widths[i], cells[i]);
    fprintf(out, "%s\n", cells[COLUMNS - 1]);
    for (size_t i = 0; i < COLUMNS; i++)
        free(cells[i]);
}

void config_list_keys(FILE *out)
{
    char *(*rows)[COLUMNS] = config_alloc(config_key_count + 1, sizeof(*rows));
    static const char *const titles[COLUMNS] = { "KEY", "VALUE", "DEFAULT", "GUESTS", "MEANING" };
    int widths[COLUMNS] = { 0 };

    for (size_t i = 0; i < COLUMNS; i++)
        rows[0][i] = config_format("%s", titles[i]);
    for (size_t i = 0; i < config_key_count; i++)
        fill(&config_keys[i], rows[i + 1]);
    for (size_t i = 0; i <= config_key_count; i++)
        measure(rows[i], widths);
    for (size_t i = 0; i <= config_key_count; i++)
        print_row(out, rows[i], widths);
    free(rows);
}

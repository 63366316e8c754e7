/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/devices.h"
#include "config/keys.h"
#include "config/text.h"
#include "config/value.h"

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

/* Whether a reader would take the bare value for something else. */
static bool needs_quotes(const char *value)
{
    size_t size = strlen(value);

    if (size == 0)
        return false;
    if (value[0] == '"' || value[0] == '#')
        return true;
    if (config_is_blank(value[0]) || config_is_blank(value[size - 1]))
        return true;
    for (size_t i = 1; i < size; i++) {
        if (value[i] == '#' && config_is_blank(value[i - 1]))
            return true;
    }
    return false;
}

static void write_value(FILE *out, const char *value)
{
    if (!needs_quotes(value)) {
        fputs(value, out);
        return;
    }
    fputc('"', out);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            fputc('\\', out);
        fputc(*value, out);
    }
    fputc('"', out);
}

static void write_line(FILE *out, const struct config_key *key, const char *value)
{
    fprintf(out, "%s = ", key->name);
    write_value(out, value);
    fputc('\n', out);
}

static void write_devices(FILE *out, const struct config_key *key, const struct vm_config *config)
{
    for (size_t i = 0; i < key->devices->count(config); i++) {
        char *value = key->devices->text(config, i);

        write_line(out, key, value);
        free(value);
    }
}

static void write_key(FILE *out, const struct config_key *key, const struct vm_config *config,
                      const struct vm_config *defaults)
{
    char *value = config_value_text(key, config);
    char *fallback = config_value_text(key, defaults);

    if (value && (!fallback || strcmp(value, fallback) != 0))
        write_line(out, key, value);
    free(value);
    free(fallback);
}

static void write_texts(FILE *out, const struct config_key *key, const struct vm_config *config)
{
    const struct config_texts *texts = (const void *)((const char *)config + key->offset);

    for (size_t i = 0; i < texts->count; i++)
        write_line(out, key, texts->list[i]);
}

char *config_to_text(const struct vm_config *config)
{
    struct vm_config *defaults = config_new();
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    for (size_t i = 0; i < config_key_count; i++) {
        if (config_keys[i].devices)
            write_devices(out, &config_keys[i], config);
        else if (config_keys[i].repeatable)
            write_texts(out, &config_keys[i], config);
        else
            write_key(out, &config_keys[i], config, defaults);
    }
    if (fclose(out) != 0)
        abort();
    config_free(defaults);
    return text;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-client/client.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A list whose objects have more keys than that is no table. */
enum { COLUMNS_MAX = 24 };

/* A column's head where `object` is NULL, else one cell's text: malloc'd. */
static char *cell_text(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    if (!object)
        put_text(out, key, false);
    else if (value && !json_is_null(value))
        put_value(out, value);
    fclose(out);
    for (char *c = text; !object && *c; c++)
        *c = (char)toupper((unsigned char)*c);
    /* What isn't there, and what would look so. */
    if (*text)
        return text;
    free(text);
    return strdup("-");
}

/* How many columns UTF-8 takes, each character counted as one. */
static int text_width(const char *text)
{
    int width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void put_cell(FILE *out, const struct column *column, const char *text, bool last)
{
    int padding = column->width - text_width(text);

    if (column->right)
        fprintf(out, "%*s%s", padding, "", text);
    else if (last)
        fputs(text, out);
    else
        fprintf(out, "%s%*s", text, padding, "");
    fputs(last ? "\n" : "  ", out);
}

void put_table(FILE *out, const json_t *objects, struct column *columns, size_t count)
{
    size_t cells = (json_array_size(objects) + 1) * count;
    char **texts = calloc(cells, sizeof(*texts));

    if (!texts)
        return;
    for (size_t i = 0; i < cells; i++) {
        const json_t *object = i < count ? NULL : json_array_get(objects, i / count - 1);
        struct column *column = &columns[i % count];

        texts[i] = cell_text(object, column->key);
        if (texts[i] && text_width(texts[i]) > column->width)
            column->width = text_width(texts[i]);
    }
    for (size_t i = 0; i < cells; i++) {
        put_cell(out, &columns[i % count], texts[i] ? texts[i] : "?", i % count == count - 1);
        free(texts[i]);
    }
    free(texts);
}

/* Takes an object's keys into the columns: false where there are too many. */
static bool add_columns(const json_t *object, struct column *columns, size_t *count)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        size_t i = 0;

        while (i < *count && strcmp(columns[i].key, key) != 0)
            i++;
        if (i == COLUMNS_MAX)
            return false;
        if (i == *count)
            columns[(*count)++] = (struct column){ .key = key, .right = true };
        /* One value that is none makes it no column of numbers. */
        if (!json_is_number(value) && !json_is_null(value))
            columns[i].right = false;
    }
    return true;
}

bool put_list(FILE *out, const json_t *result)
{
    struct column columns[COLUMNS_MAX];
    const json_t *objects, *object;
    size_t count = 0, index;
    void *only;

    if (json_object_size(result) != 1)
        return false;
    only = json_object_iter((json_t *)(uintptr_t)result);
    objects = json_object_iter_value(only);
    if (!json_is_array(objects))
        return false;
    json_array_foreach(objects, index, object)
    {
        if (!json_is_object(object) || !add_columns(object, columns, &count))
            return false;
    }
    if (count)
        put_table(out, objects, columns, count);
    return true;
}

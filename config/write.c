/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A configuration as text, whole or changed in one key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/devices.h"
#include "config/keys.h"
#include "config/text.h"
#include "config/value.h"

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

size_t config_values(const struct config_key *key, const struct vm_config *config, char ***values)
{
    const struct config_texts *texts = (const void *)((const char *)config + key->offset);
    size_t count = 0;

    if (key->devices)
        count = key->devices->count(config);
    else if (key->repeatable)
        count = texts->count;
    else
        count = 1;
    *values = config_alloc(count + 1, sizeof(**values));
    for (size_t i = 0; i < count; i++) {
        if (key->devices)
            (*values)[i] = key->devices->text(config, i);
        else if (key->repeatable)
            (*values)[i] = config_format("%s", texts->list[i]);
        else
            (*values)[i] = config_value_text(key, config);
    }
    return count && (*values)[0] ? count : 0;
}

void config_values_free(char **values)
{
    for (size_t i = 0; values[i]; i++)
        free(values[i]);
    free(values);
}

static bool is_same(char *const *a, char *const *b)
{
    for (; *a && *b; a++, b++)
        if (strcmp(*a, *b) != 0)
            return false;
    return !*a && !*b;
}

bool config_values_equal(const struct config_key *key, const struct vm_config *a,
                         const struct vm_config *b)
{
    char **of_a, **of_b;

    config_values(key, a, &of_a);
    config_values(key, b, &of_b);
    bool equal = is_same(of_a, of_b);
    config_values_free(of_a);
    config_values_free(of_b);
    return equal;
}

/* `hvm` is `type` once more. A default that can't be written is what a key has that isn't there. */
static bool belongs(const struct config_key *key, const struct vm_config *config,
                    const struct vm_config *defaults, enum config_extent extent)
{
    bool changed = !config_values_equal(key, config, defaults);

    if (extent == CONFIG_CHANGED)
        return changed;
    return strcmp(key->name, "hvm") != 0 &&
           (changed || (key->fallback && key->guests & config->type));
}

static void write_key(FILE *out, const struct config_key *key, const struct vm_config *config)
{
    char **values;
    size_t count = config_values(key, config, &values);

    for (size_t i = 0; i < count; i++)
        write_line(out, key, values[i]);
    config_values_free(values);
}

char *config_to_text(const struct vm_config *config, enum config_extent extent)
{
    struct vm_config *defaults = config_new();
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];

        if (belongs(key, config, defaults, extent))
            write_key(out, key, config);
    }
    if (fclose(out) != 0)
        abort();
    config_free(defaults);
    return text;
}

/* Whether a line, which ends with the text or a newline, is for the key. */
static bool is_of(const char *line, const struct config_key *key)
{
    size_t size;

    line += strspn(line, " \t");
    size = strcspn(line, " \t=\n");
    char *name = config_strndup(line, size);
    bool found = config_key_find(name) == key;
    free(name);
    return found;
}

char *config_edit(const char *text, const struct config_key *key, char *const *values)
{
    char *edited = NULL;
    size_t size;
    FILE *out = open_memstream(&edited, &size);

    if (!out)
        abort();
    while (*text) {
        int length = (int)strcspn(text, "\n");

        if (length && !is_of(text, key))
            fprintf(out, "%.*s\n", length, text);
        text += length + (text[length] == '\n');
    }
    for (; values && *values; values++)
        write_line(out, key, *values);
    if (fclose(out) != 0)
        abort();
    return edited;
}

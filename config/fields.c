/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/fields.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "words/words.h"

char *fields_split(struct fields *fields, const char *value, char separator, bool escapes)
{
    size_t size = strlen(value);
    char *out, *bad;

    *fields = (struct fields){ 0 };
    if (size > FIELDS_VALUE_MAX)
        return config_format("is %zu bytes long, accepted: at most %d bytes", size,
                             (int)FIELDS_VALUE_MAX);
    bad = config_bad_text(value, size);
    if (bad)
        return bad;
    fields->parts = config_alloc(size + 1, sizeof(*fields->parts));
    fields->text = out = config_alloc(size + 1, 1);
    fields->parts[fields->count++] = out;
    for (; *value; value++) {
        if (*value == separator) {
            *out++ = '\0';
            fields->parts[fields->count++] = out;
            continue;
        }
        if (escapes && *value == '\\' && *++value != separator && *value != '\\')
            return config_format("has a lone \\, accepted: \\%c for a %c and \\\\ for a \\",
                                 separator, separator);
        *out++ = *value;
    }
    return NULL;
}

void fields_free(struct fields *fields)
{
    free(fields->parts);
    free(fields->text);
    *fields = (struct fields){ 0 };
}

char *fields_wrong(const char *part, const char *text, const char *what, const char *accepts)
{
    char *quoted = config_quote(text);
    char *message = config_format("%s %s %s, accepted: %s", part, quoted, what, accepts);

    free(quoted);
    return message;
}

/* `a=, b= or c=`, malloc'd. */
static char *option_names(const struct field_option *options)
{
    char *text = config_format("%s=", options->name), *longer;

    for (options++; options->name; options++) {
        longer = config_format("%s%s%s=", text, options[1].name ? ", " : " or ", options->name);
        free(text);
        text = longer;
    }
    return text;
}

static char *no_option(const char *part, const char *what, const struct field_option *options)
{
    char *names = option_names(options);
    char *message = *part ? fields_wrong("part", part, what, names)
                          : config_format("has an empty part, accepted: %s", names);

    free(names);
    return message;
}

char *fields_options(char *const *parts, size_t count, const struct field_option *options,
                     void *device)
{
    unsigned long long given = 0;

    for (size_t i = 0; i < count; i++) {
        size_t length = strcspn(parts[i], "="), option = 0;
        char *wrong;

        if (!parts[i][length])
            return no_option(parts[i], "has no '='", options);
        while (options[option].name && (strlen(options[option].name) != length ||
                                        strncmp(options[option].name, parts[i], length) != 0))
            option++;
        if (!options[option].name)
            return no_option(parts[i], "is not known", options);
        if (given & 1ull << option)
            return config_format("%s is given twice, accepted: once", options[option].name);
        given |= 1ull << option;
        wrong = options[option].set(device, options[option].name, parts[i] + length + 1);
        if (wrong)
            return wrong;
    }
    return NULL;
}

char *fields_number(const char *part, const char *text, unsigned int min, unsigned int max,
                    unsigned int *value)
{
    long long number = 0;
    const char *what = config_number(text, min, max, &number);
    char *accepts, *message = NULL;

    if (what) {
        accepts = config_format("a whole number from %u to %u", min, max);
        message = fields_wrong(part, text, what, accepts);
        free(accepts);
    } else {
        *value = (unsigned int)number;
    }
    return message;
}

char *fields_bool(const char *part, const char *text, bool *value)
{
    int result = word_bool(text);

    if (result < 0)
        return fields_wrong(part, text, "is not a boolean",
                            "true, yes, y or 1, or false, no, n or 0");
    *value = result;
    return NULL;
}

char *fields_word(const char *part, const char *text, const struct config_word *words, int *value)
{
    const struct config_word *word = config_word_find(words, text);
    char *accepts, *message = NULL;

    if (word) {
        *value = word->value;
    } else {
        accepts = config_words_text(words);
        message = fields_wrong(part, text, "is not known", accepts);
        free(accepts);
    }
    return message;
}

char *fields_path(const char *part, const char *text, char **value)
{
    if (*text != '/')
        return fields_wrong(part, text, "is not an absolute path", "an absolute path");
    free(*value);
    *value = config_strndup(text, strlen(text));
    return NULL;
}

static bool letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

char *fields_name(const char *part, const char *text, size_t max, const char *others, char **value)
{
    size_t size = 0;
    char *accepts, *message;

    if (letter_or_digit(text[0])) {
        while (letter_or_digit(text[size]) || (text[size] && strchr(others, text[size])))
            size++;
    }
    if (size > 0 && size <= max && !text[size]) {
        free(*value);
        *value = config_strndup(text, size);
        return NULL;
    }
    accepts = config_format("1 to %zu letters, digits and characters of %s, the first one a "
                            "letter or a digit",
                            max, others);
    message = fields_wrong(part, text, "is no such name", accepts);
    free(accepts);
    return message;
}

FILE *fields_write(struct fields_writer *writer)
{
    *writer = (struct fields_writer){ 0 };
    writer->out = open_memstream(&writer->text, &writer->size);
    if (!writer->out)
        abort();
    return writer->out;
}

char *fields_written(struct fields_writer *writer)
{
    if (fclose(writer->out) != 0)
        abort();
    return writer->text;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUOTE_MAX = 60 };

char *config_vformat(const char *format, va_list args)
{
    char *text;

    if (vasprintf(&text, format, args) < 0)
        abort();
    return text;
}

char *config_format(const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = config_vformat(format, args);
    va_end(args);
    return text;
}

void *config_alloc(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (!memory)
        abort();
    return memory;
}

char *config_strndup(const char *text, size_t size)
{
    char *copy = strndup(text, size);

    if (!copy)
        abort();
    return copy;
}

bool config_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

char *config_quote(const char *text)
{
    size_t size = strlen(text);

    if (size <= QUOTE_MAX)
        return config_format("'%s'", text);
    /* Not in the middle of a UTF-8 sequence. */
    for (size = QUOTE_MAX; size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80; size--)
        ;
    return config_format("'%.*s...'", (int)size, text);
}

const struct config_word *config_word_find(const struct config_word *words, const char *text)
{
    for (; words->word; words++) {
        if (strcmp(words->word, text) == 0)
            return words;
    }
    return NULL;
}

const char *config_word_of(const struct config_word *words, int value)
{
    while (words->word && words->value != value)
        words++;
    return words->word;
}

char *config_words_text(const struct config_word *words)
{
    char *text = config_format("%s", words->word), *longer;

    for (words++; words->word; words++) {
        longer = config_format("%s%s%s", text, words[1].word ? ", " : " or ", words->word);
        free(text);
        text = longer;
    }
    return text;
}

const char *config_number(const char *text, long long min, long long max, long long *value)
{
    bool negative = *text == '-';
    const char *digits = text + negative;
    size_t count = strspn(digits, "0123456789");
    long long number = 0;
    bool overflow = false;

    if (count == 0 || digits[count] || (digits[0] == '0' && count > 1))
        return "is not a whole decimal number";
    for (size_t i = 0; i < count && !overflow; i++) {
        overflow = __builtin_mul_overflow(number, 10, &number) ||
                   __builtin_add_overflow(number, digits[i] - '0', &number);
    }
    if (!overflow && negative)
        number = -number;
    if (overflow ? negative : number < min)
        return "is too small";
    if (overflow || number > max)
        return "is too large";
    *value = number;
    return NULL;
}

/* Decodes one character at `s`, which has `left` > 0 bytes. Its length, or 0 where it is none. */
static size_t decode(const unsigned char *s, size_t left, uint32_t *character)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t length = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
    uint32_t value = length == 1 ? s[0] : s[0] & (0x7fu >> length);

    if (length == 0 || length > left || s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (s[i] & 0x3f);
    }
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *character = value;
    return length;
}

static bool is_control(uint32_t c)
{
    return (c < 0x20 && c != '\t') || (c >= 0x7f && c < 0xa0);
}

char *config_bad_text(const char *line, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)line;
    uint32_t c = 0;
    size_t length;

    for (size_t i = 0; i < size; i += length) {
        length = decode(bytes + i, size - i, &c);
        if (length == 0)
            return config_format("byte 0x%02x in column %zu is not UTF-8, accepted: UTF-8 text",
                                 (unsigned int)bytes[i], i + 1);
        if (is_control(c))
            return config_format("control character 0x%02x in column %zu, accepted: text and tabs",
                                 (unsigned int)c, i + 1);
    }
    return NULL;
}

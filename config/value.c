/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/value.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/devices.h"
#include "config/text.h"
#include "words/words.h"

static const struct {
    const char *word;
    bool takes_file;
} startup_words[] = {
    [STARTUP_STARTED] = { "started", false },        [STARTUP_PAUSED] = { "paused", false },
    [STARTUP_SHUTDOWN] = { "shutdown", false },      [STARTUP_RESTORE] = { "restore", true },
    [STARTUP_RESTORE_DEL] = { "restore-del", true },
};

enum { STARTUP_COUNT = sizeof(startup_words) / sizeof(startup_words[0]) };

/* Enumerations are read and written through an int. */
_Static_assert(sizeof(enum end_action) == sizeof(int), "enum end_action is as wide as int");
_Static_assert(sizeof(enum guest_type) == sizeof(int), "enum guest_type is as wide as int");

/* Says that `text`, quoted, is not such a thing: malloc'd. */
static char *wrong(const char *text, const char *what)
{
    char *quoted = config_quote(text);
    char *message = config_format("%s %s", quoted, what);

    free(quoted);
    return message;
}

static void replace(char **string, const char *text)
{
    free(*string);
    *string = *text ? config_strndup(text, strlen(text)) : NULL;
}

static char *set_bool(bool *field, const char *text)
{
    int value = word_bool(text);

    if (value < 0)
        return wrong(text, "is not a boolean");
    *field = value;
    return NULL;
}

static char *set_int(const struct config_key *key, long long *field, const char *text)
{
    const char *what = config_number(text, key->min, key->max, field);

    return what ? wrong(text, what) : NULL;
}

static char *set_string(const struct config_key *key, char **field, const char *text)
{
    if (key->max && strlen(text) > (size_t)key->max)
        return config_format("is %zu %s long", strlen(text), key->unit);
    replace(field, text);
    return NULL;
}

static char *set_path(char **field, const char *text)
{
    if (*text && *text != '/')
        return wrong(text, "is not an absolute path");
    replace(field, text);
    return NULL;
}

static bool letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static char *set_name(char **field, const char *text)
{
    uuid_t uuid;

    if (strlen(text) > CONFIG_NAME_MAX)
        return wrong(text, "is too long");
    if (!letter_or_digit(text[0]))
        return wrong(text, "doesn't begin with a letter or a digit");
    for (const char *c = text; *c; c++) {
        if (!letter_or_digit(*c) && !strchr("._+:@-", *c))
            return wrong(text, "holds a character that a name can't have");
    }
    if (uuid_parse(text, uuid) == 0)
        return wrong(text, "is a UUID");
    replace(field, text);
    return NULL;
}

static char *set_uuid(unsigned char *field, const char *text)
{
    uuid_t uuid;

    if (uuid_parse(text, uuid) != 0)
        return wrong(text, "is not a UUID");
    if (uuid_is_null(uuid))
        return wrong(text, "is the UUID of Domain-0");
    uuid_copy(field, uuid);
    return NULL;
}

static char *set_word(const struct config_key *key, void *field, const char *text)
{
    const struct config_word *word = config_word_find(key->words, text);

    if (!word)
        return wrong(text, "is not known");
    memcpy(field, &word->value, sizeof(word->value));
    return NULL;
}

static char *set_startup(struct vm_config *config, const char *text)
{
    size_t length = strcspn(text, " \t");
    const char *file = text + length + strspn(text + length, " \t");
    int mode = 0;

    while (mode < STARTUP_COUNT && (strlen(startup_words[mode].word) != length ||
                                    strncmp(startup_words[mode].word, text, length) != 0))
        mode++;
    if (mode == STARTUP_COUNT)
        return wrong(text, "is not known");
    if (startup_words[mode].takes_file && !*file)
        return wrong(text, "names no file");
    if (startup_words[mode].takes_file && *file != '/')
        return wrong(file, "is not an absolute path");
    if (!startup_words[mode].takes_file && *file)
        return wrong(text, "has something after the mode");
    config->startup = (enum startup_mode)mode;
    replace(&config->startup_file, file);
    return NULL;
}

static char *set_text(const struct config_key *key, void *field, const char *text)
{
    char *what = *text ? key->check(text) : NULL;
    struct config_texts *texts = field;

    if (what || !key->repeatable) {
        if (!what)
            replace(field, text);
        return what;
    }
    texts->list = reallocarray(texts->list, texts->count + 1, sizeof(*texts->list));
    if (!texts->list)
        abort();
    texts->list[texts->count++] = config_strndup(text, strlen(text));
    return NULL;
}

/* Then it is as if the key were not there. */
static bool may_be_empty(const struct config_key *key)
{
    return key->type == KEY_STRING || key->type == KEY_PATH ||
           (key->type == KEY_TEXT && !key->repeatable && !key->fallback);
}

char *config_value_set(const struct config_key *key, struct vm_config *config, const char *text)
{
    void *field = (char *)config + key->offset;

    /* A device says itself what it wants: a network card wants nothing. */
    if (key->devices)
        return config_devices_add(key->devices, config, text);
    if (!*text && !may_be_empty(key))
        return config_format("has no value");
    switch (key->type) {
    case KEY_BOOL:
        return set_bool(field, text);
    case KEY_INT:
        return set_int(key, field, text);
    case KEY_STRING:
        return set_string(key, field, text);
    case KEY_PATH:
        return set_path(field, text);
    case KEY_NAME:
        return set_name(field, text);
    case KEY_UUID:
        return set_uuid(field, text);
    case KEY_WORD:
        return set_word(key, field, text);
    case KEY_STARTUP:
        return set_startup(config, text);
    case KEY_TEXT:
        return set_text(key, field, text);
    case KEY_FIELDS:
        break;
    }
    abort();
}

static char *word_text(const struct config_key *key, const void *field)
{
    const char *word;
    int value;

    memcpy(&value, field, sizeof(value));
    word = config_word_of(key->words, value);
    return word ? config_format("%s", word) : NULL;
}

static char *uuid_text(const unsigned char *uuid)
{
    char text[UUID_STR_LEN];

    if (uuid_is_null(uuid))
        return NULL;
    uuid_unparse_lower(uuid, text);
    return config_format("%s", text);
}

static char *startup_text(const struct vm_config *config)
{
    if (!startup_words[config->startup].takes_file)
        return config_format("%s", startup_words[config->startup].word);
    return config_format("%s %s", startup_words[config->startup].word, config->startup_file);
}

char *config_value_text(const struct config_key *key, const struct vm_config *config)
{
    const void *field = (const char *)config + key->offset;
    const char *string;

    switch (key->type) {
    case KEY_BOOL:
        return config_format("%s", *(const bool *)field ? "true" : "false");
    case KEY_INT:
        return config_format("%lld", *(const long long *)field);
    case KEY_STRING:
    case KEY_PATH:
    case KEY_NAME:
    case KEY_TEXT:
        string = *(char *const *)field;
        return string ? config_format("%s", string) : NULL;
    case KEY_UUID:
        return uuid_text(field);
    case KEY_WORD:
        return word_text(key, field);
    case KEY_STARTUP:
        return startup_text(config);
    case KEY_FIELDS:
        break;
    }
    abort();
}

static void clear_text(const struct config_key *key, void *field)
{
    struct config_texts *texts = field;

    if (!key->repeatable) {
        replace(field, "");
        return;
    }
    for (size_t i = 0; i < texts->count; i++)
        free(texts->list[i]);
    free(texts->list);
    *texts = (struct config_texts){ 0 };
}

void config_value_clear(const struct config_key *key, struct vm_config *config)
{
    switch (key->type) {
    case KEY_FIELDS:
        config_devices_clear(key->devices, config);
        break;
    case KEY_TEXT:
        clear_text(key, (char *)config + key->offset);
        break;
    case KEY_STRING:
    case KEY_PATH:
    case KEY_NAME:
        replace((char **)((char *)config + key->offset), "");
        break;
    case KEY_STARTUP:
        replace(&config->startup_file, "");
        break;
    default:
        break;
    }
}

/* Of a value that has no text to be cleared. */
static size_t plain_size(const struct config_key *key)
{
    switch (key->type) {
    case KEY_BOOL:
        return sizeof(bool);
    case KEY_INT:
        return sizeof(long long);
    case KEY_WORD:
        return sizeof(int);
    case KEY_UUID:
        return sizeof(uuid_t);
    default:
        return 0;
    }
}

void config_value_reset(const struct config_key *key, struct vm_config *config)
{
    config_value_clear(key, config);
    memset((char *)config + key->offset, 0, plain_size(key));
    if (key->fallback)
        free(config_value_set(key, config, key->fallback)); /* config_new() has had it */
}

void config_value_copy(const struct config_key *key, struct vm_config *to,
                       const struct vm_config *from)
{
    char **values;
    size_t count = config_values(key, from, &values);

    config_value_reset(key, to);
    for (size_t i = 0; i < count; i++)
        free(config_value_set(key, to, values[i]));
    config_values_free(values);
}

void config_copy_live(struct vm_config *to, const struct vm_config *from)
{
    bool others = to->kind == CONFIG_FIRST_BOOT && from->kind != CONFIG_FIRST_BOOT;

    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];

        if (!key->live || (others && to->origins[i] == FROM_FIRST_BOOT))
            continue;
        config_value_copy(key, to, from);
        to->origins[i] = from->origins[i];
    }
}

const char *end_action_name(enum end_action action)
{
    static const char *const names[] = {
        [END_DESTROY] = "destroy",
        [END_RESTART] = "restart",
        [END_PRESERVE] = "preserve",
    };

    return names[action];
}

const char *guest_type_name(enum guest_type type)
{
    return type == GUEST_PV ? "pv" : type == GUEST_PVH ? "pvh" : "hvm";
}

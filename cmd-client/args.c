/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-client/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "words/words.h"

static bool is_one_of(const char *word, const char *const *list)
{
    while (*list && strcmp(word, *list) != 0)
        list++;
    return *list;
}

const char *const *long_form_words(int position)
{
    static const char *const kinds[] = { "disk", "nic", "pci", NULL };
    static const char *const verbs[] = { "list", "add", "del", NULL };

    return position == 1 ? kinds : verbs;
}

int command_words(int count, char *const *words, char **name, char **error)
{
    *name = NULL;
    if (strcmp(words[0], LONG_FORM) != 0) {
        *name = strdup(words[0]);
        return *name ? 1 : 0;
    }
    if (count < 3 || !is_one_of(words[1], long_form_words(1)) ||
        !is_one_of(words[2], long_form_words(2))) {
        set_error(error, LONG_FORM " takes disk, nic or pci, and then list, add or del");
        return 0;
    }
    if (asprintf(name, "%s-%s", words[1], words[2]) < 0)
        *name = NULL;
    return *name ? 3 : 0;
}

const struct command_info *find_command(const char *name, char **error)
{
    const struct command_info *command = command_find(name);
    const char *nearest;

    if (command)
        return command;
    nearest = command_nearest(name);
    if (nearest)
        set_error(error, "unknown command `%s'; did you mean `%s'?", name, nearest);
    else
        set_error(error, "unknown command `%s'; `xenvm-cmd help' lists them", name);
    return NULL;
}

/* The argument that a `key=value` word is for, or NULL. */
static const struct command_arg *find_argument(const struct command_info *command, const char *word,
                                               size_t length)
{
    for (size_t i = 0; i < MAX_ARGS && command->args[i].name; i++) {
        const char *name = command->args[i].name;

        if (strlen(name) == length && memcmp(name, word, length) == 0)
            return &command->args[i];
    }
    return NULL;
}

bool takes_bare_word(const struct command_info *command, size_t index)
{
    const struct command_arg *arg = &command->args[index];

    return arg->name && (arg->type == ARG_TEXT || arg->type == ARG_NUMBER) &&
           (index == 0 || (index == 1 && (command->flags & CMD_BARE_PAIR)));
}

/*
 * The argument that a word is the value of which names none: the first one, or one of a pair. A
 * word with an equals sign is no number, but a misspelt argument.
 */
static const struct command_arg *bare_argument(const struct command_info *command, const char *word,
                                               const json_t *params)
{
    for (size_t i = 0; i < MAX_ARGS && takes_bare_word(command, i); i++) {
        const struct command_arg *arg = &command->args[i];

        if (!json_object_get(params, arg->name))
            return arg->type == ARG_NUMBER && strchr(word, '=') ? NULL : arg;
    }
    return NULL;
}

static void explain_unknown(const struct command_info *command, const char *word, char **error)
{
    char *accepted = NULL;
    size_t size;
    FILE *out;

    if (!command->args[0].name) {
        set_error(error, "%s takes no arguments, but was given `%s'", command->name, word);
        return;
    }
    out = open_memstream(&accepted, &size);
    if (!out)
        return;
    put_synopsis(out, command);
    fclose(out);
    set_error(error, "%s has no argument `%s'; usage: %s", command->name, word, accepted);
    free(accepted);
}

/*
 * A path that means the same to the monitor, whose working directory is another. Links stay as
 * they are: what they lead to may change until the monitor gets there.
 */
static char *absolute_path(const char *path)
{
    char *cwd, *absolute;

    if (*path == '/')
        return strdup(path);
    cwd = getcwd(NULL, 0);
    if (!cwd)
        return NULL;
    while (path[0] == '.' && path[1] == '/') {
        for (path += 2; *path == '/'; path++)
            ;
    }
    if (asprintf(&absolute, "%s/%s", strcmp(cwd, "/") == 0 ? "" : cwd, path) < 0)
        absolute = NULL;
    free(cwd);
    return absolute;
}

static json_t *parse_path(const struct command_arg *arg, const char *text, char **error)
{
    json_t *value;
    char *path;

    if (!*text) {
        set_error(error, "%s: a path is needed", arg->name);
        return NULL;
    }
    path = absolute_path(text);
    if (!path) {
        set_error(error, "%s: `%s' is relative, and the working directory: %s", arg->name, text,
                  strerror(errno));
        return NULL;
    }
    value = json_string(path);
    if (!value)
        set_error(error, "%s: `%s' is not valid UTF-8", arg->name, text);
    free(path);
    return value;
}

static json_t *parse_text(const struct command_arg *arg, const char *text, char **error)
{
    json_t *value = is_argument_text(text) ? json_string(text) : NULL;

    if (!value)
        set_error(error, "%s: a text of 1 to %d bytes is needed, UTF-8 without control characters",
                  arg->name, ARG_TEXT_MAX);
    return value;
}

static json_t *parse_value(const struct command_arg *arg, const char *text, char **error)
{
    int number;

    switch (arg->type) {
    case ARG_BOOL:
        number = word_bool(text);
        if (number >= 0)
            return json_string(number ? "true" : "false");
        set_error(error, "%s: `%s' is not one of 1, y, yes, true, 0, n, no, false", arg->name,
                  text);
        return NULL;
    case ARG_SECONDS:
        if (parse_seconds(text) > 0)
            return json_string(text);
        set_error(error, "%s: `%s' is not a whole number of seconds from 1 to 86400", arg->name,
                  text);
        return NULL;
    case ARG_NUMBER:
        if (parse_number(text) >= 0)
            return json_string(text);
        set_error(error, "%s: `%s' is not a whole number from 0 to 99999999", arg->name, text);
        return NULL;
    case ARG_PATH:
        return parse_path(arg, text, error);
    case ARG_TEXT:
        return parse_text(arg, text, error);
    }
    return NULL;
}

static int parse_word(const struct command_info *command, const char *word, json_t *params,
                      char **error)
{
    size_t length = strcspn(word, "=");
    const struct command_arg *arg = find_argument(command, word, length);
    const char *text = word + length + 1;
    json_t *value;

    if (arg && word[length] != '=') {
        set_error(error, "%s: write %s=%s", arg->name, arg->name, value_name(arg->type));
        return -1;
    }
    if (!arg) {
        arg = bare_argument(command, word, params);
        text = word;
    }
    if (!arg) {
        explain_unknown(command, word, error);
        return -1;
    }
    if (json_object_get(params, arg->name)) {
        set_error(error, "%s is given twice", arg->name);
        return -1;
    }
    value = parse_value(arg, text, error);
    return value ? json_object_set_new_nocheck(params, arg->name, value) : -1;
}

json_t *parse_arguments(const struct command_info *command, int count, char *const *words,
                        char **error)
{
    json_t *params = json_object();

    for (int i = 0; i < count; i++) {
        if (parse_word(command, words[i], params, error) < 0) {
            json_decref(params);
            return NULL;
        }
    }
    for (size_t i = 0; i < MAX_ARGS && command->args[i].name; i++) {
        const struct command_arg *arg = &command->args[i];

        if (arg->required && !json_object_get(params, arg->name)) {
            set_error(error, "%s needs %s=%s, %s", command->name, arg->name, value_name(arg->type),
                      arg->help);
            json_decref(params);
            return NULL;
        }
    }
    return params;
}

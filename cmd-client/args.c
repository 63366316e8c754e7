/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-client/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "words/words.h"

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
    case ARG_PATH:
        return parse_path(arg, text, error);
    }
    return NULL;
}

static int parse_word(const struct command_info *command, const char *word, json_t *params,
                      char **error)
{
    size_t length = strcspn(word, "=");
    const struct command_arg *arg = find_argument(command, word, length);
    json_t *value;

    if (!arg) {
        explain_unknown(command, word, error);
        return -1;
    }
    if (word[length] != '=') {
        set_error(error, "%s: write %s=VALUE", arg->name, arg->name);
        return -1;
    }
    if (json_object_get(params, arg->name)) {
        set_error(error, "%s is given twice", arg->name);
        return -1;
    }
    value = parse_value(arg, word + length + 1, error);
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
            set_error(error, "%s needs %s=%s, %s", command->name, arg->name,
                      arg->type == ARG_PATH ? "PATH" : "VALUE", arg->help);
            json_decref(params);
            return NULL;
        }
    }
    return params;
}

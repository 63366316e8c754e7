/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/allow.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "config/text.h"
#include "protocol/commands.h"

#define BLANKS " \t"

_Static_assert(COMMAND_COUNT <= 64, "a bit for each command");

/* `WHAT 'WORD' WRONG`, malloc'd. */
static char *wrong(const char *what, const char *word, const char *why)
{
    char *quoted = config_quote(word);
    char *message = config_format("%s %s %s", what, quoted, why);

    free(quoted);
    return message;
}

/* NULL, or what is wrong, malloc'd. */
static char *look_up(const char *name, struct allow_rule *rule)
{
    const struct passwd *user = rule->group ? NULL : getpwnam(name);
    const struct group *group = rule->group ? getgrnam(name) : NULL;

    if (user)
        rule->id = user->pw_uid;
    if (group)
        rule->id = group->gr_gid;
    if (user || group)
        return NULL;
    return wrong(rule->group ? "group" : "user", name, "is not known on this host");
}

static char *add_command(const char *name, struct allow_rule *rule)
{
    const struct command_info *command = command_find(name);

    if (!command)
        return wrong("command", name, "is not known");
    if (!command_is_for_others(command))
        return wrong("command", name,
                     "is for root alone: it has files or devices of the host opened that its "
                     "caller names");
    rule->commands |= UINT64_C(1) << (command - command_table);
    return NULL;
}

/* Commands with a comma between each two, and blanks around them. */
static char *add_commands(const char *text, struct allow_rule *rule)
{
    char *what = NULL;

    for (;;) {
        size_t length = strcspn(text, ",");
        size_t first = strspn(text, BLANKS), end = length;

        while (end > first && config_is_blank(text[end - 1]))
            end--;
        char *name = end > first ? config_strndup(text + first, end - first) : NULL;
        what = name ? add_command(name, rule) : config_format("a command is missing");
        free(name);
        if (what || !text[length])
            return what;
        text += length + 1;
    }
}

/* The same but for the name, which is the caller's to free. */
static char *read_rule(const char *text, struct allow_rule *rule, char **name)
{
    size_t length = strcspn(text, BLANKS);
    char *kind = config_strndup(text, length);
    const char *rest = text + length + strspn(text + length, BLANKS);
    char *what = NULL;

    *name = config_strndup(rest, strcspn(rest, BLANKS));
    *rule = (struct allow_rule){ .group = !strcmp(kind, "group") };
    if (!rule->group && strcmp(kind, "user") != 0)
        what = wrong("the word", kind, "is neither user nor group");
    else if (!**name)
        what = config_format("a name is missing");
    else
        what = add_commands(rest + strlen(*name), rule);
    free(kind);
    return what;
}

char *allow_check(const char *text)
{
    struct allow_rule rule;
    char *name, *what = read_rule(text, &rule, &name);

    free(name);
    return what;
}

char *allow_read(const char *text, struct allow_rule *rule)
{
    char *name, *what = read_rule(text, rule, &name);

    if (!what)
        what = look_up(name, rule);
    free(name);
    return what;
}

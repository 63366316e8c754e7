/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/devices.h"
#include "config/keys.h"
#include "config/parser.h"
#include "config/report.h"
#include "config/text.h"
#include "config/value.h"

enum { KEY_SIZE_MAX = 64, LINE_SIZE_MAX = 4096 };

void parser_say(struct parser *parser, enum config_level level, const struct place *at,
                const char *subject, const char *format, ...)
{
    const char *file = at->line ? at->file : parser->file->name;
    char *what, *where;
    va_list args;

    va_start(args, format);
    what = config_vformat(format, args);
    va_end(args);
    if (!file)
        where = config_format("%s", "");
    else if (at->line)
        where = config_format("%s:%u: ", file, at->line);
    else
        where = config_format("%s: ", file);
    config_report_add(
        parser->report, level, parser->file->name,
        config_format("%s%s%s%s", where, subject ? subject : "", subject ? ": " : "", what));
    free(where);
    free(what);
}

#define complain(parser, subject, ...)                                                             \
    parser_say(parser, CONFIG_ERROR, &(parser)->at, subject, __VA_ARGS__)

/* Adds `file:line: subject: what, accepted: …`. */
static void complain_value(struct parser *parser, const char *subject, const struct config_key *key,
                           const char *what)
{
    char *accepts = config_key_accepts(key);

    complain(parser, subject, "%s, accepted: %s", what, accepts);
    free(accepts);
}

/* Text in double quotes; `text` is behind the first. The value, malloc'd, or NULL. */
static char *read_quoted(struct parser *parser, const char *subject, const char *text)
{
    char *value = config_alloc(strlen(text) + 1, 1);
    const char *wrong = NULL, *rest;
    size_t size = 0;

    for (; *text && *text != '"'; text++) {
        if (*text == '\\' && *++text != '"' && *text != '\\') {
            wrong = "a lone \\ in double quotes, accepted: \\\" and \\\\";
            break;
        }
        value[size++] = *text;
    }
    if (!wrong && !*text)
        wrong = "the closing double quote is missing, accepted: \"text\"";
    if (!wrong) {
        rest = text + 1 + strspn(text + 1, " \t");
        if (*rest && (*rest != '#' || rest == text + 1))
            wrong = "text after the closing double quote, accepted: nothing, or white space and "
                    "a # comment (a double quote inside is \\\")";
    }
    if (!wrong)
        return value;
    complain(parser, subject, "%s", wrong);
    free(value);
    return NULL;
}

/* The value in what follows a '=', malloc'd; NULL after a complaint. */
static char *read_value(struct parser *parser, const char *subject, const char *text)
{
    size_t end = 0, quotes = 0, start = strspn(text, " \t");

    if (text[start] == '"')
        return read_quoted(parser, subject, text + start + 1);
    for (; text[end]; end++) {
        if (text[end] == '#' && end > 0 && config_is_blank(text[end - 1]))
            break;
        quotes += text[end] == '"';
    }
    if (text[end] && quotes % 2 != 0) {
        complain(parser, subject,
                 "a # comment begins between double quotes, accepted: the whole value in double "
                 "quotes, with \\\" for each one inside");
        return NULL;
    }
    while (end > start && config_is_blank(text[end - 1]))
        end--;
    if (end <= start)
        return config_strndup("", 0);
    return config_strndup(text + start, end - start);
}

static void unknown_key(struct parser *parser, const char *name)
{
    enum config_level level = parser->flags & CONFIG_LENIENT ? CONFIG_WARNING : CONFIG_ERROR;
    const char *nearest = config_key_nearest(name);

    if (nearest)
        parser_say(parser, level, &parser->at, name, "unknown key, did you mean '%s'?", nearest);
    else
        parser_say(parser, level, &parser->at, name, "unknown key, accepted: those of --list-keys");
}

/* Keeps where a device was given, for check_devices(). */
static void remember(struct parser *parser, const struct config_key *key, struct seen *seen,
                     const char *name)
{
    seen->given = reallocarray(seen->given, seen->given_count + 1, sizeof(*seen->given));
    if (!seen->given)
        abort();
    seen->given[seen->given_count++] = (struct given){
        .at = parser->at,
        .as = strcmp(name, key->name) == 0 ? key->name : key->alias,
    };
}

static void assign(struct parser *parser, const struct config_key *key, struct seen *seen,
                   const char *name, const char *text)
{
    char *value = read_value(parser, name, text), *wrong;

    if (!value)
        return;
    wrong = config_value_set(key, parser->config, value);
    if (wrong && key->devices)
        complain(parser, name, "%s", wrong);
    else if (wrong)
        complain_value(parser, name, key, wrong);
    else
        seen->valid = true;
    if (!wrong)
        parser->config->origins[key - config_keys] = (unsigned char)parser->origin;
    if (!wrong && key->devices)
        remember(parser, key, seen, name);
    free(wrong);
    free(value);
}

/* What an earlier layer said of the key counts no more. */
static void forget(struct parser *parser, const struct config_key *key)
{
    struct seen *seen = &parser->seen[key - config_keys];

    if (!seen->at.line || seen->origin == parser->origin)
        return;
    free(seen->as);
    free(seen->given);
    *seen = (struct seen){ 0 };
    config_value_reset(key, parser->config);
    parser->config->origins[key - config_keys] = FROM_DEFAULT;
}

/* Two keys for one thing: the later layer counts, whichever of them it has. */
static void forget_twin(struct parser *parser, const struct config_key *key)
{
    if (!strcmp(key->name, "type"))
        forget(parser, config_key_find("hvm"));
    else if (!strcmp(key->name, "hvm"))
        forget(parser, config_key_find("type"));
}

static void key_and_value(struct parser *parser, const char *name, const char *text)
{
    const struct config_key *key = config_key_find(name);
    struct seen *seen;

    if (!key) {
        unknown_key(parser, name);
        return;
    }
    if (key->identity && parser->origin != FROM_FILE) {
        complain(parser, name, "is the VM's identity, accepted: in the file, before any heading");
        return;
    }
    if (key->monitors && parser->origin == FROM_FIRST_BOOT) {
        complain(parser, name, "is no matter of one boot, accepted: before any heading");
        return;
    }
    forget(parser, key);
    forget_twin(parser, key);
    seen = &parser->seen[key - config_keys];
    if (seen->at.line && !key->repeatable && strcmp(name, seen->as) == 0) {
        complain(parser, name, "repeated, accepted: once, first given in line %u", seen->at.line);
    } else if (seen->at.line && !key->repeatable) {
        complain(parser, name, "repeated, accepted: once, first given as %s in line %u", seen->as,
                 seen->at.line);
    } else {
        if (!seen->at.line) {
            seen->at = parser->at;
            seen->origin = parser->origin;
            seen->as = config_strndup(name, strlen(name));
        }
        assign(parser, key, seen, name, text);
    }
}

/* Where the '=' of a line is that isn't in a comment, or the line's end. */
static size_t find_equals(const char *line)
{
    size_t i;

    for (i = 0; line[i] && line[i] != '='; i++) {
        if (line[i] == '#' && i > 0 && config_is_blank(line[i - 1]))
            return strlen(line);
    }
    return i;
}

/* A line that has no `key =` to begin with. */
static void no_key(struct parser *parser, const char *line)
{
    char *word = config_strndup(line, strcspn(line, " \t=#"));
    char *quoted = config_quote(line);

    if (*line == '=')
        complain(parser, NULL, "no key before the '=', accepted: key = value");
    else if (config_key_find(word))
        complain(parser, word, "'=' is missing, accepted: %s = value", word);
    else
        complain(parser, NULL, "%s is no key with a value, accepted: key = value", quoted);
    free(word);
    free(quoted);
}

/* Each layer takes its own part of the file. */
static bool is_wanted(const struct parser *parser)
{
    return parser->in_first_boot == (parser->origin == FROM_FIRST_BOOT);
}

/* `[first-boot]`, and perhaps a comment. */
static void heading(struct parser *parser, const char *line)
{
    static const char known[] = "[first-boot]";
    size_t size = sizeof(known) - 1;
    const char *rest;
    char *quoted;

    if (parser->origin != FROM_SET && strncmp(line, known, size) == 0) {
        rest = line + size + strspn(line + size, " \t");
        if (*rest == '\0' || (*rest == '#' && rest > line + size)) {
            parser->in_first_boot = true;
            return;
        }
    }
    quoted = config_quote(line);
    complain(parser, NULL, "%s is no heading, accepted: %s", quoted,
             parser->origin == FROM_SET ? "none here" : known);
    free(quoted);
}

/* One line of text, NUL-terminated, without its end. */
static void statement(struct parser *parser, const char *line)
{
    size_t equals, size;
    char *name;

    line += strspn(line, " \t");
    if (*line == '[')
        heading(parser, line);
    if (*line == '\0' || *line == '#' || *line == '[' || !is_wanted(parser))
        return;
    equals = size = find_equals(line);
    while (size > 0 && config_is_blank(line[size - 1]))
        size--;
    name = config_strndup(line, size);
    if (size == 0 || line[equals] != '=' || name[strcspn(name, " \t\"'#")] || size > KEY_SIZE_MAX)
        no_key(parser, line);
    else
        key_and_value(parser, name, line + equals + 1);
    free(name);
}

/* One line as it stands in the file, without the newline. */
static void raw_line(struct parser *parser, const char *line, size_t size)
{
    char *bad, *text;

    if (size > 0 && line[size - 1] == '\r')
        size--;
    if (size > LINE_SIZE_MAX) {
        complain(parser, NULL, "the line has %zu bytes, accepted: at most %d", size,
                 (int)LINE_SIZE_MAX);
        return;
    }
    bad = config_bad_text(line, size);
    if (bad) {
        complain(parser, NULL, "%s", bad);
        free(bad);
        return;
    }
    text = config_strndup(line, size);
    statement(parser, text);
    free(text);
}

/* A file with NUL bytes is a program or an image: one message is enough. */
static bool is_binary(struct parser *parser, const char *text, size_t size)
{
    const char *nul = size > 0 ? memchr(text, '\0', size) : NULL;

    if (!nul)
        return false;
    parser->at.line = 1;
    for (const char *c = text; c < nul; c++)
        parser->at.line += *c == '\n';
    complain(parser, NULL, "NUL byte, accepted: a text file");
    parser->no_text = true;
    return true;
}

static void all_lines(struct parser *parser, const char *text, size_t size)
{
    const char *end = text + size, *newline;

    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    while (text < end) {
        newline = memchr(text, '\n', (size_t)(end - text));
        parser->at.line++;
        raw_line(parser, text, (size_t)((newline ? newline : end) - text));
        if (!newline)
            break;
        text = newline + 1;
    }
}

/* One layer: what the text says there takes the place of what earlier ones said. */
static void layer(struct parser *parser, const struct config_text *text, enum config_origin origin)
{
    parser->origin = origin;
    parser->at = (struct place){ .file = text->name };
    parser->in_first_boot = false;
    if (text->size > CONFIG_FILE_MAX) {
        parser->no_text = true;
        parser->at.line = 0;
        complain(parser, NULL, "too large, accepted: at most 1 MiB");
    } else if (text->size && !is_binary(parser, text->text, text->size)) {
        all_lines(parser, text->text, text->size);
    }
    parser->has_first_boot |= parser->in_first_boot;
}

/* Without `first`, what is under [first-boot] is left out. */
static struct vm_config *parse(const struct config_text *file, const struct config_text *set,
                               bool *first, unsigned int flags, struct config_report *report)
{
    struct parser parser = { .file = file, .flags = flags, .report = report };

    parser.config = config_new();
    parser.seen = config_alloc(config_key_count, sizeof(*parser.seen));
    layer(&parser, file, FROM_FILE);
    if (set)
        layer(&parser, set, FROM_SET);
    if (*first)
        layer(&parser, file, FROM_FIRST_BOOT);
    *first = parser.has_first_boot;
    /* What isn't a text has been told in one message. */
    if (!parser.no_text)
        parser_check(&parser);
    for (size_t i = 0; i < config_key_count; i++) {
        free(parser.seen[i].as);
        free(parser.seen[i].given);
    }
    free(parser.seen);
    return parser.config;
}

static bool has_message(const struct config_report *report, const char *text)
{
    for (size_t i = 0; i < report->count; i++)
        if (strcmp(report->messages[i].text, text) == 0)
            return true;
    return false;
}

/* Adds what the first boot alone has to say. */
static void merge(struct config_report *report, const struct config_report *other, const char *name)
{
    for (size_t i = 0; i < other->count; i++) {
        const struct config_message *message = &other->messages[i];

        if (!has_message(report, message->text))
            config_report_add(report, message->level, name, config_format("%s", message->text));
    }
}

struct vm_config *config_assemble(const struct config_text *file, const struct config_text *set,
                                  unsigned int flags, struct vm_config **first,
                                  struct config_report *report)
{
    struct config_report other = { 0 };
    bool has_first = false;

    *report = (struct config_report){ 0 };
    struct vm_config *config = parse(file, set, &has_first, flags, report);
    *first = has_first ? parse(file, set, &has_first, flags, &other) : NULL;
    merge(report, &other, file->name);
    config_report_free(&other);
    if (*first)
        (*first)->kind = CONFIG_FIRST_BOOT;
    if (report->errors == 0)
        return config;
    config_free(config);
    config_free(*first);
    *first = NULL;
    return NULL;
}

struct vm_config *config_parse(const char *name, const char *text, size_t size, unsigned int flags,
                               struct config_report *report)
{
    const struct config_text file = { name, text, size };
    struct vm_config *first;
    struct vm_config *config = config_assemble(&file, NULL, flags, &first, report);

    config_free(first);
    return config;
}

struct vm_config *config_new(void)
{
    struct vm_config *config = config_alloc(1, sizeof(*config));

    config->origins = config_alloc(config_key_count, 1);
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];

        /* A default that its own key refuses is a mistake in the table. */
        if (key->fallback && config_value_set(key, config, key->fallback))
            abort();
    }
    return config;
}

void config_free(struct vm_config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config_key_count; i++)
        config_value_clear(&config_keys[i], config);
    free(config->path);
    free(config->origins);
    free(config);
}

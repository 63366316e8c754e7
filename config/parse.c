/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/devices.h"
#include "config/disk.h"
#include "config/keys.h"
#include "config/report.h"
#include "config/text.h"
#include "config/value.h"

enum { KEY_SIZE_MAX = 64, LINE_SIZE_MAX = 4096 };

struct parser {
    const char *name; /* of the file */
    unsigned int line;
    unsigned int flags;
    struct config_report *report;
    struct vm_config *config;
    struct seen {
        unsigned int line; /* where the key was first given; 0: nowhere */
        bool valid;        /* and its value was taken */
        char *as;          /* the name it was given under */
        struct given {
            unsigned int line;
            const char *as; /* in the table of keys */
        } * given;          /* the values of a key of devices, as they are in its list */
        size_t given_count;
    } * seen; /* one for each key of the table */
};

/* Adds `file:line: subject: …`; line 0 stands for the whole file, a NULL subject for none. */
static void __attribute__((format(printf, 5, 6)))
say(struct parser *parser, enum config_level level, unsigned int line, const char *subject,
    const char *format, ...)
{
    char *what, *text;
    va_list args;

    va_start(args, format);
    what = config_vformat(format, args);
    va_end(args);
    if (line)
        text = config_format("%s:%u: %s%s%s", parser->name, line, subject ? subject : "",
                             subject ? ": " : "", what);
    else
        text = config_format("%s: %s%s%s", parser->name, subject ? subject : "",
                             subject ? ": " : "", what);
    config_report_add(parser->report, level, parser->name, text);
    free(what);
}

#define complain(parser, subject, ...)                                                             \
    say(parser, CONFIG_ERROR, (parser)->line, subject, __VA_ARGS__)

/* Adds `file:line: subject: what, accepted: …`. */
static void complain_value(struct parser *parser, unsigned int line, const char *subject,
                           const struct config_key *key, const char *what)
{
    char *accepts = config_key_accepts(key);

    say(parser, CONFIG_ERROR, line, subject, "%s, accepted: %s", what, accepts);
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
        say(parser, level, parser->line, name, "unknown key, did you mean '%s'?", nearest);
    else
        say(parser, level, parser->line, name, "unknown key, accepted: those of --list-keys");
}

/* Keeps where a device was given, for check_devices(). */
static void remember(struct parser *parser, const struct config_key *key, struct seen *seen,
                     const char *name)
{
    seen->given = reallocarray(seen->given, seen->given_count + 1, sizeof(*seen->given));
    if (!seen->given)
        abort();
    seen->given[seen->given_count++] = (struct given){
        .line = parser->line,
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
        complain_value(parser, parser->line, name, key, wrong);
    else
        seen->valid = true;
    if (!wrong && key->devices)
        remember(parser, key, seen, name);
    free(wrong);
    free(value);
}

static void key_and_value(struct parser *parser, const char *name, const char *text)
{
    const struct config_key *key = config_key_find(name);
    struct seen *seen;

    if (!key) {
        unknown_key(parser, name);
        return;
    }
    seen = &parser->seen[key - config_keys];
    if (seen->line && !key->repeatable && strcmp(name, seen->as) == 0) {
        complain(parser, name, "repeated, accepted: once, first given in line %u", seen->line);
    } else if (seen->line && !key->repeatable) {
        complain(parser, name, "repeated, accepted: once, first given as %s in line %u", seen->as,
                 seen->line);
    } else {
        if (!seen->line) {
            seen->line = parser->line;
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

/* One line of text, NUL-terminated, without its end. */
static void statement(struct parser *parser, const char *line)
{
    size_t equals, size;
    char *name;

    line += strspn(line, " \t");
    if (*line == '\0' || *line == '#')
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
    parser->line = 1;
    for (const char *c = text; c < nul; c++)
        parser->line += *c == '\n';
    complain(parser, NULL, "NUL byte, accepted: a text file");
    return true;
}

static void all_lines(struct parser *parser, const char *text, size_t size)
{
    const char *end = text + size, *newline;

    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    while (text < end) {
        newline = memchr(text, '\n', (size_t)(end - text));
        parser->line++;
        raw_line(parser, text, (size_t)((newline ? newline : end) - text));
        if (!newline)
            break;
        text = newline + 1;
    }
}

static const struct seen *seen_of(const struct parser *parser, const char *name)
{
    return &parser->seen[config_key_find(name) - config_keys];
}

/* Both keys say what the guest is; one of them is enough. */
static void check_type(struct parser *parser)
{
    const struct seen *type = seen_of(parser, "type"), *hvm = seen_of(parser, "hvm");
    struct vm_config *config = parser->config;

    if (type->valid && hvm->valid && config->hvm != (config->type == GUEST_HVM))
        say(parser, CONFIG_ERROR, hvm->line, "hvm",
            "%s disagrees with type = %s (line %u), accepted: one of the two, or both alike",
            config->hvm ? "true" : "false", guest_type_name(config->type), type->line);
    if (!type->valid && hvm->valid)
        config->type = config->hvm ? GUEST_HVM : GUEST_PV;
    config->hvm = config->type == GUEST_HVM;
}

/* Whether it is known what the guest is meant to be. */
static bool knows_type(const struct parser *parser)
{
    const struct seen *type = seen_of(parser, "type"), *hvm = seen_of(parser, "hvm");

    return (!type->line || type->valid) && (!hvm->line || hvm->valid);
}

/* A key that does nothing for this kind of guest is a misunderstanding. */
static void check_guests(struct parser *parser)
{
    if (!knows_type(parser))
        return;
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];

        if (!parser->seen[i].line || key->guests & parser->config->type)
            continue;
        char *guests = config_key_guests(key);
        say(parser, CONFIG_ERROR, parser->seen[i].line, parser->seen[i].as,
            "means nothing to a %s guest, accepted: for %s", guest_type_name(parser->config->type),
            guests);
        free(guests);
    }
}

static bool has_disk(const struct vm_config *config)
{
    for (size_t i = 0; i < config->disk_count; i++)
        if (config->disks[i]->physpath)
            return true;
    return false;
}

/* Whether it is known what was meant, by a value that was taken or by the key's absence. */
static bool is_clear(const struct parser *parser, const char *name)
{
    const struct seen *seen = seen_of(parser, name);

    return !seen->line || seen->valid;
}

/* A guest without firmware that is to be built needs a kernel, or a disk to find one in. */
static void check_kernel(struct parser *parser)
{
    static const char *const said[] = { "kernel", "bootloader", "disk", "startup" };
    const struct seen *kernel = seen_of(parser, "kernel");
    const struct vm_config *config = parser->config;

    /* What these were meant to say may well be that no kernel is needed. */
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
        if (!is_clear(parser, said[i]))
            return;
    if (!knows_type(parser) || config->type == GUEST_HVM || config->kernel || has_disk(config))
        return;
    if (config->startup != STARTUP_STARTED && config->startup != STARTUP_PAUSED)
        return;
    say(parser, CONFIG_ERROR, kernel->line, "kernel",
        "%s, accepted: the absolute path of a %s kernel, or a disk to find one in (neither is "
        "needed with startup = shutdown, restore and restore-del)",
        kernel->line ? "has no value" : "missing", config->type == GUEST_PVH ? "PVH" : "PV");
}

static void check_memory(struct parser *parser)
{
    const struct seen *memory = seen_of(parser, "memory"), *most = seen_of(parser, "memory-max");
    const struct vm_config *config = parser->config;

    if ((memory->line && !memory->valid) || !most->valid || config->memory_max == 0 ||
        config->memory_max >= config->memory)
        return;
    say(parser, CONFIG_ERROR, most->line, "memory-max",
        "%lld MiB is less than memory, which is %lld MiB%s, accepted: 0 or at least %lld MiB",
        config->memory_max, config->memory, memory->line ? "" : " by default", config->memory);
}

/* Sockets that are not full can't be told to a guest. */
static void check_sockets(struct parser *parser)
{
    const struct seen *sockets = seen_of(parser, "cores-per-socket"),
                      *vcpus = seen_of(parser, "vcpus");
    const struct vm_config *config = parser->config;

    if (!sockets->valid || (vcpus->line && !vcpus->valid) ||
        config->vcpus % config->cores_per_socket == 0)
        return;
    say(parser, CONFIG_ERROR, sockets->line, "cores-per-socket",
        "%d does not divide vcpus, which is %lld%s, accepted: a power of two that does",
        config->cores_per_socket, config->vcpus, vcpus->line ? "" : " by default");
}

/* Pieces of the host that there would be nothing to show in. */
static void check_tables(struct parser *parser)
{
    const struct seen *oem = seen_of(parser, "smbios-oem-type-pt"),
                      *smbios = seen_of(parser, "smbios-pt"), *acpi_pt = seen_of(parser, "acpi-pt");
    const struct vm_config *config = parser->config;

    if (oem->valid && !config->smbios_pt && (!smbios->line || smbios->valid))
        say(parser, CONFIG_ERROR, oem->line, "smbios-oem-type-pt",
            "means nothing without smbios-pt = true, accepted: with it");
    if (config->acpi_pt && !config->acpi)
        say(parser, CONFIG_ERROR, acpi_pt->line, "acpi-pt",
            "means nothing with acpi = false, accepted: with acpi = true");
}

/* The video card's memory is taken from the guest's. */
static void check_video(struct parser *parser)
{
    const struct seen *memory = seen_of(parser, "memory"), *video = seen_of(parser, "videoram");
    const struct vm_config *config = parser->config;

    if (config->type != GUEST_HVM || (memory->line && !memory->valid) ||
        (video->line && !video->valid) || config->memory > config->videoram)
        return;
    say(parser, CONFIG_ERROR, memory->line ? memory->line : video->line, "memory",
        "%lld MiB%s is no more than videoram, which is %lld MiB%s, accepted: at least %lld MiB",
        config->memory, memory->line ? "" : " by default", config->videoram,
        video->line ? "" : " by default", config->videoram + 1);
}

/* Devices of a kind must get along with each other. */
static void check_devices(struct parser *parser, const struct config_key *key)
{
    const struct given *given = parser->seen[key - config_keys].given;
    size_t count = parser->seen[key - config_keys].given_count, other;

    for (size_t i = 0; i < count; i++) {
        char *what = key->devices->conflict(parser->config, i, &other);

        if (what && other != i)
            say(parser, CONFIG_ERROR, given[i].line, given[i].as, "%s (the other: line %u)", what,
                given[other].line);
        else if (what)
            say(parser, CONFIG_ERROR, given[i].line, given[i].as, "%s", what);
        free(what);
    }
}

static void check(struct parser *parser)
{
    check_type(parser);
    config_nics_number(parser->config);
    if (parser->flags & CONFIG_PIECEMEAL)
        return;
    check_guests(parser);
    check_kernel(parser);
    check_memory(parser);
    check_video(parser);
    check_sockets(parser);
    check_tables(parser);
    for (size_t i = 0; i < config_key_count; i++)
        check_devices(parser, &config_keys[i]);
}

static void parse(struct parser *parser, const char *text, size_t size)
{
    if (size > CONFIG_FILE_MAX) {
        say(parser, CONFIG_ERROR, 0, NULL, "too large, accepted: at most 1 MiB");
        return;
    }
    if (is_binary(parser, text, size))
        return;
    parser->seen = config_alloc(config_key_count, sizeof(*parser->seen));
    all_lines(parser, text, size);
    check(parser);
    for (size_t i = 0; i < config_key_count; i++) {
        free(parser->seen[i].as);
        free(parser->seen[i].given);
    }
    free(parser->seen);
}

struct vm_config *config_parse(const char *name, const char *text, size_t size, unsigned int flags,
                               struct config_report *report)
{
    struct parser parser = { .name = name, .flags = flags, .report = report };

    *report = (struct config_report){ 0 };
    parser.config = config_new();
    parse(&parser, text, size);
    if (report->errors == 0)
        return parser.config;
    config_free(parser.config);
    return NULL;
}

struct vm_config *config_new(void)
{
    struct vm_config *config = config_alloc(1, sizeof(*config));

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
    free(config);
}

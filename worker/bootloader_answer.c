/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/bootloader.h"

#include <ctype.h>
#include <string.h>

#include "config/config.h"

/* What follows `word` and a blank, or NULL. */
static const char *value_of(const char *record, const char *word)
{
    size_t length = strlen(word);

    return !strncmp(record, word, length) && record[length] == ' ' ? record + length + 1 : NULL;
}

static bool has_controls(const char *text)
{
    for (; *text; text++)
        if (iscntrl((unsigned char)*text) && *text != '\t')
            return true;
    return false;
}

_Static_assert(CONFIG_CMDLINE_MAX == 1023, "the message below says so");

static const char *take(const char *record, struct boot_answer *answer)
{
    const char *kernel = value_of(record, "kernel"), *ramdisk = value_of(record, "ramdisk");
    const char *args = value_of(record, "args");

    if (!kernel && !ramdisk && !args)
        return "its answer is not kernel, ramdisk and args";
    if ((kernel && answer->kernel) || (ramdisk && answer->ramdisk) || (args && answer->args))
        return "its answer has something twice";
    if (args && strlen(args) > CONFIG_CMDLINE_MAX)
        return "the command line is too long: accepted are 1023 bytes";
    if (args && has_controls(args))
        return "the command line has control characters";
    if (kernel)
        answer->kernel = kernel;
    if (ramdisk)
        answer->ramdisk = ramdisk;
    if (args)
        answer->args = args;
    return NULL;
}

const char *bootloader_parse(const char *text, size_t size, struct boot_answer *answer)
{
    const char *wrong = NULL;

    *answer = (struct boot_answer){ 0 };
    for (const char *record = text; record < text + size && !wrong; record += strlen(record) + 1)
        if (*record)
            wrong = take(record, answer);
    if (!wrong && !answer->kernel)
        wrong = "it found no kernel";
    return wrong;
}

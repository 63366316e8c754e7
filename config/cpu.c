/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/cpu.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/text.h"
#include "words/words.h"

static const struct feature {
    const char *name;
    unsigned int bit;
} features[] = {
#define XEN_CPUFEATURE(name, value) { #name, (value) },
#include <xen/arch-x86/cpufeatureset.h>
};

enum { FEATURES = sizeof(features) / sizeof(features[0]) };

static const struct feature *find(const char *name, size_t length)
{
    for (size_t i = 0; i < FEATURES; i++)
        if (strlen(features[i].name) == length && !strncasecmp(features[i].name, name, length))
            return &features[i];
    return NULL;
}

char *cpuid_check(const char *text)
{
    const char *equals = strchr(text, '=');
    char *quoted = config_quote(text), *what = NULL;

    if (!equals || (strcmp(equals, "=0") != 0 && strcmp(equals, "=1") != 0))
        what = config_format("%s is no feature with 0 or 1", quoted);
    else if (!find(text, (size_t)(equals - text)))
        what = config_format("%s names a feature that Xen does not know", quoted);
    free(quoted);
    return what;
}

unsigned int cpuid_read(const char *text, bool *present)
{
    const char *equals = strchr(text, '=');

    *present = equals[1] == '1';
    return find(text, (size_t)(equals - text))->bit;
}

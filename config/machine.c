/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/machine.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "config/fields.h"
#include "config/text.h"

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

enum { NAME_MAX_BYTES = 64 };

static char *wrong(const char *text, const char *what)
{
    char *quoted = config_quote(text);
    char *message = config_format("%s %s", quoted, what);

    free(quoted);
    return message;
}

static bool is_address(const char *text, size_t size)
{
    char *address = config_strndup(text, size);
    struct in_addr parsed;
    bool valid = inet_pton(AF_INET, address, &parsed) == 1;

    free(address);
    return valid;
}

char *serial_check(const char *text)
{
    static const char head[] = "tcp:";
    long long port;

    if (!strcmp(text, "none") || !strcmp(text, "pty"))
        return NULL;
    const char *address = text + sizeof(head) - 1;
    const char *colon = strncmp(text, head, sizeof(head) - 1) ? NULL : strchr(address, ':');
    if (!colon || !is_address(address, (size_t)(colon - address)))
        return wrong(text, "is not known");
    const char *what = config_number(colon + 1, 1, TCP_PORT_MAX, &port);
    return what ? wrong(text, "names no port from 1 to 65535") : NULL;
}

static char *set_unused(void *display, const char *name, const char *text)
{
    return fields_bool(name, text, &((struct display *)display)->use_port_unused);
}

static char *set_port(void *display, const char *name, const char *text)
{
    return fields_number(name, text, DISPLAY_PORT_BASE, TCP_PORT_MAX,
                         &((struct display *)display)->port);
}

static char *set_keymap(void *arg, const char *name, const char *text)
{
    struct display *display = arg;
    char *keymap = NULL;
    char *what = fields_name(name, text, DISPLAY_KEYMAP_SIZE - 1, "-_", &keymap);

    if (!what)
        memcpy(display->keymap, keymap, strlen(keymap) + 1);
    free(keymap);
    return what;
}

/* NULL, or what is wrong. */
static char *read_display(const char *text, struct display *display)
{
    static const struct field_option options[] = {
        { "use-port-unused", set_unused },
        { "port", set_port },
        { "keymap", set_keymap },
        { NULL, NULL },
    };
    struct fields fields;
    char *what = fields_split(&fields, text, ',', false);

    *display = (struct display){ .port = DISPLAY_PORT_BASE, .use_port_unused = true };
    if (what) {
        fields_free(&fields);
        return what;
    }
    display->vnc = !strcmp(fields.parts[0], "vnc");
    if (!strcmp(fields.parts[0], "sdl") || !strcmp(fields.parts[0], "intel"))
        what = config_format("'%s' is no display of today's device models (use vnc, and a VNC "
                             "client on the host for a window)",
                             fields.parts[0]);
    else if (!display->vnc && (strcmp(fields.parts[0], "none") != 0 || fields.count > 1))
        what = wrong(text, "is not known");
    else
        what = fields_options(fields.parts + 1, fields.count - 1, options, display);
    fields_free(&fields);
    return what;
}

char *display_check(const char *text)
{
    struct display display;

    return read_display(text, &display);
}

void display_read(const char *text, struct display *display)
{
    free(read_display(text ? text : "none", display));
}

char *boot_check(const char *text)
{
    static const char letters[] = "acdn";

    if (!*text || text[strspn(text, letters)])
        return wrong(text, "has a letter that is no boot device");
    for (const char *letter = text; *letter; letter++)
        if (strchr(letter + 1, *letter))
            return wrong(text, "has a boot device twice");
    return NULL;
}

char *bootloader_check(const char *text)
{
    return text[0] == '/' || !strcmp(text, "pygrub") ? NULL : wrong(text, "is not known");
}

/* Bytes of the name at the beginning; 0 where there is none. */
static size_t name_length(const char *text)
{
    size_t length = strspn(text, NAME_LETTERS);

    return length <= NAME_MAX_BYTES ? length : 0;
}

char *platform_check(const char *text)
{
    size_t length = name_length(text);

    return length > 0 && text[length] == '=' ? NULL : wrong(text, "is no name=value");
}

char *extra_check(const char *text)
{
    size_t length = name_length(text);

    if (length > 0 && text[0] != '-' && (text[length] == '=' || !text[length]))
        return NULL;
    return wrong(text, "names no argument");
}

/* What was the default says that nothing is to be done, and that is what is done. */
static char *only(const char *text, const char *value, const char *what)
{
    return strcmp(text, value) ? config_format("'%s': %s", text, what) : NULL;
}

char *power_check(const char *text)
{
    return only(text, "2",
                "handing the host's power management to a guest needs a device model that is not "
                "made any more (2 leaves it with the host; S3 and S4 come with acpi = true)");
}

char *oem_check(const char *text)
{
    return only(text, "0",
                "handing on features of the host's maker needs a device model that is not made "
                "any more (smbios-pt and acpi-pt hand on its tables)");
}

char *sci_check(const char *text)
{
    return only(text, "0",
                "handing on the host's lid and power button needs a device model that is not made "
                "any more (xenvm-cmd's trigger presses the guest's buttons)");
}

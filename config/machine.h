/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_CONFIG_MACHINE_H
#define XENVM_CONFIG_MACHINE_H

/* The values that describe a guest's machine and its boot: their formats, and what they say. */

#include <stdbool.h>

#define SERIAL_FORMAT   "none, pty or tcp:ADDRESS:PORT"
#define DISPLAY_FORMAT  "none, or vnc[,use-port-unused=BOOL][,keymap=NAME][,port=NUMBER]"
#define PLATFORM_FORMAT "name=value, the name of letters, digits, - and _"
#define EXTRA_FORMAT    "name or name=value, the name of letters, digits, - and _"

enum {
    DISPLAY_PORT_BASE = 5900, /* of VNC's display 0 */
    DISPLAY_PORTS = 100,      /* that are tried with use-port-unused */
    DISPLAY_KEYMAP_SIZE = 16,
};

struct display {
    bool vnc; /* false: none */
    bool use_port_unused;
    unsigned int port;
    char keymap[DISPLAY_KEYMAP_SIZE]; /* empty: the device model's own */
};

/* Each returns NULL, or what is wrong with a value, malloc'd. */
char *serial_check(const char *text);
char *display_check(const char *text);
char *boot_check(const char *text);
char *bootloader_check(const char *text);
char *platform_check(const char *text);
char *extra_check(const char *text);
/* For what the device models of today can't do any more: it says so. */
char *power_check(const char *text);
char *oem_check(const char *text);
char *sci_check(const char *text);

/* What a value that display_check() takes says; NULL is none. */
void display_read(const char *text, struct display *display);

#endif

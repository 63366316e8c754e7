/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_CONFIG_NOTIFY_H
#define XENVM_CONFIG_NOTIFY_H

/* Values of the key notify: where a program listens that is told what happens to the VM. */

#include <stdbool.h>

#include <sys/socket.h>

#define NOTIFY_FORMAT                                                                              \
    "unix,PATH or tcp,ADDRESS:PORT, PATH absolute and of at most 107 bytes, ADDRESS one of IPv4, " \
    "[IPv6] or localhost"

struct notify_address {
    struct sockaddr_storage socket;
    socklen_t size;
};

/* NULL, or what is wrong with a value, malloc'd. */
char *notify_check(const char *text);

/* What a value that notify_check() takes says. Nothing is looked up. */
void notify_read(const char *text, struct notify_address *address);

#endif

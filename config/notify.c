/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/notify.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "config/text.h"

static const char *read_unix(const char *path, struct notify_address *address)
{
    struct sockaddr_un *to = (struct sockaddr_un *)&address->socket;

    if (*path != '/')
        return "names no absolute path";
    if (strlen(path) >= sizeof(to->sun_path))
        return "is too long for a socket's path";
    to->sun_family = AF_UNIX;
    strcpy(to->sun_path, path); /* NOLINT(clang-analyzer-security.insecureAPI.strcpy) */
    address->size = sizeof(*to);
    return NULL;
}

static bool set_ipv4(const char *host, in_port_t port, struct notify_address *address)
{
    struct sockaddr_in *to = (struct sockaddr_in *)&address->socket;

    to->sin_family = AF_INET;
    to->sin_port = port;
    address->size = sizeof(*to);
    return inet_pton(AF_INET, strcmp(host, "localhost") ? host : "127.0.0.1", &to->sin_addr) == 1;
}

static bool set_ipv6(const char *host, in_port_t port, struct notify_address *address)
{
    struct sockaddr_in6 *to = (struct sockaddr_in6 *)&address->socket;

    to->sin6_family = AF_INET6;
    to->sin6_port = port;
    address->size = sizeof(*to);
    return inet_pton(AF_INET6, host, &to->sin6_addr) == 1;
}

/* A name would have to be looked up, which can take a minute: the monitor does not wait. */
static const char *read_tcp(const char *text, struct notify_address *address)
{
    const char *colon = strrchr(text, ':');
    long long port;

    if (!colon || config_number(colon + 1, 1, TCP_PORT_MAX, &port))
        return "names no port from 1 to 65535";
    size_t length = (size_t)(colon - text);
    bool brackets = length > 2 && text[0] == '[' && text[length - 1] == ']';
    char *host = brackets ? config_strndup(text + 1, length - 2) : config_strndup(text, length);
    bool valid = (brackets ? set_ipv6 : set_ipv4)(host, htons((uint16_t)port), address);
    free(host);
    return valid ? NULL : "names a host by something else than its address";
}

static const char *read_any(const char *text, struct notify_address *address)
{
    *address = (struct notify_address){ 0 };
    if (!strncmp(text, "unix,", strlen("unix,")))
        return read_unix(text + strlen("unix,"), address);
    if (!strncmp(text, "tcp,", strlen("tcp,")))
        return read_tcp(text + strlen("tcp,"), address);
    return "is not known";
}

char *notify_check(const char *text)
{
    struct notify_address address;
    const char *what = read_any(text, &address);

    if (!what)
        return NULL;
    char *quoted = config_quote(text);
    char *message = config_format("%s %s", quoted, what);
    free(quoted);
    return message;
}

void notify_read(const char *text, struct notify_address *address)
{
    read_any(text, address);
}

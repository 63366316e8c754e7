/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "monitor/idle.h"
#include "monitor/log.h"
#include "monitor/util.h"

enum { LONGEST_WATCHDOG_S = 7 * 86400, AGAIN_US = 200000 };

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static socklen_t address_size; /* 0: nobody listens */
static int sender = -1;
static long long watchdog_us; /* 0: none */
static struct event *watchdog;
static char status[64];           /* the last one, as a line */
static struct event_base *events; /* of the process, once it has one */

/* A path, or an abstract name after '@'. */
static bool take_address(const char *name)
{
    size_t length = name ? strlen(name) : 0;

    if (length < 2 || length >= sizeof(address.sun_path) || (name[0] != '/' && name[0] != '@'))
        return false;
    memcpy(address.sun_path, name, length);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return true;
}

static long long number_of(const char *variable)
{
    const char *value = getenv(variable);

    return value ? strtoll(value, NULL, 10) : 0;
}

void notify_init(bool serve)
{
    const char *name = getenv("NOTIFY_SOCKET");
    long long pid = number_of("WATCHDOG_PID"), us = number_of("WATCHDOG_USEC");

    address_size = 0;
    watchdog_us = 0;
    if (serve && name && *name && !take_address(name))
        log_warning("NOTIFY_SOCKET: not a socket's address: %s", name);
    if (address_size > 0 && sender < 0)
        sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (address_size > 0 && (pid == 0 || pid == getpid()) && us > 0 &&
        us / 1000000 <= LONGEST_WATCHDOG_S)
        watchdog_us = us;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
}

bool notify_wanted(void)
{
    return address_size > 0;
}

static bool tell(const char *lines)
{
    return sendto(sender, lines, strlen(lines), MSG_NOSIGNAL, (struct sockaddr *)&address,
                  address_size) >= 0;
}

static void on_again(evutil_socket_t fd, short what, void *arg);

static void tell_again_soon(void)
{
    const struct timeval soon = { .tv_usec = AGAIN_US };

    event_base_once(events, -1, EV_TIMEOUT, on_again, NULL, &soon);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    char lines[sizeof("READY=1\n") + sizeof(status)];

    snprintf(lines, sizeof(lines), "READY=1\n%s", status);
    if (!tell(lines) && errno == EAGAIN)
        tell_again_soon();
}

void notify(const char *format, ...)
{
    static bool complained;
    char lines[256];
    va_list arguments;

    if (address_size == 0)
        return;
    va_start(arguments, format);
    int length = vsnprintf(lines, sizeof(lines), format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof(lines))
        return;
    const char *said = strstr(lines, "STATUS=");
    if (said)
        snprintf(status, sizeof(status), "%s", said);
    if (tell(lines))
        return;
    if (errno == EAGAIN && events && !strncmp(lines, "READY=1", strlen("READY=1"))) {
        tell_again_soon();
        return;
    }
    if (!complained)
        log_warning("cannot tell the service manager %s: %s", lines, strerror(errno));
    complained = true;
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
    notify("WATCHDOG=1\nEXTEND_TIMEOUT_USEC=%lld", watchdog_us);
    idle_now();
}

void notify_start(struct event_base *base)
{
    struct timeval half = { .tv_sec = watchdog_us / 2000000, .tv_usec = watchdog_us / 2 % 1000000 };

    events = base;
    if (watchdog_us == 0)
        return;
    watchdog = need(event_new(base, -1, EV_PERSIST, on_watchdog, NULL));
    event_add(watchdog, &half);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static char identity[64] = "xenvm";
static enum log_stderr on_stderr = LOG_STDERR_ALL;
static int trace_fd = -1;

void log_open(const char *uuid, enum log_stderr to_stderr)
{
    snprintf(identity, sizeof(identity), "%s", uuid);
    on_stderr = to_stderr;
    openlog("xenvm", LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void log_quiet(void)
{
    on_stderr = LOG_STDERR_NOTHING;
}

/* A descriptor, or a negative errno. */
static int open_own_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    int error = 0;
    struct stat st;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1)
        error = -EPERM;
    else if (fchmod(fd, 0600) < 0)
        error = -errno;
    if (!error)
        return fd;
    close(fd);
    return error;
}

int log_trace_to(const char *path)
{
    int fd = path ? open_own_file(path) : -1;

    if (path && fd < 0)
        return fd;
    if (trace_fd >= 0)
        close(trace_fd);
    trace_fd = fd;
    return 0;
}

static void write_trace(const char *line)
{
    struct timespec now;
    struct tm parts;
    char stamp[32];

    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &parts);
    strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", &parts);
    dprintf(trace_fd, "%s.%03ld %s\n", stamp, now.tv_nsec / 1000000, line);
}

static void say(int priority, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void say(int priority, const char *format, va_list arguments)
{
    char line[1024];

    if (priority == LOG_DEBUG && trace_fd < 0)
        return;
    vsnprintf(line, sizeof(line), format, arguments);
    if (trace_fd >= 0)
        write_trace(line);
    if (priority == LOG_DEBUG)
        return;
    syslog(priority, "%s: %s", identity, line);
    if (on_stderr == LOG_STDERR_ALL || (on_stderr && priority <= LOG_WARNING))
        fprintf(stderr, "xenvm: %s\n", line);
}

#define SAY(priority)                                                                              \
    do {                                                                                           \
        va_list arguments;                                                                         \
        va_start(arguments, format);                                                               \
        say(priority, format, arguments);                                                          \
        va_end(arguments);                                                                         \
    } while (0)

void log_info(const char *format, ...)
{
    SAY(LOG_INFO);
}

void log_warning(const char *format, ...)
{
    SAY(LOG_WARNING);
}

void log_error(const char *format, ...)
{
    SAY(LOG_ERR);
}

void log_trace(const char *format, ...)
{
    SAY(LOG_DEBUG);
}

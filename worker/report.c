/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xentoollog.h>

#define FRAMES "Frames iteration "

enum { CAUSE_MAX = 512, PROGRESS_INTERVAL_MS = 50 };

/* The first error that libxenguest logged: the later ones are its callers' echoes. */
static char cause[CAUSE_MAX];
static unsigned int pass;
static pthread_mutex_t progress_lock = PTHREAD_MUTEX_INITIALIZER;

/* "panic: xg_dom_core.c:208: xc_dom_try_gunzip: failed …": the place is for its authors. */
static const char *drop_place(const char *text)
{
    if (strncmp(text, "panic: ", 7) != 0)
        return text;
    const char *place = strstr(text, ".c:");
    const char *rest = place ? strstr(place, ": ") : NULL;

    return rest ? rest + 2 : text + 7;
}

/* "… (28 = No space left on device): Internal error" ends in ": No space left on device". */
static void tidy_end(char *text)
{
    static const char internal[] = ": Internal error";
    size_t length = strlen(text);

    if (length > sizeof(internal) && !strcmp(text + length - strlen(internal), internal))
        text[length - strlen(internal)] = '\0';
    char *number = strrchr(text, '(');
    char *reason = number ? strstr(number, " = ") : NULL;
    char *close = reason ? strrchr(reason, ')') : NULL;

    if (!close || close[1] || number == text || number[-1] != ' ')
        return;
    *close = '\0';
    number[-1] = ':';
    *number = ' ';
    memmove(number + 1, reason + 3, strlen(reason + 3) + 1);
}

static void keep_message(xentoollog_logger *logger, xentoollog_level level, int error,
                         const char *context, const char *format, va_list arguments)
    __attribute__((format(printf, 5, 0)));

static void keep_message(xentoollog_logger *logger, xentoollog_level level, int error,
                         const char *context, const char *format, va_list arguments)
{
    if (level < XTL_ERROR || cause[0])
        return;

    char text[CAUSE_MAX];
    vsnprintf(text, sizeof(text), format, arguments);
    const char *start = drop_place(text);
    tidy_end(text);
    if (error > 0 && !strstr(start, strerror(error)))
        snprintf(cause, sizeof(cause), "%.400s: %s", start, strerror(error));
    else
        snprintf(cause, sizeof(cause), "%s", start);
    for (char *c = cause; *c; c++)
        if (*c == '\n')
            *c = ' ';
}

const char *report_cause(void)
{
    return cause;
}

static void pass_progress(xentoollog_logger *logger, const char *context, const char *doing,
                          int percent, unsigned long done, unsigned long total)
{
    if (total) {
        /* "Frames iteration 2 of 5": a live save copies what the guest dirtied, again. */
        if (!strncmp(doing, FRAMES, strlen(FRAMES)))
            pass = (unsigned int)strtoul(doing + strlen(FRAMES), NULL, 10);
        report_progress(done, total);
    }
}

static void destroy_logger(xentoollog_logger *logger)
{
}

xc_interface *report_open_xen(void)
{
    static xentoollog_logger logger = { keep_message, pass_progress, destroy_logger };

    return xc_interface_open(&logger, &logger, 0);
}

void channel_send(const struct message *message)
{
    if (message_send(WORKER_CHANNEL_FD, message) < 0)
        _exit(1);
}

void channel_receive(struct message *message)
{
    if (message_receive(WORKER_CHANNEL_FD, message, 0) <= 0)
        _exit(1);
}

static int send_failure(const char *text)
{
    static struct message message;

    message_start(&message, "failed");
    message_add(&message, "text", text);
    channel_send(&message);
    return -1;
}

int report_failure(const char *format, ...)
{
    char text[CAUSE_MAX], whole[2 * CAUSE_MAX + 4];
    const char *why = cause[0] ? cause : errno ? strerror(errno) : "libxenguest gives no cause";
    va_list arguments;

    if (!format)
        return send_failure(why);
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    snprintf(whole, sizeof(whole), "%s: %s", text, why);
    return send_failure(whole);
}

int report_own_failure(const char *format, ...)
{
    char text[2 * CAUSE_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return send_failure(text);
}

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void report_progress(unsigned long done, unsigned long total)
{
    static long long last;
    static struct message message;

    pthread_mutex_lock(&progress_lock);
    long long now = now_ms();
    if (done >= total || now - last >= PROGRESS_INTERVAL_MS) {
        last = now;
        message_start(&message, "progress");
        message_add_number(&message, "done", done);
        message_add_number(&message, "total", total);
        if (pass)
            message_add_number(&message, "pass", pass);
        channel_send(&message);
    }
    pthread_mutex_unlock(&progress_lock);
}

int report_done(void)
{
    struct message message;

    message_start(&message, "done");
    channel_send(&message);
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_LOG_H
#define XENVM_MONITOR_LOG_H

#include <stdbool.h>

/*
 * What the monitor has to say goes to syslog, which is the journal under systemd, with the VM's
 * UUID in every line; to standard error too while it is in the foreground.
 */
enum log_stderr { LOG_STDERR_NOTHING, LOG_STDERR_WARNINGS, LOG_STDERR_ALL };
void log_open(const char *uuid, enum log_stderr to_stderr);

/* Nothing more to standard error. */
void log_quiet(void);

/*
 * The trace of every operation (`debug = true`): a file of mode 0600 that must be the monitor's
 * own regular file, never reached through a symbolic link. A NULL path ends the trace. Returns 0
 * or a negative errno: then the trace goes on where it was.
 */
int log_trace_to(const char *path);

void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_UTIL_H
#define XENVM_MONITOR_UTIL_H

/* Without memory for a few bytes the monitor ends; the guest runs on, and a new one adopts it. */
#define need(pointer)                                                                              \
    ({                                                                                             \
        __typeof__(pointer) needed_ = (pointer);                                                   \
        if (!needed_)                                                                              \
            out_of_memory();                                                                       \
        needed_;                                                                                   \
    })

/* The exit status of a monitor that is not to blame, and that may be started again. */
enum { MONITOR_AGAIN = 3 };

void out_of_memory(void) __attribute__((noreturn));

/* asprintf() that cannot fail; the caller frees. */
char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* strdup() that cannot fail and passes NULL on. */
char *copy_text(const char *string);

/* Makes one line of what others wrote: a blank for each control character. */
void make_line(char *string);

/* Replaces `*place` by a copy of `string` (may be NULL). */
void set_text(char **place, const char *string);

#endif

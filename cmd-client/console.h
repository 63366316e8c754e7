/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_CMD_CLIENT_CONSOLE_H
#define XENVM_CMD_CLIENT_CONSOLE_H

/*
 * What `xenvm-cmd VM console` does once it has the guest's terminal: copy both ways (copy.c), on
 * behalf of console.c, which finds the terminal, and again after a reboot.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    COPY_BUFFER = 16 * 1024, /* bytes on the way, in each direction */
    LEAVE_BYTE = 0x1d,       /* Ctrl-] */
};

enum copy_end {
    COPY_GOES_ON,
    COPY_LEFT,        /* the user typed LEAVE_BYTE */
    COPY_TTY_GONE,    /* the guest's terminal hung up */
    COPY_USER_GONE,   /* ours did, or whoever read the output; or writing failed: `error` */
    COPY_INTERRUPTED, /* `signals` has something to read */
    COPY_TIMED_OUT,
};

struct copy_buffer {
    size_t used;
    char bytes[COPY_BUFFER];
};

struct copy {
    int in, out;   /* the user's; in is -1 as long as it is not to be read */
    int tty;       /* the guest's, that does not block; -1: there is none at present */
    int signals;   /* readable when a signal came, or -1 */
    bool terminal; /* `in` is one */
    bool left;     /* LEAVE_BYTE came from it */
    bool in_ended;
    int error; /* an errno, with COPY_USER_GONE */
    char last; /* byte written to `out` */
    struct copy_buffer to_tty, to_out;
};

/*
 * Takes what was read from `in`. From a terminal, LEAVE_BYTE ends it, and what finds no room is
 * lost: a guest that reads nothing must not keep the user from leaving.
 */
void copy_take_input(struct copy *copy, const char *bytes, size_t count);

/* How much of `in` is to be read now: 0 when it has to wait, or has ended. */
size_t copy_input_room(const struct copy *copy);

/*
 * Copies both ways until something ends it. Without a tty it only watches `in` where it is a
 * terminal, and writes what is still to be written. `deadline` is in now_ms() time.
 */
enum copy_end copy_console(struct copy *copy, int64_t deadline);

/* The same until everything for `out` is written: then COPY_GOES_ON. */
enum copy_end copy_drain(struct copy *copy, int64_t deadline);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_TESTS_UNIT_TERMINALS_H
#define XENVM_TESTS_UNIT_TERMINALS_H

/* Terminals and what comes out of them. cmocka.h comes before. */

#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATIENCE = 20000 /* ms for what is to come for certain */ };

/* A guest's terminal. xenconsoled too has both ends open, and it hangs up with the master. */
struct tty {
    int master, slave;
    char name[64];
};

static inline void make_tty(struct tty *tty)
{
    assert_int_equal(openpty(&tty->master, &tty->slave, tty->name, NULL, NULL), 0);
}

static inline void hang_up(struct tty *tty)
{
    if (tty->master < 0)
        return;
    close(tty->master);
    close(tty->slave);
    tty->master = -1;
}

static inline void expect_bytes(int fd, const char *expected, size_t count)
{
    char *got = malloc(count);
    size_t have = 0;

    while (have < count) {
        struct pollfd ready = { .fd = fd, .events = POLLIN };

        assert_int_equal(poll(&ready, 1, PATIENCE), 1);
        ssize_t more = read(fd, got + have, count - have);
        if (more <= 0)
            fail_msg("ended after `%.*s'", (int)have, got);
        have += (size_t)more;
    }
    assert_memory_equal(got, expected, count);
    free(got);
}

#define EXPECT(fd, text) expect_bytes(fd, text, sizeof(text) - 1)
#define SEND(fd, text)   assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1)

#endif

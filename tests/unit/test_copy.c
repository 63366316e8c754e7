/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include "cmd-client/client.h"
#include "cmd-client/console.h"
#include "tests/unit/terminals.h"

/* ---- what is done with what was typed ---- */

static void test_leaving(void **unused)
{
    static struct copy copy;

    copy = (struct copy){ .in = 0, .tty = -1, .terminal = true };
    copy_take_input(&copy, "ab\0c", 4);
    assert_false(copy.left);
    assert_int_equal(copy_input_room(&copy), 4096);
    copy_take_input(&copy,
                    "d\x1d"
                    "e",
                    3);
    assert_true(copy.left);
    assert_int_equal(copy_input_room(&copy), 0);
    assert_int_equal(copy.to_tty.used, 5);
    assert_memory_equal(copy.to_tty.bytes, "ab\0cd", 5);

    /* From a pipe it is a byte like others. */
    copy = (struct copy){ .in = 0, .tty = 1 };
    copy_take_input(&copy,
                    "d\x1d"
                    "e",
                    3);
    assert_false(copy.left);
    assert_memory_equal(copy.to_tty.bytes,
                        "d\x1d"
                        "e",
                        3);
}

static void test_full_buffers(void **unused)
{
    static struct copy copy;
    static char block[4096];

    /* A pipe waits until there is room, and as long as there is no guest. */
    copy = (struct copy){ .in = 0, .tty = 1 };
    for (int i = 0; i < COPY_BUFFER / 4096; i++) {
        assert_int_equal(copy_input_room(&copy), 4096);
        copy_take_input(&copy, block, i ? 4096 : 4000);
    }
    assert_int_equal(copy_input_room(&copy), 96);
    copy_take_input(&copy, block, 96);
    assert_int_equal(copy_input_room(&copy), 0);
    copy = (struct copy){ .in = 0, .tty = -1 };
    assert_int_equal(copy_input_room(&copy), 0);

    /* The user of a terminal gets away from a guest that reads nothing. */
    copy = (struct copy){ .in = 0, .tty = 1, .terminal = true };
    for (int i = 0; i < 10; i++)
        copy_take_input(&copy, block, 4096);
    assert_int_equal(copy.to_tty.used, COPY_BUFFER);
    assert_int_equal(copy_input_room(&copy), 4096);
    copy_take_input(&copy, "\x1d", 1);
    assert_true(copy.left);
}

/* ---- copying ---- */

/* A copy between pipes and a terminal's slave. */
struct bench {
    int in, out; /* our ends */
    struct tty tty;
    struct copy copy;
};

static struct bench *make_bench(void)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct termios settings;
    int in[2], out[2];

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    bench->in = in[1];
    bench->out = out[0];
    make_tty(&bench->tty);
    bench->copy = (struct copy){ .in = in[0], .out = out[1], .signals = -1 };
    bench->copy.tty = open(bench->tty.name, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    assert_int_equal(tcgetattr(bench->copy.tty, &settings), 0);
    cfmakeraw(&settings);
    assert_int_equal(tcsetattr(bench->copy.tty, TCSANOW, &settings), 0);
    return bench;
}

static void close_bench(struct bench *bench)
{
    const int fds[] = { bench->in, bench->out, bench->copy.in, bench->copy.out, bench->copy.tty };

    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    hang_up(&bench->tty);
    free(bench);
}

/* Copies until something has come out at `fd`, and nothing is on the way. */
static void copy_to(struct bench *bench, int fd)
{
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    int64_t until = now_ms() + PATIENCE;

    while (poll(&ready, 1, 0) == 0 || bench->copy.to_tty.used || bench->copy.to_out.used) {
        assert_true(now_ms() < until);
        assert_int_equal(copy_console(&bench->copy, now_ms() + 20), COPY_TIMED_OUT);
    }
}

static void test_bytes_unchanged(void **unused)
{
    struct bench *bench = make_bench();
    char all[256];

    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    assert_int_equal(write(bench->in, all, sizeof(all)), sizeof(all));
    assert_int_equal(write(bench->tty.master, all, sizeof(all)), sizeof(all));
    copy_to(bench, bench->tty.master);
    copy_to(bench, bench->out);
    expect_bytes(bench->tty.master, all, sizeof(all));
    expect_bytes(bench->out, all, sizeof(all));
    assert_int_equal((unsigned char)bench->copy.last, 255);

    /* The end of the input is not the end; that of the terminal is. */
    close(bench->in);
    bench->in = -1;
    while (!bench->copy.in_ended)
        assert_int_equal(copy_console(&bench->copy, now_ms() + 20), COPY_TIMED_OUT);
    hang_up(&bench->tty);
    assert_int_equal(copy_console(&bench->copy, now_ms() + PATIENCE), COPY_TTY_GONE);
    close_bench(bench);
}

/* Writes from a process of its own, as nobody may be reading yet. */
static void send_beside(int fd, const char *bytes, size_t count)
{
    if (fork() != 0)
        return;
    while (count > 0) {
        ssize_t sent = write(fd, bytes, count);

        if (sent <= 0)
            _exit(1);
        bytes += sent;
        count -= (size_t)sent;
    }
    _exit(0);
}

/* More than all buffers on the way hold, with readers that take their time. */
static void test_much(void **unused)
{
    enum { MUCH = 1024 * 1024 };
    struct bench *bench = make_bench();
    char *much = malloc(MUCH);
    pid_t child;

    for (int i = 0; i < MUCH; i++)
        much[i] = (char)(i * 31 + i / 251);
    child = fork();
    if (child == 0) {
        close(bench->in);
        close(bench->out);
        close(bench->tty.master);
        _exit((int)copy_console(&bench->copy, NO_DEADLINE));
    }
    send_beside(bench->in, much, MUCH);
    usleep(100000);
    expect_bytes(bench->tty.master, much, MUCH);
    send_beside(bench->tty.master, much, MUCH);
    usleep(100000);
    expect_bytes(bench->out, much, MUCH);
    kill(child, SIGKILL);
    while (wait(NULL) > 0)
        ;
    free(much);
    close_bench(bench);
}

/* Waits for 300 ms, and used next to no processor time for it. */
static void expect_rest(struct bench *bench)
{
    clock_t before = clock();

    assert_int_equal(copy_console(&bench->copy, now_ms() + 300), COPY_TIMED_OUT);
    assert_true(clock() - before < CLOCKS_PER_SEC / 10);
}

static void test_no_busy_loop(void **unused)
{
    struct bench *bench = make_bench();
    int tty = bench->copy.tty;
    char block[4096] = "";

    /* A guest that reads nothing, and an output that nobody reads. */
    fcntl(bench->in, F_SETFL, O_NONBLOCK);
    fcntl(bench->tty.master, F_SETFL, O_NONBLOCK);
    while (bench->copy.to_tty.used < COPY_BUFFER || bench->copy.to_out.used < COPY_BUFFER) {
        (void)!write(bench->in, block, sizeof(block));
        (void)!write(bench->tty.master, block, sizeof(block));
        assert_int_equal(copy_console(&bench->copy, now_ms() + 5), COPY_TIMED_OUT);
    }
    expect_rest(bench);
    assert_int_equal(bench->copy.to_tty.used, COPY_BUFFER);
    assert_int_equal(bench->copy.to_out.used, COPY_BUFFER);
    /* And the input's other end hangs up. */
    close(bench->in);
    bench->in = -1;
    expect_rest(bench);
    bench->copy.tty = -1;
    expect_rest(bench);
    bench->copy.tty = tty;
    close_bench(bench);
}

static void test_user_gone(void **unused)
{
    struct bench *bench = make_bench();

    /* A reader that goes away is noticed before there is something to write. */
    close(bench->out);
    bench->out = -1;
    assert_int_equal(copy_console(&bench->copy, now_ms() + PATIENCE), COPY_USER_GONE);
    assert_int_equal(bench->copy.error, 0);
    close_bench(bench);

    bench = make_bench();
    bench->copy.terminal = true;
    close(bench->in);
    bench->in = -1;
    assert_int_equal(copy_console(&bench->copy, now_ms() + PATIENCE), COPY_USER_GONE);
    close_bench(bench);

    bench = make_bench();
    close(bench->copy.out);
    bench->copy.out = open("/dev/full", O_WRONLY | O_CLOEXEC);
    SEND(bench->tty.master, "x");
    assert_int_equal(copy_console(&bench->copy, now_ms() + PATIENCE), COPY_USER_GONE);
    assert_int_equal(bench->copy.error, ENOSPC);
    close_bench(bench);
}

/* Between two domains: who types can leave, what was not written is written, a pipe waits. */
static void test_without_tty(void **unused)
{
    struct bench *bench = make_bench();
    int tty = bench->copy.tty;

    bench->copy.tty = -1;
    SEND(bench->in, "later");
    assert_int_equal(copy_console(&bench->copy, now_ms() + 50), COPY_TIMED_OUT);
    assert_int_equal(bench->copy.to_tty.used, 0);
    bench->copy.tty = tty;
    copy_to(bench, bench->tty.master);
    EXPECT(bench->tty.master, "later");

    bench->copy.tty = -1;
    memcpy(bench->copy.to_out.bytes, "end", 3);
    bench->copy.to_out.used = 3;
    assert_int_equal(copy_drain(&bench->copy, NO_DEADLINE), COPY_GOES_ON);
    EXPECT(bench->out, "end");

    bench->copy.terminal = true;
    SEND(bench->in, "\x1d");
    assert_int_equal(copy_console(&bench->copy, now_ms() + PATIENCE), COPY_LEFT);
    bench->copy.tty = tty;
    close_bench(bench);
}

static void test_left_and_interrupted(void **unused)
{
    struct bench *bench = make_bench();
    int signals[2];

    bench->copy.terminal = true;
    SEND(bench->in, "last\x1dno more");
    assert_int_equal(copy_console(&bench->copy, now_ms() + PATIENCE), COPY_LEFT);
    EXPECT(bench->tty.master, "last");
    bench->copy.left = false;
    assert_int_equal(pipe2(signals, O_CLOEXEC), 0);
    bench->copy.signals = signals[0];
    SEND(signals[1], "s");
    assert_int_equal(copy_console(&bench->copy, now_ms() + PATIENCE), COPY_INTERRUPTED);
    close(signals[0]);
    close(signals[1]);
    close_bench(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaving),         cmocka_unit_test(test_full_buffers),
        cmocka_unit_test(test_bytes_unchanged), cmocka_unit_test(test_much),
        cmocka_unit_test(test_no_busy_loop),    cmocka_unit_test(test_user_gone),
        cmocka_unit_test(test_without_tty),     cmocka_unit_test(test_left_and_interrupted),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("copy", tests, NULL, NULL);
}

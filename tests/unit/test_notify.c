/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a service manager is told, and where nothing is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "monitor/notify.h"

static int listener;
static char path[64];

/* Listens at the path, or at an abstract name for one that begins with '@'. */
static void serve_at(const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t length = strlen(name);

    memcpy(address.sun_path, name, length);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    listener = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
                     0);
    setenv("NOTIFY_SOCKET", name, 1);
}

static int end_service(void **state)
{
    close(listener);
    unlink(path);
    return 0;
}

static const char *heard(void)
{
    static char lines[512];
    ssize_t length = recv(listener, lines, sizeof(lines) - 1, 0);

    lines[length < 0 ? 0 : length] = '\0';
    return lines;
}

static void test_path(void **state)
{
    snprintf(path, sizeof(path), "/tmp/xenvm-test-notify.%d", (int)getpid());
    serve_at(path);
    notify_init(true);
    assert_true(notify_wanted());
    assert_null(getenv("NOTIFY_SOCKET"));
    notify("READY=1\nSTATUS=%s", "running");
    assert_string_equal(heard(), "READY=1\nSTATUS=running");
    /* Nobody reads any more: not a matter of ours. */
    end_service(state);
    notify("STOPPING=1");
}

static void test_abstract(void **state)
{
    char name[64];

    snprintf(name, sizeof(name), "@xenvm-test-notify.%d", (int)getpid());
    serve_at(name);
    notify_init(true);
    notify("STATUS=%d", 1);
    assert_string_equal(heard(), "STATUS=1");
    assert_string_equal(heard(), "");
}

static void test_not_ours(void **state)
{
    snprintf(path, sizeof(path), "/tmp/xenvm-test-notify.%d", (int)getpid());
    serve_at(path);
    notify_init(false);
    assert_false(notify_wanted());
    assert_null(getenv("NOTIFY_SOCKET")); /* nor is it a child's */
    notify("READY=1");
    assert_string_equal(heard(), "");
}

static void test_no_address(void **state)
{
    static const char *const addresses[] = { "", "x", "/", "@", "vsock:2:1", "relative/path" };
    char longest[256];

    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        setenv("NOTIFY_SOCKET", addresses[i], 1);
        notify_init(true);
        assert_false(notify_wanted());
    }
    memset(longest, '/', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    setenv("NOTIFY_SOCKET", longest, 1);
    notify_init(true);
    assert_false(notify_wanted());
    notify("READY=1");
}

/* The first thing heard of the process where a sign of life is wanted every 20 ms. */
static const char *signs_of_life(const char *pid)
{
    struct event_base *base = event_base_new();

    assert_non_null(base);
    snprintf(path, sizeof(path), "/tmp/xenvm-test-notify.%d", (int)getpid());
    serve_at(path);
    setenv("WATCHDOG_USEC", "20000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    notify_init(true);
    assert_null(getenv("WATCHDOG_USEC"));
    notify_start(base);
    for (int i = 0; i < 2; i++) /* which waits for one; without an event it ends at once */
        event_base_loop(base, EVLOOP_ONCE);
    event_base_free(base);
    return heard();
}

static void test_watchdog(void **state)
{
    char pid[16];

    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    assert_string_equal(signs_of_life(pid), "WATCHDOG=1\nEXTEND_TIMEOUT_USEC=20000");
    assert_string_equal(heard(), "WATCHDOG=1\nEXTEND_TIMEOUT_USEC=20000");
}

static void test_watchdog_of_another(void **state)
{
    assert_string_equal(signs_of_life("1"), "");
}

/* So many datagrams that one more has no room; they are read at last. */
static void test_full_queue(void **state)
{
    struct event_base *base = event_base_new();
    int sent = 0;

    assert_non_null(base);
    snprintf(path, sizeof(path), "/tmp/xenvm-test-notify.%d", (int)getpid());
    serve_at(path);
    notify_init(true);
    notify_start(base);
    while (sent < 10000 && event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED) == 0) {
        notify("READY=1\nSTATUS=%d", sent);
        sent++;
    }
    assert_in_range(sent, 2, 9999);
    event_base_loop(base, EVLOOP_ONCE); /* there is no room yet */
    for (int i = 0; i < sent - 1; i++)
        assert_memory_equal(heard(), "READY=1\nSTATUS=", strlen("READY=1\nSTATUS="));
    assert_string_equal(heard(), "");
    event_base_loop(base, 0);
    char last[64];
    snprintf(last, sizeof(last), "READY=1\nSTATUS=%d", sent - 1);
    assert_string_equal(heard(), last);
    assert_string_equal(heard(), "");
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path),
        cmocka_unit_test_teardown(test_abstract, end_service),
        cmocka_unit_test_teardown(test_not_ours, end_service),
        cmocka_unit_test(test_no_address),
        cmocka_unit_test_teardown(test_watchdog, end_service),
        cmocka_unit_test_teardown(test_watchdog_of_another, end_service),
        cmocka_unit_test_teardown(test_full_queue, end_service),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

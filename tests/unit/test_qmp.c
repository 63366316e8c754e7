/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said over QMP's socket, and heard: this is the other end of it, line by line. */
#include "monitor/qmp.h" /* first: cmocka has a macro fail() */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"

enum { TEXT_MAX = 4096, ROUNDS = 50 };

struct session {
    struct event_base *base;
    struct qmp *qmp;
    char directory[32], path[48];
    int listener, peer;
    char events[TEXT_MAX], answers[TEXT_MAX]; /* what has come, in words */
    int lost;
    bool close_at_answer;
};

static void note(char *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(char *list, const char *format, ...)
{
    size_t used = strlen(list);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(list + used, TEXT_MAX - used, format, arguments);
    va_end(arguments);
}

static void on_event(void *arg, const char *name, const json_t *data)
{
    struct session *session = arg;
    char *text = data ? json_dumps(data, JSON_COMPACT) : NULL;

    note(session->events, "%s%s;", name, text ? text : "");
    free(text);
}

static void on_lost(void *arg)
{
    ((struct session *)arg)->lost++;
}

static void on_answer(void *arg, const json_t *result, struct failure *failure)
{
    struct session *session = arg;
    char *text = result ? json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    note(session->answers, "%s;", failure ? failure->text : text);
    free(text);
    failure_free(failure);
    if (session->close_at_answer) {
        session->close_at_answer = false;
        qmp_close(session->qmp);
        session->qmp = NULL;
    }
}

static int begin(void **state)
{
    struct session *session = calloc(1, sizeof(*session));
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const struct qmp_handlers handlers = { on_event, on_lost, session };

    session->base = event_base_new();
    strcpy(session->directory, "/tmp/xenvm-qmp.XXXXXX");
    assert_non_null(mkdtemp(session->directory));
    snprintf(session->path, sizeof(session->path), "%s/qmp", session->directory);
    memcpy(address.sun_path, session->path, strlen(session->path) + 1);
    session->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(session->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(session->listener, 1), 0);
    assert_null(qmp_open(&session->qmp, session->base, session->path, &handlers));
    session->peer = accept4(session->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(session->peer >= 0);
    *state = session;
    return 0;
}

static int end(void **state)
{
    struct session *session = *state;

    qmp_close(session->qmp);
    if (session->peer >= 0)
        close(session->peer);
    close(session->listener);
    unlink(session->path);
    rmdir(session->directory);
    event_base_free(session->base);
    free(session);
    return 0;
}

static void say(struct session *session, const char *text)
{
    assert_int_equal(write(session->peer, text, strlen(text)), strlen(text));
    for (int i = 0; i < ROUNDS; i++)
        event_base_loop(session->base, EVLOOP_NONBLOCK);
}

/* All that has been said to us, with the descriptor that came with it, or -1. */
static int hear(struct session *session, char text[TEXT_MAX])
{
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec room = { text, TEXT_MAX - 1 };
    struct msghdr message = {
        .msg_iov = &room, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
    };
    ssize_t got = recvmsg(session->peer, &message, MSG_CMSG_CLOEXEC);
    int fd = -1;

    text[got > 0 ? got : 0] = '\0';
    const struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (header)
        memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    return fd;
}

static void heard(struct session *session, const char *expected)
{
    char text[TEXT_MAX];

    assert_int_equal(hear(session, text), -1);
    assert_string_equal(text, expected);
}

static void test_order(void **state)
{
    struct session *session = *state;

    /* Nothing is said before qemu has greeted. */
    qmp_send(session->qmp, "stop", NULL, on_answer, session);
    heard(session, "");
    say(session, GREETING);
    heard(session, "{\"execute\":\"qmp_capabilities\",\"id\":1}\n"
                   "{\"execute\":\"stop\",\"id\":2}\n");
    qmp_send(session->qmp, "send-key", json_pack("{s:s}", "keys", "a"), on_answer, session);
    heard(session, "{\"execute\":\"send-key\",\"id\":3,\"arguments\":{\"keys\":\"a\"}}\n");
}

static void test_answers(void **state)
{
    struct session *session = *state;

    say(session, GREETING);
    qmp_send(session->qmp, "one", NULL, on_answer, session);
    qmp_send(session->qmp, "two", NULL, on_answer, session);
    qmp_send(session->qmp, "three", NULL, NULL, NULL);
    /* In pieces, out of turn, with others between, and to nobody. */
    say(session, "{\"return\": {}, \"id\": 1}\r\n{\"return\": {\"x\": 5}, ");
    assert_string_equal(session->answers, "");
    say(session,
        "\"id\": 3}\r\n{\"event\": \"STOP\", \"timestamp\": {}}\r\nno JSON\r\n"
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"not today\"}, \"id\": 2}\r\n"
        "{\"return\": {}, \"id\": 99}\r\n{\"return\": {}, \"id\": 4}\r\n"
        "{\"event\": \"RESET\", \"data\": {\"guest\": true}}\r\n");
    assert_string_equal(session->answers, "{\"x\":5};qemu: not today;");
    assert_string_equal(session->events, "STOP;RESET{\"guest\":true};");
    assert_int_equal(session->lost, 0);
}

static void test_file(void **state)
{
    struct session *session = *state;
    char text[TEXT_MAX];
    FILE *file = tmpfile();
    char path[32];

    assert_non_null(file);
    say(session, GREETING);
    hear(session, text);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(file));
    struct failure *failure =
        qmp_send_file(session->qmp, "/nowhere/at/all", O_RDONLY, on_answer, session);
    assert_string_equal(failure->text, "/nowhere/at/all: No such file or directory");
    failure_free(failure);
    assert_null(qmp_send_file(session->qmp, path, O_WRONLY, on_answer, session));
    int fd = hear(session, text);
    assert_string_equal(text, "{\"execute\":\"add-fd\",\"id\":2}\n");
    /* qemu takes it only in this mode. */
    assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
    assert_int_equal(write(fd, "state", 5), 5);
    close(fd);
    assert_int_equal(pread(fileno(file), text, sizeof(text), 0), 5);
    fclose(file);
}

static void test_lost(void **state)
{
    struct session *session = *state;

    say(session, GREETING);
    qmp_send(session->qmp, "one", NULL, on_answer, session);
    close(session->peer);
    session->peer = -1;
    for (int i = 0; i < ROUNDS; i++)
        event_base_loop(session->base, EVLOOP_NONBLOCK);
    assert_int_equal(session->lost, 1);
    assert_string_equal(session->answers, "");
    qmp_close(session->qmp);
    session->qmp = NULL;
    assert_string_equal(session->answers, "qemu does not answer;");
}

/* A line without end is nonsense. */
static void test_flood(void **state)
{
    struct session *session = *state;
    static char flood[64 * 1024];

    memset(flood, 'x', sizeof(flood));
    for (int i = 0; i < 8 && !session->lost; i++) {
        assert_true(write(session->peer, flood, sizeof(flood)) > 0);
        for (int j = 0; j < ROUNDS; j++)
            event_base_loop(session->base, EVLOOP_NONBLOCK);
    }
    assert_int_equal(session->lost, 1);
}

/* Closed by who gets an answer, with more to come. */
static void test_closed_inside(void **state)
{
    struct session *session = *state;

    say(session, GREETING);
    qmp_send(session->qmp, "one", NULL, on_answer, session);
    qmp_send(session->qmp, "two", NULL, on_answer, session);
    session->close_at_answer = true;
    say(session, "{\"return\": {}, \"id\": 2}\r\n{\"event\": \"STOP\"}\r\n");
    assert_string_equal(session->answers, "{};qemu does not answer;");
    assert_string_equal(session->events, "");
}

static void test_nobody(void **state)
{
    struct event_base *base = event_base_new();
    const struct qmp_handlers handlers = { on_event, on_lost, NULL };
    struct qmp *qmp = NULL;
    struct failure *failure = qmp_open(&qmp, base, "/tmp/xenvm-no-such-socket", &handlers);

    assert_non_null(failure);
    assert_string_equal(failure->text, "cannot talk to qemu: No such file or directory");
    failure_free(failure);
    assert_null(qmp);
    qmp_close(NULL);
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, begin, end),
        cmocka_unit_test_setup_teardown(test_answers, begin, end),
        cmocka_unit_test_setup_teardown(test_file, begin, end),
        cmocka_unit_test_setup_teardown(test_lost, begin, end),
        cmocka_unit_test_setup_teardown(test_flood, begin, end),
        cmocka_unit_test_setup_teardown(test_closed_inside, begin, end),
        cmocka_unit_test(test_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd-client/many.h"
#include "tests/unit/sockets.h"

#define WEB   "11111111-aaaa-4111-8111-111111111111"
#define DB    "11112222-aaaa-4111-8111-111111111111"
#define STALE "11113333-aaaa-4111-8111-111111111111"
#define HUNG  "beef0000-aaaa-4111-8111-111111111111"

/* A directory of sockets as monitors make it. */
struct place {
    char dir[64];
    int web, db, hung; /* listening */
};

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    char *cwd = getcwd(NULL, 0);

    strcpy(place->dir, "/tmp/test-client-XXXXXX");
    if (!mkdtemp(place->dir) || chdir(place->dir) < 0)
        return -1;
    place->web = listen_as(WEB, "name-web", 16);
    place->db = listen_as(DB, "name-1111", 16); /* a name that looks like the start of a UUID */
    place->hung = listen_as(HUNG, "name-hung", 0);
    close(listen_as(STALE, "name-stale", 1));
    if (chdir(cwd) < 0)
        return -1;
    free(cwd);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const files[] = { "vm-" WEB,    "vm-" DB,   "vm-" STALE, "vm-" HUNG,
                                         "name-stale", "name-web", "name-1111", "name-hung" };
    struct place *place = *state;
    char path[256];

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", place->dir, files[i]);
        unlink(path);
    }
    rmdir(place->dir);
    close(place->web);
    close(place->db);
    close(place->hung);
    free(place);
    return 0;
}

static void expect_connect(const struct place *place, const char *vm, enum exit_status status,
                           const char *part)
{
    struct client client;
    char *error = NULL;

    assert_int_equal(client_connect(&client, place->dir, vm, now_ms() + 100, &error), status);
    client_close(&client);
    if (!part) {
        assert_null(error);
        return;
    }
    assert_non_null(error);
    if (!strstr(error, part) || strchr(error, '\n'))
        fail_msg("`%s' does not say `%s' in one line", error, part);
    free(error);
}

static void test_resolve(void **state)
{
    const struct place *place = *state;
    const struct place nowhere = { .dir = "/nonexistent" };

    expect_connect(place, WEB, EXIT_DONE, NULL);
    expect_connect(place, "11111111-AAAA-4111-8111-111111111111", EXIT_DONE, NULL);
    expect_connect(place, "web", EXIT_DONE, NULL);
    expect_connect(place, "11111", EXIT_DONE, NULL);
    expect_connect(place, "11111111-A", EXIT_DONE, NULL);
    expect_connect(place, "1111", EXIT_DONE, NULL); /* the name goes first */
    expect_connect(place, "11112222-", EXIT_DONE, NULL);
    expect_connect(place, "111", EXIT_USAGE, "more than one");
    expect_connect(place, "111", EXIT_USAGE, WEB);
    expect_connect(place, "111", EXIT_USAGE, DB);
    expect_connect(place, "11113", EXIT_NO_MONITOR, "no monitor is running");
    expect_connect(place, "stale", EXIT_NO_MONITOR, "no monitor is running");
    expect_connect(place, STALE, EXIT_NO_MONITOR, "no monitor is running");
    expect_connect(place, "Web", EXIT_NO_MONITOR, "no monitor is running");
    expect_connect(place, "c", EXIT_NO_MONITOR, "no monitor is running");
    expect_connect(place, "1111-", EXIT_NO_MONITOR, "no monitor is running");
    expect_connect(place, "00000000-0000-0000-0000-000000000000", EXIT_NO_MONITOR, "no monitor");
    expect_connect(place, "", EXIT_USAGE, "neither");
    expect_connect(place, "../web", EXIT_USAGE, "neither");
    expect_connect(&nowhere, "web", EXIT_NO_MONITOR, "no monitor is running");
    expect_connect(&nowhere, "1", EXIT_NO_MONITOR, "no monitor is running");
}

static void test_long_path(void **state)
{
    const struct place *place = *state;
    char name[120], file[160], dir[256];
    struct client client;

    /* A directory whose path alone is longer than a socket address. */
    snprintf(dir, sizeof(dir), "%s", place->dir);
    while (strlen(dir) < 120)
        strcat(dir, "/.");
    assert_int_equal(client_open(&client, dir, "vm-" WEB), 0);
    client_close(&client);
    assert_int_equal(client_open(&client, dir, "vm-none"), -ENOENT);
    client_close(&client);

    /* A name that is too long by itself. */
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    snprintf(file, sizeof(file), "name-%s", name);
    snprintf(dir, sizeof(dir), "%s/%s", place->dir, file);
    assert_int_equal(symlink("vm-" WEB, dir), 0);
    assert_int_equal(client_open(&client, place->dir, file), 0);
    client_close(&client);
    unlink(dir);
}

static void test_full_queue(void **state)
{
    const struct place *place = *state;
    struct client clients[8];
    int result = 0, count = 0;

    while (count < 8 && (result = client_open(&clients[count], place->dir, "vm-" HUNG)) == 0)
        count++;
    assert_int_equal(result, -EAGAIN);
    expect_connect(place, "hung", EXIT_TIMED_OUT, "no more clients");
    while (count > 0)
        client_close(&clients[--count]);
}

static void open_web(struct client *client, const struct place *place)
{
    char *error;

    assert_int_equal(client_connect(client, place->dir, WEB, now_ms() + 200, &error), EXIT_DONE);
}

static void drain_queue(int listener)
{
    /* Earlier tests connected and went away. */
    int flags = SOCK_NONBLOCK | SOCK_CLOEXEC, fd;
    struct timeval little = { .tv_usec = 1 };

    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &little, sizeof(little));
    while ((fd = accept4(listener, NULL, NULL, flags)) >= 0)
        close(fd);
    little.tv_usec = 0;
    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &little, sizeof(little));
}

static void send_frame(int fd, char *text)
{
    uint8_t header[FRAME_HEADER];

    frame_header(header, (uint32_t)strlen(text));
    assert_int_equal(send(fd, header, sizeof(header), MSG_NOSIGNAL), FRAME_HEADER);
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    free(text);
}

static void test_call(void **state)
{
    const struct place *place = *state;
    struct rpc_request request;
    struct rpc_answer answer;
    struct client client;
    char *text;
    int fd;

    drain_queue(place->web);
    open_web(&client, place);
    assert_int_equal(client_call(&client, "domid", NULL, false), 0);
    fd = accept_request(place->web, &request);
    assert_string_equal(request.method, "domid");
    assert_false(request.stream);
    text = rpc_result_text(request.id, json_string("3"));
    assert_true(send(fd, text, strlen(text), MSG_NOSIGNAL) > 0);
    free(text);
    rpc_request_free(&request);
    /* The answer is over when the connection is, not before. */
    assert_int_equal(client_fill(&client), 0);
    assert_int_equal(client_next(&client, &answer), 0);
    close(fd);
    assert_int_equal(client_receive(&client, &answer), 1);
    assert_string_equal(json_string_value(answer.result), "3");
    rpc_answer_free(&answer);
    assert_int_equal(client_receive(&client, &answer), 0);
    client_close(&client);
}

static void test_stream(void **state)
{
    const struct place *place = *state;
    struct rpc_request request;
    struct rpc_answer answer;
    struct client client;
    int fd;

    drain_queue(place->web);
    open_web(&client, place);
    assert_int_equal(client_call(&client, "watch", NULL, true), 0);
    fd = accept_request(place->web, &request);
    assert_true(request.stream);
    rpc_request_free(&request);
    for (int i = 0; i < 3; i++)
        send_frame(fd, rpc_event_text("message", json_pack("{si}", "number", i)));
    send_frame(fd, rpc_result_text(NULL, NULL));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(client_receive(&client, &answer), 1);
        assert_int_equal(answer.kind, RPC_IS_EVENT);
        assert_int_equal(json_integer_value(json_object_get(answer.params, "number")), i);
        rpc_answer_free(&answer);
    }
    assert_int_equal(client_receive(&client, &answer), 1);
    assert_int_equal(answer.kind, RPC_IS_RESULT);
    rpc_answer_free(&answer);
    assert_int_equal(client_receive(&client, &answer), -ETIMEDOUT);
    close(fd);
    client.deadline = NO_DEADLINE;
    assert_int_equal(client_receive(&client, &answer), 0);
    client_close(&client);
}

/* What a broken monitor may send on a stream, and what comes of it. */
static void test_bad_streams(void **unused)
{
    static const struct {
        const char *bytes;
        size_t size;
        int result;
    } rows[] = {
        { "", 0, 0 },
        { "\0\0", 2, -EPROTO },
        { "\0\0\0\0", 4, -EPROTO },
        { "\0\0\0\5{}", 6, -EPROTO },
        { "\0\0\0\2{}", 6, -EPROTO },
        { "\377\377\377\377", 4, -EPROTO },
        { "{\"jsonrpc\":\"2.0\",\"result\":null}", 31, 1 }, /* bare: it knows no streams */
        { "{\"jsonrpc\"", 10, -EPROTO },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct client client = { .stream = true, .deadline = now_ms() + 1000 };
        struct rpc_answer answer;
        int pair[2], result;

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        assert_int_equal(write(pair[0], rows[i].bytes, rows[i].size), rows[i].size);
        close(pair[0]);
        client.fd = pair[1];
        result = client_receive(&client, &answer);
        assert_int_equal(result, rows[i].result);
        if (result > 0)
            rpc_answer_free(&answer);
        client_close(&client);
    }
}

static void test_endless_answer(void **unused)
{
    struct client client = { .deadline = NO_DEADLINE };
    struct rpc_answer answer;
    int pair[2];
    pid_t child;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    child = fork();
    if (child == 0) {
        char block[4096];

        close(pair[1]);
        memset(block, 'x', sizeof(block));
        while (send(pair[0], block, sizeof(block), MSG_NOSIGNAL) > 0)
            ;
        _exit(0);
    }
    close(pair[0]);
    client.fd = pair[1];
    assert_int_equal(client_receive(&client, &answer), -EPROTO);
    assert_true(client.size <= (size_t)4 * ANSWER_MAX);
    client_close(&client);
    waitpid(child, NULL, 0);
}

/* Answers `count` requests for a status, in a process of its own. */
static pid_t serve_status(int listener, int count, const char *uuid, const char *name)
{
    pid_t child = fork();

    if (child != 0)
        return child;
    while (count-- > 0) {
        struct rpc_request request;
        int fd = accept_request(listener, &request);
        char *text = rpc_result_text(
            request.id, json_pack("{ss,ss,ss}", "name", name, "uuid", uuid, "state", "running"));

        send(fd, text, strlen(text), MSG_NOSIGNAL);
        close(fd);
        free(text);
        rpc_request_free(&request);
    }
    _exit(0);
}

static void expect_member(const json_t *vms, size_t index, const char *key, const char *expected)
{
    const char *text = json_string_value(json_object_get(json_array_get(vms, index), key));

    assert_non_null(text);
    assert_string_equal(text, expected);
}

static void test_list(void **state)
{
    const struct place *place = *state;
    char *error = NULL;
    pid_t children[2];
    json_t *vms;

    drain_queue(place->web);
    drain_queue(place->db);
    drain_queue(place->hung);
    children[0] = serve_status(place->web, 1, WEB, "web");
    children[1] = serve_status(place->db, 1, DB, "1111");
    vms = collect_statuses(place->dir, 300, &error);
    assert_non_null(vms);
    assert_int_equal(json_array_size(vms), 3); /* the stale one is left out */
    expect_member(vms, 0, "name", "1111");
    expect_member(vms, 0, "state", "running");
    expect_member(vms, 1, "name", "hung");
    expect_member(vms, 1, "state", "no answer");
    expect_member(vms, 1, "uuid", HUNG);
    expect_member(vms, 2, "name", "web");
    json_decref(vms);
    for (int i = 0; i < 2; i++)
        waitpid(children[i], NULL, 0);

    vms = collect_statuses("/nonexistent", 300, &error);
    assert_int_equal(json_array_size(vms), 0);
    json_decref(vms);
}

/* What a survey has found, one after the other: "1111 running; hung -110; " */
struct found {
    char text[512];
    size_t question; /* of the last one */
};

static void note_found(void *arg, const struct surveyed *vm, int result,
                       const struct rpc_answer *answer)
{
    struct found *found = arg;
    size_t length = strlen(found->text);
    const char *state = NULL;

    if (result > 0 && answer->kind == RPC_IS_RESULT)
        state = json_string_value(json_object_get(answer->result, "state"));
    if (state)
        snprintf(found->text + length, sizeof(found->text) - length, "%s %s; ", vm->name, state);
    else
        snprintf(found->text + length, sizeof(found->text) - length, "%s %d; ", vm->name, result);
    found->question = vm->question;
}

static int survey(const struct place *place, size_t questions, struct found *found)
{
    const struct question asked[] = {
        { .method = "status", .within = 300 },
        { .method = "shutdown", .within = 0 },
    };
    const struct survey survey = { .dir = place->dir,
                                   .questions = asked,
                                   .count = questions,
                                   .answered = note_found,
                                   .arg = found };

    *found = (struct found){ .question = 0 };
    return survey_vms(&survey);
}

/* One that hangs is told of when its time is over, after those that answer. */
static void test_survey(void **state)
{
    const struct place *place = *state;
    struct found found;
    pid_t child;

    drain_queue(place->web);
    drain_queue(place->db);
    drain_queue(place->hung);
    child = serve_status(place->web, 1, WEB, "web");
    assert_int_equal(survey(place, 1, &found), 0);
    assert_int_equal(strncmp(found.text, "web running; ", 13), 0);
    assert_non_null(strstr(found.text, "hung -110; "));
    assert_non_null(strstr(found.text, "1111 -110; "));
    assert_null(strstr(found.text, "stale"));
    waitpid(child, NULL, 0);
}

/* The second question is for those that answered the first one. */
static void test_survey_in_turn(void **state)
{
    const struct place *place = *state;
    struct found found;
    pid_t children[2];

    drain_queue(place->web);
    drain_queue(place->db);
    drain_queue(place->hung);
    children[0] = serve_status(place->web, 2, WEB, "web");
    children[1] = serve_status(place->db, 2, DB, "1111");
    assert_int_equal(survey(place, 2, &found), 0);
    assert_non_null(strstr(found.text, "web running; "));
    assert_non_null(strstr(found.text, "1111 running; "));
    assert_int_equal(strcmp(found.text + strlen(found.text) - 11, "hung -110; "), 0);
    assert_int_equal(found.question, 0);
    for (int i = 0; i < 2; i++)
        waitpid(children[i], NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolve),        cmocka_unit_test(test_long_path),
        cmocka_unit_test(test_full_queue),     cmocka_unit_test(test_call),
        cmocka_unit_test(test_stream),         cmocka_unit_test(test_bad_streams),
        cmocka_unit_test(test_endless_answer), cmocka_unit_test(test_list),
        cmocka_unit_test(test_survey),         cmocka_unit_test(test_survey_in_turn),
    };

    return cmocka_run_group_tests_name("client sockets", tests, set_up, tear_down);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/commands.h"
#include "protocol/rpc.h"
#include "words/words.h"

/* ---- framing ---- */

static void test_frames(void **unused)
{
    static const uint32_t lengths[] = { 0, 1, 255, 256, FRAME_MAX, 0x01020304, UINT32_MAX };
    uint8_t header[FRAME_HEADER];

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        frame_header(header, lengths[i]);
        assert_int_equal(frame_length(header), lengths[i]);
    }
    frame_header(header, 0x01020304);
    assert_memory_equal(header, "\1\2\3\4", FRAME_HEADER);
}

/* ---- requests ---- */

#define CALL(rest) "{\"jsonrpc\":\"2.0\",\"method\":\"pause\"" rest "}"

static void test_good_requests(void **unused)
{
    static const struct {
        const char *text, *id; /* id as JSON */
        size_t params;
        bool stream;
    } rows[] = {
        { CALL(""), "null", 0, false },
        { CALL(",\"id\":7"), "7", 0, false },
        { CALL(",\"id\":1.5"), "1.5", 0, false },
        { CALL(",\"id\":\"a\""), "\"a\"", 0, false },
        { CALL(",\"id\":null"), "null", 0, false },
        { CALL(",\"params\":{}"), "null", 0, false },
        { CALL(",\"params\":{\"file\":\"/x\",\"live\":\"true\"}"), "null", 2, false },
        { CALL(",\"stream\":true"), "null", 0, true },
        { CALL(",\"stream\":false"), "null", 0, false },
        { CALL(",\"more\":[1,{}]"), "null", 0, false },
        { "  \n\t" CALL("") " \r\n", "null", 0, false },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rpc_request request;
        const char *why;

        assert_int_equal(rpc_request_parse(rows[i].text, strlen(rows[i].text), &request, &why), 0);
        char *id = json_dumps(request.id, JSON_ENCODE_ANY);
        assert_string_equal(request.method, "pause");
        assert_string_equal(id, rows[i].id);
        assert_int_equal(json_object_size(request.params), rows[i].params);
        assert_int_equal(request.stream, rows[i].stream);
        free(id);
        rpc_request_free(&request);
    }
}

static void expect_refused(const char *text, size_t size, int code, const char *part)
{
    struct rpc_request request;
    const char *why = NULL;

    assert_int_equal(rpc_request_parse(text, size, &request, &why), code);
    assert_non_null(why);
    if (!strstr(why, part))
        fail_msg("`%s' does not say `%s'", why, part);
}

static void test_bad_requests(void **unused)
{
    static const struct {
        const char *text;
        int code;
        const char *part;
    } rows[] = {
        { "", RPC_PARSE_ERROR, "JSON" },
        { "{", RPC_PARSE_ERROR, "ends too early" },
        { "nonsense", RPC_PARSE_ERROR, "not JSON" },
        { "\"text\"", RPC_PARSE_ERROR, "not JSON" },
        { CALL("") "x", RPC_PARSE_ERROR, "follows" },
        { CALL("") CALL(""), RPC_PARSE_ERROR, "follows" },
        { CALL(",\"method\":\"quit\""), RPC_PARSE_ERROR, "twice" },
        { CALL(",\"params\":{\"a\":\"1\",\"a\":\"2\"}"), RPC_PARSE_ERROR, "twice" },
        { CALL(",\"params\":{\"a\":\"x\\u0000y\"}"), RPC_PARSE_ERROR, "NUL" },
        { CALL(",\"params\":{\"a\\u0000b\":\"y\"}"), RPC_PARSE_ERROR, "" },
        { CALL(",\"params\":{\"a\":\"\xff\"}"), RPC_PARSE_ERROR, "UTF-8" },
        { CALL(",\"id\":1e999"), RPC_PARSE_ERROR, "JSON" },
        { "[]", RPC_INVALID_REQUEST, "object" },
        { "[" CALL("") "]", RPC_INVALID_REQUEST, "object" },
        { "{}", RPC_INVALID_REQUEST, "jsonrpc" },
        { "{\"method\":\"pause\"}", RPC_INVALID_REQUEST, "jsonrpc" },
        { "{\"jsonrpc\":2.0,\"method\":\"pause\"}", RPC_INVALID_REQUEST, "jsonrpc" },
        { "{\"jsonrpc\":\"1.0\",\"method\":\"pause\"}", RPC_INVALID_REQUEST, "jsonrpc" },
        { "{\"jsonrpc\":\"2.0\"}", RPC_INVALID_REQUEST, "method" },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"\"}", RPC_INVALID_REQUEST, "method" },
        { "{\"jsonrpc\":\"2.0\",\"method\":1}", RPC_INVALID_REQUEST, "method" },
        { CALL(",\"id\":{}"), RPC_INVALID_REQUEST, "id" },
        { CALL(",\"id\":[1]"), RPC_INVALID_REQUEST, "id" },
        { CALL(",\"id\":true"), RPC_INVALID_REQUEST, "id" },
        { CALL(",\"stream\":\"true\""), RPC_INVALID_REQUEST, "stream" },
        { CALL(",\"stream\":1"), RPC_INVALID_REQUEST, "stream" },
        { CALL(",\"params\":[]"), RPC_INVALID_PARAMS, "object" },
        { CALL(",\"params\":null"), RPC_INVALID_PARAMS, "object" },
        { CALL(",\"params\":{\"live\":true}"), RPC_INVALID_PARAMS, "string" },
        { CALL(",\"params\":{\"a\":\"x\",\"b\":{}}"), RPC_INVALID_PARAMS, "string" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_refused(rows[i].text, strlen(rows[i].text), rows[i].code, rows[i].part);
    expect_refused("{\0}", 3, RPC_PARSE_ERROR, "JSON");
    expect_refused(CALL("") "\0", sizeof(CALL("")), RPC_PARSE_ERROR, "");
}

/* As deep as a frame allows: an error, and no stack used up, whatever it is made of. */
static void test_deep_nesting(void **unused)
{
    static const char *const units[] = { "[", "{\"a\":", "[{\"a\":" };
    char *text = malloc(FRAME_MAX);

    assert_non_null(text);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t length = strlen(units[i]), size = 0;

        for (; size + length <= FRAME_MAX; size += length)
            memcpy(text + size, units[i], length);
        expect_refused(text, size, RPC_PARSE_ERROR, "deep");
    }
    free(text);
}

static void test_size_limit(void **unused)
{
    static const char head[] = CALL(",\"params\":{\"file\":\"");
    const size_t before = sizeof(head) - 2; /* without the brace of CALL and the NUL */
    char *text = malloc(FRAME_MAX + 1);
    struct rpc_request request;
    const char *why;

    assert_non_null(text);
    memset(text, 'x', FRAME_MAX + 1);
    memcpy(text, head, before);
    memcpy(text + FRAME_MAX - 3, "\"}}", 3);
    assert_int_equal(rpc_request_parse(text, FRAME_MAX, &request, &why), 0);
    rpc_request_free(&request);
    memcpy(text + FRAME_MAX - 3, "x\"}}", 4);
    expect_refused(text, FRAME_MAX + 1, RPC_INVALID_REQUEST, "64 KiB");
    free(text);
}

static void test_request_round_trip(void **unused)
{
    char *text = rpc_request_text("suspend", json_pack("{ss}", "file", "/tmp/a \"b\"\n"), true);
    struct rpc_request request;
    const char *why;

    assert_non_null(text);
    assert_int_equal(rpc_request_parse(text, strlen(text), &request, &why), 0);
    assert_string_equal(request.method, "suspend");
    assert_string_equal(json_string_value(json_object_get(request.params, "file")),
                        "/tmp/a \"b\"\n");
    assert_true(request.stream);
    rpc_request_free(&request);
    free(text);

    text = rpc_request_text("pause", NULL, false);
    assert_int_equal(rpc_request_parse(text, strlen(text), &request, &why), 0);
    assert_false(request.stream);
    assert_int_equal(json_object_size(request.params), 0);
    rpc_request_free(&request);
    free(text);
}

/* ---- answers ---- */

static struct rpc_answer parse_and_free(char *text)
{
    struct rpc_answer answer;

    assert_non_null(text);
    assert_int_equal(rpc_answer_parse(text, strlen(text), &answer), 0);
    free(text);
    return answer;
}

static void test_results(void **unused)
{
    json_t *id = json_string("mine");
    struct rpc_answer answer = parse_and_free(rpc_result_text(id, json_string("3")));

    assert_int_equal(answer.kind, RPC_IS_RESULT);
    assert_string_equal(json_string_value(answer.result), "3");
    assert_string_equal(json_string_value(json_object_get(answer.root, "id")), "mine");
    rpc_answer_free(&answer);
    json_decref(id);

    answer = parse_and_free(rpc_result_text(NULL, NULL));
    assert_int_equal(answer.kind, RPC_IS_RESULT);
    assert_true(json_is_null(answer.result));
    assert_true(json_is_null(json_object_get(answer.root, "id")));
    rpc_answer_free(&answer);
}

static void test_errors(void **unused)
{
    json_t *id = json_integer(5);
    struct rpc_answer answer = parse_and_free(
        rpc_error_text(id, RPC_WRONG_STATE, "it is paused", json_pack("{ss}", "state", "paused")));

    assert_int_equal(answer.kind, RPC_IS_ERROR);
    assert_int_equal(answer.code, RPC_WRONG_STATE);
    assert_string_equal(answer.message, "it is paused");
    assert_string_equal(json_string_value(json_object_get(answer.data, "state")), "paused");
    assert_int_equal(json_integer_value(json_object_get(answer.root, "id")), 5);
    rpc_answer_free(&answer);
    json_decref(id);

    /* A file's name in a message need not be UTF-8. */
    answer = parse_and_free(rpc_error_text(NULL, RPC_FAILED, "/tmp/\xe9t\xe9: no space", NULL));
    assert_string_equal(answer.message, "/tmp/?t?: no space");
    assert_null(answer.data);
    rpc_answer_free(&answer);
}

static void test_events(void **unused)
{
    struct rpc_answer answer =
        parse_and_free(rpc_event_text("state", json_pack("{ss}", "state", "running")));

    assert_int_equal(answer.kind, RPC_IS_EVENT);
    assert_string_equal(answer.event, "state");
    assert_string_equal(json_string_value(json_object_get(answer.params, "state")), "running");
    rpc_answer_free(&answer);

    answer = parse_and_free(rpc_event_text("message", NULL));
    assert_string_equal(answer.event, "message");
    rpc_answer_free(&answer);
}

static void test_bad_answers(void **unused)
{
    static const char *const rows[] = {
        "",
        "[]",
        "{}",
        "{\"jsonrpc\":\"2.0\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1}",
        "{\"result\":null}",
        "{\"jsonrpc\":\"2.0\",\"result\":1,\"error\":{\"code\":1,\"message\":\"x\"}}",
        "{\"jsonrpc\":\"2.0\",\"error\":\"x\"}",
        "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1}}",
        "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":\"1\",\"message\":\"x\"}}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"other\",\"params\":{\"event\":\"x\"}}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"event\"}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{}}",
        "{\"jsonrpc\":\"2.0\",\"result\":null} {",
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rpc_answer answer;

        assert_int_equal(rpc_answer_parse(rows[i], strlen(rows[i]), &answer), -1);
    }
}

/* ---- the command table ---- */

static void check_argument(const struct command_info *command, size_t index)
{
    const struct command_arg *arg = &command->args[index];

    for (const char *c = arg->name; *c; c++)
        assert_true(islower((unsigned char)*c) || *c == '-');
    assert_non_null(arg->help);
    assert_true(arg->help[0] != '\0');
    assert_in_range(arg->type, ARG_BOOL, ARG_TYPES - 1);
    for (size_t i = 0; i < index; i++)
        assert_string_not_equal(arg->name, command->args[i].name);
}

static bool has_argument(const struct command_info *command, const char *name)
{
    for (size_t i = 0; i < MAX_ARGS && command->args[i].name; i++) {
        if (strcmp(command->args[i].name, name) == 0)
            return true;
    }
    return false;
}

static void test_command_table(void **unused)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command_info *command = &command_table[i];
        bool ended = false;

        assert_non_null(command->name);
        assert_true(command->help && command->help[0]);
        assert_true(command->states != 0);
        assert_int_equal(command->states & ~IN_ANY, 0);
        assert_int_equal(command->force_states & ~IN_ANY, 0);
        if (command->force_states)
            assert_true(has_argument(command, "force") || has_argument(command, "discard"));
        if (command->flags & CMD_PROGRESS)
            assert_true(command->flags & CMD_LONG);
        for (size_t a = 0; a < MAX_ARGS; a++) {
            ended |= !command->args[a].name;
            if (ended)
                assert_null(command->args[a].name);
            else
                check_argument(command, a);
        }
        assert_ptr_equal(command_find(command->name), command);
        if (command->alias)
            assert_ptr_equal(command_find(command->alias), command);
    }
}

static void test_command_find(void **unused)
{
    assert_ptr_equal(command_find("suspend"), &command_table[CMD_SUSPEND]);
    assert_ptr_equal(command_find("halt"), &command_table[CMD_SHUTDOWN]);
    assert_ptr_equal(command_find("reboot"), &command_table[CMD_RESTART]);
    assert_null(command_find(""));
    assert_null(command_find("Pause"));
    assert_null(command_find("paus"));
}

static void test_command_nearest(void **unused)
{
    static const struct {
        const char *given, *nearest;
    } rows[] = {
        { "susped", "suspend" },
        { "pasue", "pause" },
        { "unpasue", "unpause" },
        { "hlat", "halt" },
        { "rebot", "reboot" },
        { "Status", "status" },
        { "checkpiont", "checkpoint" },
        { "xyzzy", NULL },
        { "", NULL },
        { "a-very-long-word-that-is-no-command-of-anything", NULL },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *nearest = command_nearest(rows[i].given);

        if (rows[i].nearest) {
            assert_non_null(nearest);
            assert_string_equal(nearest, rows[i].nearest);
        } else {
            assert_null(nearest);
        }
    }
}

/* What xenvm-cmd(1) promises of states, for commands whose row is easily got wrong. */
static void test_command_states(void **unused)
{
    const struct command_info *destroy = &command_table[CMD_DESTROY];

    assert_int_equal(command_table[CMD_STATUS].states, IN_ANY);
    assert_int_equal(command_table[CMD_QUIT].states, IN_ANY);
    assert_int_equal(command_table[CMD_PAUSE].states, IN(VM_RUNNING));
    assert_int_equal(command_table[CMD_SUSPEND].states, IN(VM_RUNNING));
    assert_false(command_table[CMD_START].states & IN(VM_SUSPENDED));
    assert_true(command_table[CMD_START].force_states & IN(VM_SUSPENDED));
    assert_true(destroy->states & IN(VM_SUSPENDING));
    assert_false(destroy->states & (IN(VM_SHUTDOWN) | IN(VM_SUSPENDED)));
}

/* ---- states and values ---- */

static void test_states(void **unused)
{
    for (int state = 0; state < VM_STATE_COUNT; state++)
        assert_int_equal(state_from_name(state_name((enum vm_state)state)), state);
    assert_string_equal(state_name(VM_CREATING_DOMAIN), "creating-domain");
    assert_string_equal(state_name(VM_PRESERVED), "preserved");
    assert_string_equal(state_name(VM_STATE_COUNT), "unknown");
    assert_int_equal(state_from_name("unknown"), -1);
    assert_int_equal(state_from_name(""), -1);
    assert_int_equal(state_from_name("Running"), -1);
}

static void expect_list(unsigned int states, const char *expected)
{
    char *text = state_list(states);

    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void test_state_list(void **unused)
{
    expect_list(0, "");
    expect_list(IN(VM_RUNNING), "running");
    expect_list(IN(VM_RUNNING) | IN(VM_PAUSED), "running or paused");
    expect_list(IN(VM_CREATED) | IN(VM_RUNNING) | IN(VM_PAUSED), "created, running or paused");
}

static void test_word_bool(void **unused)
{
    static const char *const yes[] = { "1", "y", "yes", "true", "Y", "YES", "True" };
    static const char *const no[] = { "0", "n", "no", "false", "N", "No", "FALSE" };
    static const char *const bad[] = { "", "2", "on", "off", "tru", "true ", " 1", "01" };

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
        assert_int_equal(word_bool(yes[i]), 1);
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        assert_int_equal(word_bool(no[i]), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(word_bool(bad[i]), -1);
}

static void test_parse_seconds(void **unused)
{
    static const char *const bad[] = {
        "", "0", "-1", "+1", " 1", "1 ", "1s", "0x10", "1.5", "86401", "99999999999999999999",
    };

    assert_int_equal(parse_seconds("1"), 1);
    assert_int_equal(parse_seconds("60"), 60);
    assert_int_equal(parse_seconds("86400"), 86400);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(parse_seconds(bad[i]), -1);
}

static void test_parse_number(void **unused)
{
    static const char *const bad[] = {
        "", "-1", "+1", " 1", "1 ", "0x10", "1.5", "1e3", "100000000", "99999999999999999999",
    };

    assert_int_equal(parse_number("0"), 0);
    assert_int_equal(parse_number("007"), 7);
    assert_int_equal(parse_number("99999999"), 99999999);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(parse_number(bad[i]), -1);
}

static void test_argument_text(void **unused)
{
    static const char *const bad[] = {
        "", "\n", "a\tb", "a\x1b[m", "\x7f", "a\xc2\x80", "\xc2\x9f",
    };
    char text[ARG_TEXT_MAX + 2];

    assert_true(is_argument_text(" "));
    assert_true(is_argument_text("/dev/vg/a b:phy:xvdb:w:disk"));
    assert_true(is_argument_text("br\xc3\xbc"
                                 "cke \xc2\xa0"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(is_argument_text(bad[i]));
    memset(text, 'x', sizeof(text));
    text[ARG_TEXT_MAX] = '\0';
    assert_true(is_argument_text(text));
    text[ARG_TEXT_MAX] = 'x';
    text[ARG_TEXT_MAX + 1] = '\0';
    assert_false(is_argument_text(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),          cmocka_unit_test(test_good_requests),
        cmocka_unit_test(test_bad_requests),    cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_size_limit),      cmocka_unit_test(test_request_round_trip),
        cmocka_unit_test(test_results),         cmocka_unit_test(test_errors),
        cmocka_unit_test(test_events),          cmocka_unit_test(test_bad_answers),
        cmocka_unit_test(test_command_table),   cmocka_unit_test(test_command_find),
        cmocka_unit_test(test_command_nearest), cmocka_unit_test(test_command_states),
        cmocka_unit_test(test_states),          cmocka_unit_test(test_state_list),
        cmocka_unit_test(test_word_bool),       cmocka_unit_test(test_parse_seconds),
        cmocka_unit_test(test_parse_number),    cmocka_unit_test(test_argument_text),
    };

    return cmocka_run_group_tests_name("protocol", tests, NULL, NULL);
}

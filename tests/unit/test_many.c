/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd-client/many.h"

#define WEB "11111111-aaaa-4111-8111-111111111111"
#define DB  "11112222-aaaa-4111-8111-111111111111"

/* JSON with single quotes, which need no backslashes here. */
static json_t *parse(const char *json)
{
    char *text = strdup(json);
    json_t *value;

    for (char *quote = text; (quote = strchr(quote, '\''));)
        *quote = '"';
    value = json_loads(text, JSON_DECODE_ANY, NULL);
    free(text);
    assert_non_null(value);
    return value;
}

static void test_status_table(void **unused)
{
    json_t *vms =
        parse("[{'name':'web','uuid':'" WEB "','state':'running','domid':3,'memory':128,'vcpus':1,"
              "'uptime':59,'cpu':0.0},"
              "{'name':'b','uuid':'" WEB "','state':'running','domid':12,'memory':128,'vcpus':1,"
              "'uptime':3661,'cpu':100.5},"
              "{'name':'a','uuid':'" WEB "','state':'paused','domid':4,'memory':128,'vcpus':1,"
              "'uptime':90061,'cpu-time':1},"
              "{'name':'zw\xc3\xb6lf','uuid':'" DB "','state':'no answer'}]");
    char *printed = NULL;
    size_t size;
    FILE *out = open_memstream(&printed, &size);

    put_status_table(out, vms);
    fclose(out);
    assert_string_equal(
        printed,
        "NAME   UUID                                  DOMID  STATE           UPTIME  MEMORY  VCPUS"
        "     CPU\n"
        "web    " WEB "      3  running           0:59     128      1    0.0%\n"
        "b      " WEB "     12  running        1:01:01     128      1  100.5%\n"
        "a      " WEB "      4  paused     1d 01:01:01     128      1       -\n"
        "zw\xc3\xb6lf  " DB "      -  no answer            -       -      -       -\n");
    free(printed);
    json_decref(vms);
}

static void expect_cpu(const char *before, int64_t elapsed, const char *vm, double expected)
{
    json_t *old = before ? parse(before) : NULL, *vms = json_pack("[o]", parse(vm));
    const json_t *cpu;

    add_cpu_use(vms, old, elapsed);
    cpu = json_object_get(json_array_get(vms, 0), "cpu");
    if (expected < 0)
        assert_null(cpu);
    else
        assert_float_equal(json_number_value(cpu), expected, 0.001);
    json_decref(vms);
    json_decref(old);
}

static void test_cpu_use(void **unused)
{
    static const char before[] = "[{'uuid':'x'},{'uuid':'w','domid':3,'cpu-time':500},"
                                 "{'uuid':'z','domid':4,'cpu-time':9000}]";

    /* On average, while there is nothing to compare with. */
    expect_cpu(NULL, 0, "{'uuid':'w','domid':3,'uptime':10,'cpu-time':1234}", 12.3);
    expect_cpu(NULL, 0, "{'uuid':'w','domid':3,'uptime':0,'cpu-time':1234}", -1);
    expect_cpu(NULL, 0, "{'uuid':'w','domid':3,'cpu-time':1234}", -1);
    expect_cpu(NULL, 0, "{'uuid':'w','state':'no answer'}", -1);
    expect_cpu(NULL, 0, "{'uuid':'w','uptime':1,'cpu-time':4000}", 400);
    expect_cpu(NULL, 0, "{'uuid':'w','uptime':10,'cpu-time':'much'}", -1);
    /* Since the last time. */
    expect_cpu(before, 2000, "{'uuid':'w','domid':3,'uptime':10,'cpu-time':1500}", 50);
    expect_cpu(before, 2000, "{'uuid':'w','domid':3,'uptime':10,'cpu-time':500}", 0);
    /* Another domain; one that was not there; a monitor that had not answered. */
    expect_cpu(before, 2000, "{'uuid':'w','domid':4,'uptime':10,'cpu-time':1500}", 15);
    expect_cpu(before, 2000, "{'uuid':'n','domid':4,'uptime':10,'cpu-time':1500}", 15);
    expect_cpu(before, 2000, "{'uuid':'x','domid':4,'uptime':10,'cpu-time':1500}", 15);
    expect_cpu(before, 2000, "{'domid':4,'uptime':10,'cpu-time':1500}", 15);
    expect_cpu(before, 2000, "{'uuid':'z','domid':4,'uptime':10,'cpu-time':1500}", 15);
}

static void expect_changes(const char *before, const char *vms, const char *expected)
{
    json_t *old = before ? parse(before) : NULL, *new = parse(vms);
    json_t *changes = status_changes(old, new), *wanted = parse(expected);

    if (!json_equal(changes, wanted))
        fail_msg("got %s", json_dumps(changes, 0));
    json_decref(changes);
    json_decref(wanted);
    json_decref(old);
    json_decref(new);
}

static void test_changes(void **unused)
{
    expect_changes(NULL, "[]", "[]");
    expect_changes(NULL, "[{'name':'w','uuid':'1','state':'running','domid':3}]",
                   "[{'event':'state','name':'w','uuid':'1','state':'running','domid':3}]");
    expect_changes("[{'name':'w','uuid':'1','state':'running','domid':3,'cpu':1}]",
                   "[{'name':'w','uuid':'1','state':'running','domid':3,'cpu':2}]", "[]");
    expect_changes("[{'name':'w','uuid':'1','state':'running','domid':3}]",
                   "[{'name':'w','uuid':'1','state':'no answer'}]",
                   "[{'event':'state','name':'w','uuid':'1','old':'running','state':'no answer'}]");
    expect_changes("[{'name':'w','uuid':'1','state':'running','domid':3}]",
                   "[{'name':'w','uuid':'1','state':'running','domid':4}]",
                   "[{'event':'state','name':'w','uuid':'1','state':'running','domid':4}]");
    expect_changes("[{'name':'w','uuid':'1','state':'running'},{'name':'v','uuid':'2'}]",
                   "[{'name':'v','uuid':'2'}]", "[{'event':'gone','name':'w','uuid':'1'}]");
    expect_changes("[{'name':'w','state':'running'}]", "[{'state':7},3]", "[]");
}

static void expect_for_all(enum command_id id, bool json, const char *params, const char *part)
{
    const struct options options = { .all = true, .json = json };
    json_t *given = params ? parse(params) : NULL;
    char *error = NULL;

    assert_int_equal(is_for_all(&options, &command_table[id], given, &error), part == NULL);
    if (part)
        assert_non_null(strstr(error, part));
    else
        assert_null(error);
    free(error);
    json_decref(given);
}

static void test_for_all(void **unused)
{
    expect_for_all(CMD_PAUSE, false, NULL, NULL);
    expect_for_all(CMD_SHUTDOWN, false, "{'timeout':'5'}", NULL);
    expect_for_all(CMD_CONSOLE, true, NULL, NULL);
    expect_for_all(CMD_CONSOLE, false, NULL, "console is not for all VMs at once");
    expect_for_all(CMD_WATCH, true, NULL, "watch is not for all");
    expect_for_all(CMD_HELP, false, NULL, "help is not for all");
    expect_for_all(CMD_SUSPEND, false, NULL, "each needs a file of its own");
    expect_for_all(CMD_RESTORE, false, NULL, NULL);
    expect_for_all(CMD_RESTORE, false, "{'file':'/x'}", "a file of its own");
    expect_for_all(CMD_CHECKPOINT, false, NULL, "a file of its own");
    expect_for_all(CMD_SCREENSHOT, false, NULL, "a file of its own");
    expect_for_all(CMD_READ_CONFIG, false, NULL, NULL);
    expect_for_all(CMD_READ_CONFIG, false, "{'path':'/x'}", "a file of its own");
    /* One that all can read. */
    expect_for_all(CMD_CD_INSERT_FILE, false, "{'disk':'xvdd','file':'/x'}", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_table),
        cmocka_unit_test(test_cpu_use),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_for_all),
    };

    return cmocka_run_group_tests_name("many", tests, NULL, NULL);
}

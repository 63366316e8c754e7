/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd-client/client.h"

#define WEB "11111111-aaaa-4111-8111-111111111111"
#define DB  "11112222-aaaa-4111-8111-111111111111"

/* ---- what functions print ---- */

static char *printed;
static size_t printed_size;

static FILE *begin_print(void)
{
    free(printed);
    printed = NULL;
    return open_memstream(&printed, &printed_size);
}

static void expect_printed(FILE *out, const char *expected)
{
    fclose(out);
    assert_string_equal(printed, expected);
    free(printed);
    printed = NULL;
}

static void expect_result(const char *json, const char *expected)
{
    json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
    FILE *out = begin_print();

    assert_non_null(value);
    put_result(out, value);
    json_decref(value);
    expect_printed(out, expected);
}

static void test_results(void **unused)
{
    expect_result("null", "");
    expect_result("\"3\"", "3\n");
    expect_result("\"\"", "");
    expect_result("\"one\\ntwo\\n\"", "one\ntwo\n");
    expect_result("\"a\\u001b[31mb\\u009b1m\"", "a?[31mb?1m\n");
    expect_result("7", "7\n");
    expect_result("{\"state\":\"running\",\"domid\":3,\"dead\":false}",
                  "state: running\ndomid: 3\ndead: false\n");
    expect_result("{\"operation\":{\"name\":\"suspend\",\"stage\":\"writing\",\"done\":1,"
                  "\"total\":8}}",
                  "operation: suspend, writing, 1 of 8\n");
    expect_result("{\"operation\":{\"name\":\"start\"}}", "operation: start\n");
    expect_result("{\"disk\":{\"a\":1,\"b\":[1,\"x\"]}}", "disk: a=1 b=1, x\n");
}

static void expect_event(const char *json, const char *expected)
{
    json_t *params = json_loads(json, 0, NULL);
    FILE *out = begin_print();

    assert_non_null(params);
    put_event(out, json_string_value(json_object_get(params, "event")), params);
    json_decref(params);
    expect_printed(out, expected);
}

static void test_events(void **unused)
{
    expect_event("{\"event\":\"state\",\"state\":\"running\",\"domid\":3}", "running, domid 3");
    expect_event("{\"event\":\"state\",\"old\":\"running\",\"state\":\"shutdown\","
                 "\"reason\":\"poweroff\"}",
                 "running -> shutdown (poweroff)");
    expect_event("{\"event\":\"message\",\"text\":\"a\\nb\"}", "a b");
    expect_event("{\"event\":\"progress\",\"operation\":\"suspend\",\"done\":13107,"
                 "\"total\":32768,\"unit\":\"pages\"}",
                 "suspend: 39% (13107 of 32768 pages)");
    expect_event("{\"event\":\"new\",\"x\":1}", "event=new x=1");
}

static void test_lists(void **unused)
{
    expect_result("{\"disks\":[]}", "");
    expect_result("{\"disks\":[{}]}", "");
    expect_result("{\"disks\":["
                  "{\"disk\":\"xvda\",\"number\":51712,\"path\":\"/dev/vg/test\"},"
                  "{\"disk\":\"xvdd\",\"number\":1,\"mode\":\"r\"}]}",
                  "DISK  NUMBER  PATH          MODE\n"
                  "xvda   51712  /dev/vg/test  -\n"
                  "xvdd       1  -             r\n");
    /* What looks like nothing is nothing; no text gets at the terminal. */
    expect_result(
        "{\"nics\":[{\"id\":0,\"x\\n\":\"\",\"rate\":null},{\"id\":\"a\\u001b\",\"rate\":1.5}]}",
        "ID  X   RATE\n"
        "0   -      -\n"
        "a?  -    1.5\n");
    expect_result("{\"a\":[{\"w\\u00f6\":\"\\u00f6\",\"x\":{\"y\":1}}]}", "W\xc3\xb6  X\n"
                                                                          "\xc3\xb6   y=1\n");
    /* No lists. */
    expect_result("{\"a\":[1]}", "a: 1\n");
    expect_result("{\"a\":[{\"b\":1},2]}", "a: b=1, 2\n");
    expect_result("{\"a\":[{\"b\":1}],\"c\":2}", "a: b=1\nc: 2\n");
    expect_result("{\"a\":{\"b\":1}}", "a: b=1\n");
}

/* A table grows with rows times columns: the monitor must not choose both. */
static void test_wide_list(void **unused)
{
    json_t *object = json_object(), *result = json_pack("{s[o]}", "a", object);
    FILE *out;
    char key[8];

    for (int i = 0; i < 25; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        json_object_set_new(object, key, json_integer(i));
    }
    out = begin_print();
    assert_false(put_list(out, result));
    expect_printed(out, "");
    json_object_del(object, "k0");
    out = begin_print();
    assert_true(put_list(out, result));
    fclose(out);
    assert_memory_equal(printed, "K1  K2", 6);
    json_decref(result);
}

static void test_help(void **unused)
{
    FILE *out = begin_print();

    put_help(out);
    fclose(out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        assert_non_null(strstr(printed, command_table[i].name));
    for (char *line = strtok(printed, "\n"); line; line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 80);

    out = begin_print();
    put_synopsis(out, &command_table[CMD_CHECKPOINT]);
    expect_printed(out, "checkpoint file=PATH [overwrite=BOOL] [timeout=SECONDS]");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        out = begin_print();
        put_command_help(out, &command_table[i]);
        fclose(out);
        assert_non_null(strstr(printed, "legal"));
    }
    out = begin_print();
    put_command_help(out, &command_table[CMD_DOMID]);
    expect_printed(out, "usage: xenvm-cmd VM domid\n\nThe number of the VM's domain.\n\n"
                        "It is legal unless the VM is shutdown, suspended or rebooted.\n");
}

/* ---- progress ---- */

static void test_progress_texts(void **unused)
{
    struct progress_figures figures = {
        .operation = "suspend",
        .unit = "pages",
        .done = 13108,
        .total = 32768,
        .rate = 25600,
    };
    char line[256];

    assert_int_equal(progress_percent(&figures), 40);
    progress_text(line, sizeof(line), &figures);
    assert_string_equal(line, "suspend: 40% (13108 of 32768 pages)");
    progress_bar(line, sizeof(line), 80, &figures);
    assert_string_equal(line, "suspend  40% [#########...............] 13108/32768 pages"
                              "  100 MiB/s  0:01 left");
    for (int columns = 1; columns < 300; columns++) {
        progress_bar(line, sizeof(line), columns, &figures);
        assert_true(strlen(line) < (size_t)columns && strlen(line) < sizeof(line));
    }
    figures.pass = 2;
    figures.done = figures.total;
    progress_text(line, sizeof(line), &figures);
    assert_string_equal(line, "suspend, pass 2: 100% (32768 of 32768 pages)");
    figures.total = 0;
    assert_int_equal(progress_percent(&figures), -1);
    progress_bar(line, sizeof(line), 80, &figures);
    assert_string_equal(line, "suspend, pass 2: 32768 pages");
}

static void show(struct progress *progress, int pass, int done, int64_t now)
{
    json_t *params = json_pack("{ss,ss,si,si,si}", "event", "progress", "operation", "suspend",
                               "pass", pass, "done", done, "total", 1000);

    progress_show(progress, params, now);
    json_decref(params);
}

static void test_progress_lines(void **unused)
{
    struct progress progress;
    FILE *out = begin_print();

    progress_start(&progress, out, false);
    show(&progress, 1, 0, 0);
    show(&progress, 1, 99, 10);
    show(&progress, 1, 100, 20);
    show(&progress, 1, 950, 30);
    show(&progress, 1, 999, 40);
    show(&progress, 2, 500, 50);
    progress_clear(&progress);
    expect_printed(out, "suspend: 0% (0 of 1000 pages)\n"
                        "suspend: 10% (100 of 1000 pages)\n"
                        "suspend: 95% (950 of 1000 pages)\n"
                        "suspend, pass 2: 50% (500 of 1000 pages)\n");
}

static void test_progress_bad(void **unused)
{
    static const char *const bad[] = {
        "{}",
        "{\"operation\":\"x\"}",
        "{\"operation\":\"x\",\"done\":\"1\"}",
        "{\"operation\":\"x\",\"done\":-1}",
        "{\"operation\":\"x\",\"done\":1,\"total\":-5}",
    };
    struct progress_figures figures;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *params = json_loads(bad[i], 0, NULL);

        assert_false(read_progress(params, &figures));
        json_decref(params);
    }
    assert_false(read_progress(NULL, &figures));
}

/* ---- arguments ---- */

static void expect_bad_arguments(enum command_id id, int count, const char *const *words,
                                 const char *part)
{
    char *error = NULL;

    assert_null(
        parse_arguments(&command_table[id], count, (char *const *)(uintptr_t)words, &error));
    assert_non_null(error);
    if (!strstr(error, part) || strchr(error, '\n'))
        fail_msg("`%s' does not say `%s' in one line", error, part);
    free(error);
}

struct bad_arguments {
    enum command_id id;
    const char *part; /* of the error */
    const char *words[3];
};

static void expect_all_bad(const struct bad_arguments *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int words = 0;

        while (words < 3 && rows[i].words[words])
            words++;
        expect_bad_arguments(rows[i].id, words, rows[i].words, rows[i].part);
    }
}

static void test_bad_arguments(void **unused)
{
    static const struct bad_arguments rows[] = {
        { CMD_SUSPEND, "needs file=PATH", { NULL } },
        { CMD_SUSPEND, "needs file=PATH", { "live=true" } },
        { CMD_SUSPEND, "usage: suspend file=PATH [live=BOOL]", { "fil=/x" } },
        { CMD_SUSPEND, "has no argument `/x'; usage: suspend", { "/x" } },
        { CMD_SUSPEND, "usage: suspend", { "=/x" } },
        { CMD_SUSPEND, "write file=PATH", { "file" } },
        { CMD_SUSPEND, "a path", { "file=" } },
        { CMD_SUSPEND, "twice", { "file=/x", "file=/x" } },
        { CMD_SUSPEND, "UTF-8", { "file=/\xff" } },
        { CMD_SUSPEND, "1, y, yes, true", { "file=/x", "live=maybe" } },
        { CMD_SHUTDOWN, "1 to 86400", { "timeout=0" } },
        { CMD_SHUTDOWN, "1 to 86400", { "timeout=" } },
        { CMD_PAUSE, "takes no arguments", { "x=1" } },
        { CMD_NIC_DEL, "nic-del needs id=NUMBER, its id", { NULL } },
        { CMD_NIC_DEL, "id: `-1' is not a whole number from 0 to 99999999", { "id=-1" } },
        { CMD_NIC_DEL, "from 0 to 99999999", { "id=100000000" } },
        { CMD_DISK_ADD, "disk-add needs disk=VALUE", { NULL } },
        { CMD_DISK_ADD, "disk: a text of 1 to 4096 bytes", { "disk=" } },
        { CMD_DISK_ADD, "without control characters", { "disk=a\nb" } },
        { CMD_DISK_ADD, "UTF-8", { "disk=\xff" } },
    };

    expect_all_bad(rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_arguments(void **unused)
{
    const char *const words[] = { "file=.//a b=c", "live=Y", "timeout=5", "overwrite=0" };
    const char *const others[] = { "network=br=1", "id=00" };
    char *error = NULL, *cwd = getcwd(NULL, 0), *expected;
    json_t *params =
        parse_arguments(&command_table[CMD_SUSPEND], 4, (char *const *)(uintptr_t)words, &error);

    assert_non_null(params);
    assert_true(asprintf(&expected, "%s/a b=c", cwd) > 0);
    assert_string_equal(json_string_value(json_object_get(params, "file")), expected);
    assert_string_equal(json_string_value(json_object_get(params, "live")), "true");
    assert_string_equal(json_string_value(json_object_get(params, "overwrite")), "false");
    assert_string_equal(json_string_value(json_object_get(params, "timeout")), "5");
    json_decref(params);
    free(expected);
    free(cwd);

    params = parse_arguments(&command_table[CMD_NIC_NETWORK_SWITCH], 2,
                             (char *const *)(uintptr_t)others, &error);
    assert_non_null(params);
    assert_string_equal(json_string_value(json_object_get(params, "id")), "00");
    assert_string_equal(json_string_value(json_object_get(params, "network")), "br=1");
    json_decref(params);

    params = parse_arguments(&command_table[CMD_PAUSE], 0, NULL, &error);
    assert_int_equal(json_object_size(params), 0);
    json_decref(params);
}

static void test_bare_words(void **unused)
{
    static const struct {
        enum command_id id;
        const char *name, *value; /* what comes of one of the arguments */
        const char *words[3];
    } rows[] = {
        { CMD_DISK_ADD, "disk", "/dev/vg/x:phy:xvdb:w:disk", { "/dev/vg/x:phy:xvdb:w:disk" } },
        { CMD_DISK_ADD, "disk", "a=b:phy:xvdb:w:disk", { "a=b:phy:xvdb:w:disk" } },
        { CMD_DISK_DEL, "disk", "xvdb", { "force=y", "xvdb", "timeout=5" } },
        { CMD_DISK_DEL, "force", "true", { "xvdb", "force=y" } },
        /* Only a key that is an argument's name makes a `key=value`. */
        { CMD_NIC_ADD, "nic", "bridge=xenbr1,rate=10Mb/s", { "bridge=xenbr1,rate=10Mb/s" } },
        { CMD_NIC_ADD, "nic", "bridge=xenbr1", { "nic=bridge=xenbr1" } },
        { CMD_NIC_ADD, "nic", "nic", { "nic=nic" } },
        { CMD_NIC_DEL, "id", "1", { "1" } },
        { CMD_NIC_NETWORK_SWITCH, "id", "1", { "network=xenbr1", "1" } },
        { CMD_NIC_NETWORK_SWITCH, "network", "id=1", { "1", "network=id=1" } },
        { CMD_SET, "key", "memory", { "memory", "512" } },
        { CMD_SET, "value", "512", { "memory", "512" } },
        { CMD_SET, "value", "root=/dev/xvda1", { "cmdline", "root=/dev/xvda1" } },
        { CMD_SET, "value", "a", { "value=a", "cmdline" } },
        { CMD_SET, "key", "initrd", { "initrd" } },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *const *words = (char *const *)(uintptr_t)rows[i].words;
        char *error = NULL;
        json_t *params;
        int count = 0;

        while (count < 3 && words[count])
            count++;
        params = parse_arguments(&command_table[rows[i].id], count, words, &error);
        if (!params)
            fail_msg("refused: %s", error);
        assert_string_equal(json_string_value(json_object_get(params, rows[i].name)),
                            rows[i].value);
        json_decref(params);
    }
}

static void test_bad_bare_words(void **unused)
{
    static const struct bad_arguments rows[] = {
        { CMD_DISK_DEL, "usage: disk-del [disk=]VALUE [force=BOOL]", { "xvdb", "xvdc" } },
        { CMD_DISK_DEL, "disk is given twice", { "xvdb", "disk=xvdc" } },
        { CMD_DISK_DEL, "disk-del has no argument `xvdc'", { "disk=xvdb", "xvdc" } },
        { CMD_DISK_DEL, "force: write force=BOOL", { "force" } },
        { CMD_DISK_DEL, "disk: a text", { "" } },
        { CMD_NIC_ADD, "usage: nic-add [[nic=]VALUE]", { "a", "b" } },
        { CMD_NIC_DEL, "id: `eth0' is not a whole number", { "eth0" } },
        { CMD_NIC_DEL, "nic-del has no argument `di=1'", { "di=1" } },
        { CMD_NIC_NETWORK_SWITCH, "has no argument `xenbr1'", { "1", "xenbr1" } },
        { CMD_STATUS, "takes no arguments", { "x" } },
        { CMD_SET, "usage: set [key=]VALUE [[value=]VALUE] [add=BOOL]", { "a", "b", "c" } },
        { CMD_GET, "usage: get [key=]VALUE", { "memory", "512" } },
    };

    expect_all_bad(rows, sizeof(rows) / sizeof(rows[0]));
}

static void expect_name(const char *expected, int taken, int count, const char *const *words)
{
    char *error = NULL, *name = NULL;

    assert_int_equal(command_words(count, (char *const *)(uintptr_t)words, &name, &error), taken);
    if (taken) {
        assert_null(error);
        assert_string_equal(name, expected);
    } else {
        assert_null(name);
        assert_non_null(error);
        assert_non_null(strstr(error, expected));
    }
    free(error);
    free(name);
}

#define NAME(expected, taken, ...)                                                                 \
    do {                                                                                           \
        const char *const words[] = { __VA_ARGS__ };                                               \
        expect_name(expected, taken, sizeof(words) / sizeof(words[0]), words);                     \
    } while (0)

static void test_long_forms(void **unused)
{
    NAME("pause", 1, "pause");
    NAME("disk-del", 1, "disk-del", "xvdb");
    NAME("xyzzy", 1, "xyzzy");
    NAME("disk-list", 3, "device", "disk", "list");
    NAME("disk-add", 3, "device", "disk", "add", "/x:file:xvda:w:disk");
    NAME("nic-del", 3, "device", "nic", "del", "1");
    NAME("pci-add", 3, "device", "pci", "add");
    NAME("device takes disk, nic or pci, and then list, add or del", 0, "device");
    NAME("disk, nic or pci", 0, "device", "disk");
    NAME("disk, nic or pci", 0, "device", "list", "disk");
    NAME("disk, nic or pci", 0, "device", "cd", "list");
    NAME("list, add or del", 0, "device", "disk", "remove");
    NAME("list, add or del", 0, "device", "disk", "");
}

static void test_find_command(void **unused)
{
    char *error = NULL;

    assert_ptr_equal(find_command("halt", &error), &command_table[CMD_SHUTDOWN]);
    assert_null(find_command("susped", &error));
    assert_non_null(strstr(error, "did you mean `suspend'"));
    free(error);
    assert_null(find_command("xyzzy", &error));
    assert_non_null(strstr(error, "unknown command `xyzzy'"));
    free(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),        cmocka_unit_test(test_events),
        cmocka_unit_test(test_lists),          cmocka_unit_test(test_wide_list),
        cmocka_unit_test(test_help),           cmocka_unit_test(test_progress_texts),
        cmocka_unit_test(test_progress_lines), cmocka_unit_test(test_progress_bad),
        cmocka_unit_test(test_bad_arguments),  cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_find_command),   cmocka_unit_test(test_bare_words),
        cmocka_unit_test(test_bad_bare_words), cmocka_unit_test(test_long_forms),
    };

    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}

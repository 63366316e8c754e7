/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration as a whole: syntax, and what is reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/keys.h"
#include "tests/unit/config_sample.h"

static struct vm_config *parse(const char *text, unsigned int flags, struct config_report *report)
{
    return config_parse("f", text, strlen(text), flags, report);
}

/* The whole report as text, a line for each message. */
static char *report_text(const struct config_report *report)
{
    char *text = strdup(""), *longer;

    for (size_t i = 0; i < report->count; i++) {
        assert_true(asprintf(&longer, "%s%s%s\n", text,
                             report->messages[i].level == CONFIG_WARNING ? "warning " : "",
                             report->messages[i].text) > 0);
        free(text);
        text = longer;
    }
    return text;
}

/* Parses text that is refused, with exactly these messages. */
static void expect_report(const char *text, size_t size, const char *messages)
{
    struct config_report report;
    struct vm_config *config = config_parse("f", text, size, 0, &report);
    char *got = report_text(&report);

    assert_null(config);
    assert_string_equal(got, messages);
    free(got);
    config_report_free(&report);
}

static struct vm_config *expect_good(const char *text)
{
    struct config_report report;
    struct vm_config *config = parse(text, 0, &report);
    char *got = report_text(&report);

    assert_string_equal(got, "");
    assert_non_null(config);
    free(got);
    config_report_free(&report);
    return config;
}

static void test_sample(void **state)
{
    struct vm_config *config = expect_good(sample);
    char uuid[UUID_STR_LEN];

    uuid_unparse_lower(config->uuid, uuid);
    assert_string_equal(uuid, "3f2a9c04-5b1e-4f6d-8a77-0c1d2e3f4a5b");
    assert_string_equal(config->name, "web-1");
    assert_int_equal(config->type, GUEST_PV);
    assert_string_equal(config->kernel, "/boot/vmlinuz-6.1.0-44-amd64");
    assert_string_equal(config->initrd, "/srv/a #1/initrd.img");
    assert_string_equal(config->cmdline, "root=/dev/xvda1 ro console=hvc0 a=\"b # c\" \\ ");
    assert_int_equal(config->memory, 512);
    assert_int_equal(config->memory_max, 1024);
    assert_int_equal(config->vcpus, 2);
    assert_int_equal(config->startup, STARTUP_RESTORE_DEL);
    assert_string_equal(config->startup_file, "/var/lib/xenvm/a b.img");
    assert_int_equal(config->on_halt, END_PRESERVE);
    assert_int_equal(config->on_reboot, END_DESTROY);
    assert_int_equal(config->on_crash, END_RESTART);
    assert_true(config->debug);
    assert_string_equal(config->output, "/var/log/xenvm/web-1");
    assert_true(config->no_mem_check);
    config_free(config);
}

/* What a command line comes to, for each way of writing it. */
static void test_values_as_written(void **state)
{
    static const struct {
        const char *written, *value;
    } rows[] = {
        { "cmdline=a", "a" },
        { "\t cmdline \t=\t a  b \t", "a  b" },
        { "cmdline = a=b", "a=b" },
        { "cmdline = a # b", "a" },
        { "cmdline = a\t# b", "a" },
        { "cmdline = a#b", "a#b" },
        { "cmdline =#a", "#a" },
        { "cmdline = #a", NULL },
        { "cmdline =", NULL },
        { "cmdline = \"\"", NULL },
        { "cmdline = \"a # b\"", "a # b" },
        { "cmdline = \"a\" # b", "a" },
        { "cmdline = \" a \"", " a " },
        { "cmdline = \"a\\\"b\\\\\"", "a\"b\\" },
        { "cmdline = a\\b", "a\\b" },
        { "cmdline = a=\"b c\"", "a=\"b c\"" },
        { "cmdline = a=\"b c\" # d", "a=\"b c\"" },
        { "cmdline = a\"b", "a\"b" },
        { "cmdline = 'a'", "'a'" },
        { "cmdline = a\r", "a" },
        { "cmdline = a\r\n", "a" },
        { "cmdline = \xe2\x82\xac \xf0\x9f\x90\xa7", "\xe2\x82\xac \xf0\x9f\x90\xa7" },
        { "#cmdline = a", NULL },
        { "  # cmdline = a", NULL },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vm_config *config;
        char *text;

        assert_true(asprintf(&text, K "%s", rows[i].written) > 0);
        config = expect_good(text);
        if (rows[i].value)
            assert_string_equal(config->cmdline, rows[i].value);
        else
            assert_null(config->cmdline);
        free(text);
        config_free(config);
    }
}

static void test_syntax_errors(void **state)
{
    static const struct {
        const char *line, *message;
    } rows[] = {
        { "memory 64", "f:2: memory: '=' is missing, accepted: memory = value\n" },
        { "cmdline root=/dev/xvda", "f:2: cmdline: '=' is missing, accepted: cmdline = value\n" },
        { "memory # = 64", "f:2: memory: '=' is missing, accepted: memory = value\n" },
        { "words here", "f:2: 'words here' is no key with a value, accepted: key = value\n" },
        { "\"memory\" = 64",
          "f:2: '\"memory\" = 64' is no key with a value, accepted: key = value\n" },
        { " = 64", "f:2: no key before the '=', accepted: key = value\n" },
        { "cmdline = \"a", "f:2: cmdline: the closing double quote is missing, accepted: "
                           "\"text\"\n" },
        { "cmdline = \"a\\",
          "f:2: cmdline: a lone \\ in double quotes, accepted: \\\" and \\\\\n" },
        { "cmdline = \"a\\n\"",
          "f:2: cmdline: a lone \\ in double quotes, accepted: \\\" and \\\\\n" },
        { "cmdline = \"a\" b",
          "f:2: cmdline: text after the closing double quote, accepted: nothing, or white space "
          "and a # comment (a double quote inside is \\\")\n" },
        { "cmdline = \"a\"#b",
          "f:2: cmdline: text after the closing double quote, accepted: nothing, or white space "
          "and a # comment (a double quote inside is \\\")\n" },
        { "cmdline = a=\"b # c\"",
          "f:2: cmdline: a # comment begins between double quotes, accepted: the whole value in "
          "double quotes, with \\\" for each one inside\n" },
        { "cmdline = a\033[1m",
          "f:2: control character 0x1b in column 12, accepted: text and tabs\n" },
        { "cmdline = \xc2\x9b",
          "f:2: control character 0x9b in column 11, accepted: text and tabs\n" },
        { "cmdline = \x7f", "f:2: control character 0x7f in column 11, accepted: text and tabs\n" },
        { "a\rb", "f:2: control character 0x0d in column 2, accepted: text and tabs\n" },
        { "cmdline = \xe9", "f:2: byte 0xe9 in column 11 is not UTF-8, accepted: UTF-8 text\n" },
        { "# \xc0\xaf", "f:2: byte 0xc0 in column 3 is not UTF-8, accepted: UTF-8 text\n" },
        { "# \xed\xa0\x80", "f:2: byte 0xed in column 3 is not UTF-8, accepted: UTF-8 text\n" },
        { "# \xf4\x90\x80\x80", "f:2: byte 0xf4 in column 3 is not UTF-8, accepted: UTF-8 text\n" },
        { "# \xe0\x80\x80", "f:2: byte 0xe0 in column 3 is not UTF-8, accepted: UTF-8 text\n" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text;

        assert_true(asprintf(&text, K "%s\n", rows[i].line) > 0);
        expect_report(text, strlen(text), rows[i].message);
        free(text);
    }
    expect_report(K "memory\0 = 4", sizeof(K "memory\0 = 4") - 1,
                  "f:2: NUL byte, accepted: a text file\n");
    expect_report("\177ELF\2\1\1\0\0\0\0\n\0\0", 14, "f:1: NUL byte, accepted: a text file\n");
}

static void test_long_lines(void **state)
{
    char *text = malloc(5000);
    struct vm_config *config;

    memset(text, ' ', 5000);
    memcpy(text, K "#", strlen(K) + 1);
    text[strlen(K) + 4096] = '\0';
    config = expect_good(text);
    config_free(config);
    strcpy(text + strlen(K) + 4096, "x\nvcpus = 0\n");
    expect_report(text, strlen(text),
                  "f:2: the line has 4097 bytes, accepted: at most 4096\n"
                  "f:3: vcpus: '0' is too small, accepted: a whole number from 1 to 128\n");
    memset(text + strlen(K), 'a', 2000);
    strcpy(text + strlen(K) + 2000, " = b");
    expect_report(
        text, strlen(text),
        "f:2: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...' is no key "
        "with a value, accepted: key = value\n");
    free(text);
}

static void test_all_errors_at_once(void **state)
{
    static const char text[] = "memory = lots\nvcpu = 2\nvcpus = 0\nnonsense\non_crash = a\n"
                               "uuid = 1\nmemory-max = 1\n\nmemory = 4\n";

    expect_report(
        text, strlen(text),
        "f:1: memory: 'lots' is not a whole decimal number, accepted: a whole number "
        "from 1 to 16777216 MiB\n"
        "f:2: vcpu: unknown key, did you mean 'vcpus'?\n"
        "f:3: vcpus: '0' is too small, accepted: a whole number from 1 to 128\n"
        "f:4: 'nonsense' is no key with a value, accepted: key = value\n"
        "f:5: on_crash: 'a' is not known, accepted: destroy, restart, reboot or preserve\n"
        "f:6: uuid: '1' is not a UUID, accepted: a UUID, 8-4-4-4-12 hexadecimal digits, "
        "not all of them 0\n"
        "f:9: memory: repeated, accepted: once, first given in line 1\n"
        "f: kernel: missing, accepted: the absolute path of a PV kernel, or a disk to "
        "find one in (neither is needed with startup = shutdown, restore and "
        "restore-del)\n");
}

static void test_repeated(void **state)
{
    static const char text[] = K "on_reboot = destroy\non_restart = destroy\nvcpus = 1\n"
                                 "vcpus = 1\nkernel = /k\nvcpus = x\nvif =\nvif =\n";

    expect_report(text, strlen(text),
                  "f:3: on_restart: repeated, accepted: once, first given as on_reboot in line 2\n"
                  "f:5: vcpus: repeated, accepted: once, first given in line 4\n"
                  "f:6: kernel: repeated, accepted: once, first given in line 1\n"
                  "f:7: vcpus: repeated, accepted: once, first given in line 4\n");
}

static void test_nearest(void **state)
{
    static const struct {
        const char *name, *nearest;
    } rows[] = {
        { "memroy", "memory" },
        { "memory_max", "memory-max" },
        { "MEMORY", "memory" },
        { "kernal", "kernel" },
        { "cmd-line", "cmdline" },
        { "on-crash", "on_crash" },
        { "on_poweroff", "on_halt" },
        { "ramdisk", "initrd" },
        { "extra", "cmdline" },
        { "maxmem", "memory-max" },
        { "on_restrat", "on_restart" },
        { "vifs", "vif" },
        { "vcpu", "vcpus" },
        { "x", NULL },
        { "colour", NULL },
        { "zzzzzzzzzzzz", NULL },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *nearest = config_key_nearest(rows[i].name);

        if (!rows[i].nearest)
            assert_null(nearest);
        else if (!nearest || strcmp(nearest, rows[i].nearest) != 0)
            fail_msg("%s: %s, not %s", rows[i].name, nearest, rows[i].nearest);
    }
    expect_report(K "colour = 1\n", strlen(K "colour = 1\n"),
                  "f:2: colour: unknown key, accepted: those of --list-keys\n");
}

static void test_lenient(void **state)
{
    struct config_report report;
    struct vm_config *config =
        parse(K "colour = 1\nmemroy = \"\nvcpus = 3", CONFIG_LENIENT, &report);
    char *text = report_text(&report);

    assert_non_null(config);
    assert_int_equal(config->vcpus, 3);
    assert_int_equal(report.errors, 0);
    assert_string_equal(text, "warning f:2: colour: unknown key, accepted: those of --list-keys\n"
                              "warning f:3: memroy: unknown key, did you mean 'memory'?\n");
    free(text);
    config_free(config);
    config_report_free(&report);

    config = parse(K "colour = 1\nvcpus = 0\nx", CONFIG_LENIENT, &report);
    assert_null(config);
    assert_int_equal(report.count, 3);
    assert_int_equal(report.errors, 2);
    config_report_free(&report);
}

static void test_kernel_needed(void **state)
{
    static const struct {
        const char *text;
        size_t errors;
    } rows[] = {
        { "", 1 },
        { "startup = started", 1 },
        { "startup = paused", 1 },
        { "startup = shutdown", 0 },
        { "startup = restore /a", 0 },
        { "startup = restore-del /a", 0 },
        { "kernel =\nstartup = shutdown", 0 },
        { "kernel =", 1 },
        /* One mistake is one message: what else was meant is not known. */
        { "startup = x", 1 },
        { "kernel = k", 1 },
        { "hvm = true", 0 },
        { "type = hvm", 0 },
        { "type = pvh", 1 },
        { "type = x", 1 },
        { "type = pvh\nstartup = shutdown", 0 },
        { "bootloader = pygrub", 1 },
        { "bootloader = x", 1 },
        { "bootloader = x\nkernel = /k", 1 },
        { "bootloader = /x\nkernel = /k", 0 },
        { "bootloader = pygrub\ndisk = /a:file:xvda:w:disk", 0 },
        { "disk = /a:file:xvda:w:disk", 0 },
        { "kernel =\ndisk = /a:file:xvda:w:disk", 0 },
        { "type = pvh\ndisk = :file:hdc:r:cdrom\ndisk = /a:file:xvda:r:disk", 0 },
        { "disk = :file:hdc:r:cdrom", 1 },
        { "disk = x", 1 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct config_report report;
        struct vm_config *config = parse(rows[i].text, 0, &report);

        if (report.errors != rows[i].errors)
            fail_msg("%s: %zu errors", rows[i].text, report.errors);
        assert_int_equal(!config, rows[i].errors != 0);
        config_free(config);
        config_report_free(&report);
    }
}

static void test_type(void **state)
{
    static const char alike[] = K "type = pv\nhvm = no\n";
    static const char disagreeing[] = K "type = pvh\nhvm = true\n";
    static const char useless[] = K "type = pvh\npci = 0,0000:00:1b.0\n";
    struct vm_config *config = expect_good(alike);

    assert_int_equal(config->type, GUEST_PV);
    config_free(config);
    expect_report(disagreeing, strlen(disagreeing),
                  "f:3: hvm: true disagrees with type = pvh (line 2), accepted: one of the two, or "
                  "both alike\n");
    expect_report(useless, strlen(useless),
                  "f:3: pci: means nothing to a pvh guest, accepted: for PV,HVM\n");
}

static void test_memory_max(void **state)
{
    static const char wrong[] = K "memory-max = 511\nmemory = 512\n";
    struct vm_config *config;

    expect_report(wrong, strlen(wrong),
                  "f:2: memory-max: 511 MiB is less than memory, which is 512 MiB, accepted: 0 or "
                  "at least 512 MiB\n");
    config = expect_good(K "memory = 512\nmemory-max = 512\n");
    config_free(config);
    config = expect_good(K "memory = 512\nmemory-max = 0\n");
    config_free(config);
}

static void test_sockets(void **state)
{
    static const char wrong[] = K "type = pvh\nvcpus = 6\ncores-per-socket = 4\n";
    static const char alone[] = K "type = pvh\ncores-per-socket = 2\n";
    static const char pv[] = K "vcpus = 2\ncores-per-socket = 2\n";
    struct vm_config *config = expect_good(K "type = pvh\nvcpus = 6\ncores-per-socket = 2\n");

    assert_int_equal(config->cores_per_socket, 2);
    config_free(config);
    expect_report(wrong, strlen(wrong),
                  "f:4: cores-per-socket: 4 does not divide vcpus, which is 6, accepted: a power "
                  "of two that does\n");
    expect_report(alone, strlen(alone),
                  "f:3: cores-per-socket: 2 does not divide vcpus, which is 1 by default, "
                  "accepted: a power of two that does\n");
    expect_report(pv, strlen(pv),
                  "f:3: cores-per-socket: means nothing to a pv guest, accepted: for PVH,HVM\n");
}

static void test_tables(void **state)
{
    static const char alone[] = "type = hvm\nsmbios-oem-type-pt = 128\n";
    static const char off[] = "type = hvm\nsmbios-pt = no\nsmbios-oem-type-pt = 128\n";
    static const char nowhere[] = "type = hvm\nacpi = no\nacpi-pt = yes\n";

    expect_report(alone, strlen(alone),
                  "f:2: smbios-oem-type-pt: means nothing without smbios-pt = true, accepted: "
                  "with it\n");
    expect_report(off, strlen(off),
                  "f:3: smbios-oem-type-pt: means nothing without smbios-pt = true, accepted: "
                  "with it\n");
    expect_report(nowhere, strlen(nowhere),
                  "f:3: acpi-pt: means nothing with acpi = false, accepted: with acpi = true\n");
    config_free(expect_good("type = hvm\nacpi = no\nacpi-pt = no\n"));
}

static void test_videoram(void **state)
{
    static const char little[] = "type = hvm\nmemory = 16\n";
    static const char large[] = "type = hvm\nmemory = 64\nvideoram = 64\n";
    static const char all[] = "type = hvm\nvideoram = 256\n";
    static const char unknown[] = "type = hvm\nmemory = 1\nvideoram = x\n";

    expect_report(little, strlen(little),
                  "f:2: memory: 16 MiB is no more than videoram, which is 16 MiB by default, "
                  "accepted: at least 17 MiB\n");
    expect_report(large, strlen(large),
                  "f:2: memory: 64 MiB is no more than videoram, which is 64 MiB, accepted: at "
                  "least 65 MiB\n");
    expect_report(all, strlen(all),
                  "f:2: memory: 256 MiB by default is no more than videoram, which is 256 MiB, "
                  "accepted: at least 257 MiB\n");
    expect_report(unknown, strlen(unknown),
                  "f:3: videoram: 'x' is not known, accepted: 1, 2, 4, 8, 16, 32, 64, 128 or "
                  "256\n");
    config_free(expect_good("type = hvm\nmemory = 17\n"));
    config_free(expect_good(K "memory = 1\n"));
}

/* Text that is no configuration at all doesn't fill the screen, and is still an error. */
static void test_many_errors(void **state)
{
    char *text = malloc(200 * 8 + 16);
    struct config_report report;
    char *end = text;

    end += sprintf(end, K);
    for (int i = 0; i < 200; i++)
        end += sprintf(end, "x = 1\n");
    assert_null(parse(text, 0, &report));
    assert_int_equal(report.count, 101);
    assert_int_equal(report.errors, 101);
    assert_string_equal(report.messages[100].text, "f: more than 100 errors, the rest is left out");
    config_report_free(&report);

    strcpy(end, "vcpus=0");
    assert_null(parse(text, CONFIG_LENIENT, &report));
    assert_int_equal(report.count, 102);
    assert_int_equal(report.errors, 1);
    config_report_free(&report);
    free(text);
}

static void test_round_trip(void **state)
{
    static const char *const texts[] = {
        sample,
        K,
        K "cmdline = \"# a\"\n",
        K "cmdline = \"a\t#\"\n",
        K "cmdline = \"\\\"a\\\" b\"\n",
        K "cmdline = a=\"b c\" \\\n",
        K "cmdline = \" \"\n",
        "startup = shutdown\n",
        "startup = \"restore /a # b\"\n",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct vm_config *config = expect_good(texts[i]), *again;
        char *text = config_to_text(config, CONFIG_CHANGED), *text_again;

        again = expect_good(text);
        text_again = config_to_text(again, CONFIG_CHANGED);
        assert_string_equal(text, text_again);
        assert_string_equal(config->cmdline ? config->cmdline : "",
                            again->cmdline ? again->cmdline : "");
        assert_string_equal(config->startup_file ? config->startup_file : "",
                            again->startup_file ? again->startup_file : "");
        assert_memory_equal(config->uuid, again->uuid, sizeof(uuid_t));
        free(text);
        free(text_again);
        config_free(config);
        config_free(again);
    }
}

/* The defaults say the same when they are written down. */
static void test_whole(void **state)
{
    static const char *const texts[] = {
        sample,
        "hvm = true\nvideoram = 8\ncpuid = avx2=0\nnic =\n",
        "type = pvh\n" K "allow = user nobody status\ndisk = /dev/a:phy:xvda:w:disk\n",
        "startup = shutdown\n",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct vm_config *config = expect_good(texts[i]);
        char *changed = config_to_text(config, CONFIG_CHANGED);
        char *whole = config_to_text(config, CONFIG_WHOLE), *again;
        struct vm_config *reread = expect_good(whole);

        assert_non_null(strstr(whole, "on_reboot = "));
        again = config_to_text(reread, CONFIG_CHANGED);
        assert_string_equal(again, changed);
        free(again);
        again = config_to_text(reread, CONFIG_WHOLE);
        assert_string_equal(again, whole);
        free(again);
        free(changed);
        free(whole);
        config_free(config);
        config_free(reread);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_sample),
        cmocka_unit_test(test_values_as_written),
        cmocka_unit_test(test_syntax_errors),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_all_errors_at_once),
        cmocka_unit_test(test_repeated),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_lenient),
        cmocka_unit_test(test_kernel_needed),
        cmocka_unit_test(test_type),
        cmocka_unit_test(test_memory_max),
        cmocka_unit_test(test_videoram),
        cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_many_errors),
        cmocka_unit_test(test_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

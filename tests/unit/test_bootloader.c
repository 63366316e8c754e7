/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "worker/bootloader.h"

/* A literal, with all its NULs but the last. */
#define PARSE(text, answer) bootloader_parse(text, sizeof(text) - 1, answer)

static void test_answers(void **state)
{
    struct boot_answer answer;

    assert_null(PARSE("kernel /out/k\0ramdisk /out/r\0args root=/dev/xvda1  ro\0\0", &answer));
    assert_string_equal(answer.kernel, "/out/k");
    assert_string_equal(answer.ramdisk, "/out/r");
    assert_string_equal(answer.args, "root=/dev/xvda1  ro");
    /* The order, and a NUL at the end, are no matter. */
    assert_null(PARSE("\0\0args \0kernel  a\nb", &answer));
    assert_string_equal(answer.kernel, " a\nb");
    assert_null(answer.ramdisk);
    assert_string_equal(answer.args, "");
    assert_null(PARSE("kernel /k\0args a\tb", &answer));
}

static void test_refused(void **state)
{
    static const char none[] = "its answer is not kernel, ramdisk and args";
    struct boot_answer answer;

    assert_string_equal(PARSE("", &answer), "it found no kernel");
    assert_string_equal(PARSE("\0\0", &answer), "it found no kernel");
    assert_string_equal(PARSE("ramdisk /r\0args a\0", &answer), "it found no kernel");
    assert_string_equal(PARSE("kernel", &answer), none);
    assert_string_equal(PARSE("kernels /k", &answer), none);
    assert_string_equal(PARSE("linux (kernel '/k')(args 'a')\n", &answer), none);
    assert_string_equal(PARSE("kernel /k\0\xff\0", &answer), none);
    assert_string_equal(PARSE("kernel /a\0kernel /b\0", &answer), "its answer has something twice");
    assert_string_equal(PARSE("args a\0args \0", &answer), "its answer has something twice");
    assert_string_equal(PARSE("kernel /k\0args a\nb\0", &answer),
                        "the command line has control characters");
}

static void test_length(void **state)
{
    char text[CONFIG_CMDLINE_MAX + 16] = "args ";
    struct boot_answer answer;

    memset(text + 5, 'x', CONFIG_CMDLINE_MAX);
    assert_string_equal(bootloader_parse(text, strlen(text), &answer), "it found no kernel");
    text[5 + CONFIG_CMDLINE_MAX] = 'x';
    assert_string_equal(bootloader_parse(text, strlen(text), &answer),
                        "the command line is too long: accepted are 1023 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

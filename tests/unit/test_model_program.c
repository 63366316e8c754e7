/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/model_program.h" /* first: cmocka has a macro fail() */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void finds_what_a_program_needs(void **state)
{
    (void)state;
    assert_true(model_program_needs("/proc/self/exe", "libcmocka.so"));
    assert_true(model_program_needs("/proc/self/exe", "libc.so.6"));
    assert_false(model_program_needs("/proc/self/exe", "libseccomp.so"));
    assert_false(model_program_needs("/proc/self/exe", "libc.so.6.and.more"));
}

static void takes_nothing_else_for_a_program(void **state)
{
    (void)state;
    assert_false(model_program_needs("/nowhere", "libc.so"));
    assert_false(model_program_needs("/", "libc.so"));
    assert_false(model_program_needs("/dev/null", "libc.so"));
    assert_false(model_program_needs("/etc/passwd", "libc.so"));
}

/* Cut anywhere, it is read no further than it goes. */
static void bears_a_program_that_is_cut(void **state)
{
    char path[] = "/tmp/test_model_program.XXXXXX", bytes[4096];
    int from = open("/proc/self/exe", O_RDONLY), to = mkstemp(path);

    (void)state;
    assert_true(from >= 0 && to >= 0);
    assert_int_equal(read(from, bytes, sizeof(bytes)), sizeof(bytes));
    assert_int_equal(write(to, bytes, sizeof(bytes)), sizeof(bytes));
    for (off_t size = sizeof(bytes); size >= 0; size -= 16) {
        assert_int_equal(ftruncate(to, size), 0);
        assert_false(model_program_needs(path, "libc.so"));
    }
    close(from);
    close(to);
    unlink(path);
}

static void finds_the_one_that_is_given(void **state)
{
    const char *program;

    (void)state;
    assert_null(model_program_find("/bin/sh", &program));
    assert_string_equal(program, "/bin/sh");
    struct failure *failure = model_program_find("/nowhere", &program);
    assert_non_null(failure);
    assert_string_equal(failure->text, "cannot start qemu: /nowhere: No such file or directory");
    failure_free(failure);
    assert_int_equal(setenv("XENVM_QEMU", "/bin/cat", 1), 0);
    assert_null(model_program_find(NULL, &program));
    assert_string_equal(program, "/bin/cat");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_a_program_needs),
        cmocka_unit_test(takes_nothing_else_for_a_program),
        cmocka_unit_test(bears_a_program_that_is_cut),
        cmocka_unit_test(finds_the_one_that_is_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

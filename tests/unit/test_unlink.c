/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Large files are removed beside the caller. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "monitor/unlink.h"

static char folder[] = "/tmp/test-unlink.XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void make(const char *name)
{
    int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    close(fd);
}

static int count_open(void)
{
    DIR *fds = opendir("/proc/self/fd");
    int count = 0;

    assert_non_null(fds);
    while (readdir(fds))
        count++;
    closedir(fds);
    return count;
}

static void test_file(void **state)
{
    int before = count_open();

    make("image");
    assert_int_equal(unlink_large(in_folder("image")), 0);
    assert_int_equal(access(in_folder("image"), F_OK), -1);
    assert_int_equal(count_open(), before); /* also while the thread has it */
    make("image");
    unlink_wait();
    assert_int_equal(access(in_folder("image"), F_OK), 0);
    assert_int_equal(unlink_large(in_folder("image")), 0);
    unlink_wait();
}

/* Somebody else's name of it keeps it. */
static void test_link(void **state)
{
    char target[PATH_MAX];

    make("target");
    snprintf(target, sizeof(target), "%s", in_folder("target"));
    assert_int_equal(symlink(target, in_folder("link")), 0);
    assert_int_equal(unlink_large(in_folder("link")), 0);
    assert_int_equal(access(target, F_OK), 0);
    assert_int_equal(link(target, in_folder("link")), 0);
    assert_int_equal(unlink_large(in_folder("link")), 0);
    assert_int_equal(access(target, F_OK), 0);
    assert_int_equal(unlink_large(target), 0);
    unlink_wait();
}

static void test_refused(void **state)
{
    assert_int_equal(unlink_large(in_folder("none")), -ENOENT);
    assert_int_equal(unlink_large(folder), -EISDIR);
    unlink_wait();
    assert_int_equal(access(folder, F_OK), 0);
}

/* One after the other, faster than their threads end. */
static void test_many(void **state)
{
    for (int i = 0; i < 200; i++) {
        make("image");
        assert_int_equal(unlink_large(in_folder("image")), 0);
    }
    unlink_wait();
}

static int make_folder(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_link),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

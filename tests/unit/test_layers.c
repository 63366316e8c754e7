/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What lies over a file: what commands have set, and what is for the first boot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/keys.h"

#define FILE_TEXT                                                                                  \
    "kernel = /a\nmemory = 512\ndisk = /d:phy:xvda:w:disk\ndisk = /e:phy:xvdb:w:disk\n"

static struct vm_config *config, *first;
static struct config_report report;

static void put_together(const char *file, const char *set)
{
    const struct config_text texts[] = {
        { "f", file, strlen(file) },
        { NULL, set, set ? strlen(set) : 0 },
    };

    config = config_assemble(&texts[0], set ? &texts[1] : NULL, 0, &first, &report);
}

static void forget_all(void)
{
    config_free(config);
    config_free(first);
    config_report_free(&report);
}

static int origin(const struct vm_config *of, const char *key)
{
    return of->origins[config_key_find(key) - config_keys];
}

static void test_set(void **unused)
{
    put_together(FILE_TEXT, "memory = 100\ndisk = /f:phy:xvdc:w:disk\nvcpus = 1\n");
    assert_non_null(config);
    assert_null(first);
    assert_int_equal(config->memory, 100);
    assert_int_equal(config->disk_count, 1);
    assert_int_equal(origin(config, "memory"), FROM_SET);
    assert_int_equal(origin(config, "vcpus"), FROM_SET);
    assert_int_equal(origin(config, "kernel"), FROM_FILE);
    assert_int_equal(origin(config, "cmdline"), FROM_DEFAULT);
    forget_all();

    put_together(FILE_TEXT "initrd = /i\n", "initrd =\n");
    assert_null(config->initrd);
    forget_all();
}

static void test_first(void **unused)
{
    put_together(FILE_TEXT "[first-boot] # once\nmemory = 1024\n[first-boot]\nkernel = /b\n",
                 "memory = 100\n");
    assert_non_null(config);
    assert_int_equal(config->memory, 100);
    assert_int_equal(first->memory, 1024);
    assert_string_equal(config->kernel, "/a");
    assert_string_equal(first->kernel, "/b");
    assert_int_equal(first->disk_count, 2);
    assert_int_equal(origin(first, "memory"), FROM_FIRST_BOOT);
    assert_int_equal(config->kind, CONFIG_LASTING);
    assert_int_equal(first->kind, CONFIG_FIRST_BOOT);
    forget_all();

    put_together("[first-boot]\nmemory = 16\n", NULL);
    assert_null(config); /* and no kernel in any boot */
    assert_null(first);
    assert_int_equal(report.errors, 1);
    forget_all();
}

/* The two keys for one thing. */
static void test_type(void **unused)
{
    put_together("hvm = true\n[first-boot]\ntype = pv\nkernel = /k\n", NULL);
    assert_non_null(config);
    assert_int_equal(config->type, GUEST_HVM);
    assert_int_equal(first->type, GUEST_PV);
    assert_false(first->hvm);
    forget_all();

    put_together(FILE_TEXT "type = pvh\n", "hvm = true\n");
    assert_int_equal(config->type, GUEST_HVM);
    forget_all();

    put_together(FILE_TEXT, "hvm = true\ntype = pv\n");
    assert_null(config);
    forget_all();
}

struct wrong {
    const char *file, *set;
    const char *says; /* all errors, with a newline behind each */
};

static void test_errors(void **unused)
{
    static const struct wrong rows[] = {
        { FILE_TEXT, "vcpus = 0\n",
          "vcpus: '0' is too small, accepted: a whole number from 1 to 128\n" },
        { FILE_TEXT, "memory-max = 64\n",
          "memory-max: 64 MiB is less than memory, which is 512 MiB, accepted: 0 or at least 512 "
          "MiB\n" },
        { FILE_TEXT "memory-max = 512\n", "memory = 513\n",
          "f:5: memory-max: 512 MiB is less than memory, which is 513 MiB, accepted: 0 or at "
          "least 513 MiB\n" },
        { FILE_TEXT, "name = x\n",
          "name: is the VM's identity, accepted: in the file, before any heading\n" },
        { FILE_TEXT, "[first-boot]\n", "'[first-boot]' is no heading, accepted: none here\n" },
        { FILE_TEXT "[boot]\nzebra = 1\n", NULL,
          "f:5: '[boot]' is no heading, accepted: [first-boot]\n"
          "f:6: zebra: unknown key, accepted: those of --list-keys\n" },
        { FILE_TEXT "[first-boot] x\n", NULL,
          "f:5: '[first-boot] x' is no heading, accepted: [first-boot]\n" },
        { FILE_TEXT "vcpus = 0\n[first-boot]\nvcpus = 2\nvcpus = 3\nuuid = x\n", NULL,
          "f:5: vcpus: '0' is too small, accepted: a whole number from 1 to 128\n"
          "f:8: vcpus: repeated, accepted: once, first given in line 7\n"
          "f:9: uuid: is the VM's identity, accepted: in the file, before any heading\n" },
        { FILE_TEXT "[first-boot]\nmemory = 1\nmemory-max = 2\nvcpus = x\n", "memory-max = 100\n",
          "memory-max: 100 MiB is less than memory, which is 512 MiB, accepted: 0 or at least 512 "
          "MiB\n"
          "f:8: vcpus: 'x' is not a whole decimal number, accepted: a whole number from 1 to "
          "128\n" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char said[2000] = "";

        put_together(rows[i].file, rows[i].set);
        assert_null(config);
        assert_null(first);
        for (size_t k = 0; k < report.count; k++) {
            strcat(said, report.messages[k].text);
            strcat(said, "\n");
        }
        assert_string_equal(said, rows[i].says);
        forget_all();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_type),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a configuration comes from, input that nobody meant, and the list of keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/keys.h"
#include "tests/unit/config_sample.h"

static void expect_load_error(const char *path, const char *what)
{
    struct config_report report;
    char *expected;

    assert_true(asprintf(&expected, "%s: %s", path, what) > 0);
    assert_null(config_load(path, 0, &report));
    assert_int_equal(report.count, 1);
    assert_int_equal(report.errors, 1);
    assert_string_equal(report.messages[0].text, expected);
    free(expected);
    config_report_free(&report);
}

static void write_file(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void test_files(void **state)
{
    char folder[] = "/tmp/xenvm-test-XXXXXX", path[64];
    size_t limit = (size_t)1024 * 1024;
    char *text = malloc(limit + 1);
    struct config_report report;
    struct vm_config *config;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/a.cfg", folder);
    expect_load_error(path, "cannot read the configuration: No such file or directory");
    expect_load_error(folder, "cannot read the configuration: Is a directory");
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_load_error(path, "cannot read the configuration: Not a regular file");
    assert_int_equal(unlink(path), 0);

    write_file(path, sample, strlen(sample));
    config = config_load(path, 0, &report);
    assert_non_null(config);
    assert_int_equal(report.count, 0);
    config_free(config);
    config_report_free(&report);
    if (geteuid() != 0) {
        assert_int_equal(chmod(path, 0), 0);
        expect_load_error(path, "cannot read the configuration: Permission denied");
    }
    assert_int_equal(unlink(path), 0);

    memset(text, '\n', limit + 1);
    memcpy(text, K, strlen(K));
    write_file(path, text, limit);
    config = config_load(path, 0, &report);
    assert_non_null(config);
    config_free(config);
    config_report_free(&report);
    write_file(path, text, limit + 1);
    expect_load_error(path, "too large, accepted: at most 1 MiB");
    write_file(path, "", 0);
    assert_null(config_load(path, 0, &report));
    assert_int_equal(report.count, 1);
    config_report_free(&report);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    free(text);
}

static void test_list_keys(void **state)
{
    char *text = NULL, *line, *rest;
    size_t size, count = 0, column;
    FILE *out = open_memstream(&text, &size);

    config_list_keys(out);
    assert_int_equal(fclose(out), 0);
    column = (size_t)(strstr(text, "MEANING") - text);
    for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        const struct config_key *key = count ? &config_keys[count - 1] : NULL;

        count++;
        if (!key)
            continue;
        assert_memory_equal(line, key->name, strlen(key->name));
        assert_true(strlen(line) > column);
        assert_memory_equal(line + column, key->help, strlen(key->help));
        assert_int_equal(key->repeatable, strstr(line, "(repeatable)") != NULL);
    }
    assert_int_equal(count, config_key_count + 1);
    free(text);
}

static void parse_anything(const char *text, size_t size)
{
    /* A copy of just this size, so that a sanitizer sees a byte read beyond it. */
    char *copy = malloc(size ? size : 1);
    struct config_report report;
    struct vm_config *config;

    memcpy(copy, text, size);
    config = config_parse("f", copy, size, size % 2 ? CONFIG_LENIENT : 0, &report);
    assert_int_equal(!config, report.errors > 0);
    if (config)
        free(config_to_text(config, CONFIG_CHANGED));
    config_free(config);
    config_report_free(&report);
    free(copy);
}

static void test_truncated(void **state)
{
    for (size_t size = 0; size <= strlen(sample); size++)
        parse_anything(sample, size);
}

/* A small generator, so that every run is the same everywhere. */
static unsigned int next(unsigned int *seed, unsigned int limit)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 8) % limit;
}

static void test_mutated(void **state)
{
    static const char special[] = "\"\\#=\n\r\t \0\x1b\xff\xc3\xef/-0";
    char text[2 * sizeof(sample)];
    unsigned int seed = 1;

    for (int round = 0; round < 5000; round++) {
        size_t size = strlen(sample);

        memcpy(text, sample, size);
        for (unsigned int i = next(&seed, 12) + 1; i > 0; i--) {
            unsigned int at = next(&seed, (unsigned int)size);
            unsigned int length = next(&seed, (unsigned int)(size - at)) % 40;

            switch (next(&seed, 4)) {
            case 0:
                text[at] = (char)next(&seed, 256);
                break;
            case 1:
                text[at] = special[next(&seed, sizeof(special) - 1)];
                break;
            case 2: /* cut some out */
                memmove(text + at, text + at + length, size - at - length);
                size -= length;
                break;
            default: /* write some twice */
                if (size + length > sizeof(text))
                    break;
                memmove(text + at + length, text + at, size - at);
                size += length;
                break;
            }
        }
        parse_anything(text, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_list_keys),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_mutated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_TESTS_DEVICE_ROWS_H
#define XENVM_TESTS_DEVICE_ROWS_H

/* Tables of values of devices. cmocka.h, stdlib.h and string.h come before. */

/* A good value with what is written for it, NULL for the same; or a bad one with the message. */
struct row {
    const char *value, *written, *says;
};

#define SAME(value)                                                                                \
    {                                                                                              \
        value, NULL, NULL                                                                          \
    }
#define GOOD(value, written)                                                                       \
    {                                                                                              \
        value, written, NULL                                                                       \
    }
#define BAD(value, says)                                                                           \
    {                                                                                              \
        value, NULL, says                                                                          \
    }
static void check_row(char *(*rewrite)(const char *, char **), const struct row *row)
{
    char *error = NULL, *text = rewrite(row->value, &error), *again;

    assert_true(!text == (error != NULL));
    if (!row->says && error)
        fail_msg("%s: %s", row->value, error);
    /* Messages say what is accepted. */
    if (row->says && (!error || !strstr(error, row->says) || !strstr(error, ", accepted: ")))
        fail_msg("%s: %s", row->value, error ? error : "taken");
    if (!row->says) {
        assert_string_equal(text, row->written ? row->written : row->value);
        again = rewrite(text, &error);
        assert_null(error);
        assert_string_equal(again, text);
        free(again);
    }
    free(text);
    free(error);
}

static void check_rows(char *(*rewrite)(const char *, char **), const struct row *rows,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_row(rewrite, &rows[i]);
}

#endif

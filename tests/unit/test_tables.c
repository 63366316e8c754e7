/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is taken from the host's SMBIOS structures, also from ones that are not what they should be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "worker/tables.h"

#define END "\x7f\x04\xff\xff\0\0"
#define BIOS                                                                                       \
    "\x00\x05\x01\x00\x01"                                                                         \
    "Maker\0"                                                                                      \
    "7\0\0"
#define BOARD                                                                                      \
    "\x02\x04\x02\x00"                                                                             \
    "\0\0"
#define CPU                                                                                        \
    "\x04\x06\x03\x00\x01\x02"                                                                     \
    "Socket\0\0"
#define OEM                                                                                        \
    "\x81\x06\x04\x00\xab\xcd"                                                                     \
    "\0\0"
#define OTHER                                                                                      \
    "\x82\x04\x05\x00"                                                                             \
    "Other\0\0"

static unsigned char room[TABLES_SMBIOS_ROOM];
static size_t used;

/* From a copy of just this size, so that a sanitizer sees a byte read beyond it. */
static const char *choose(const char *text, size_t size, unsigned int oem_type)
{
    unsigned char *copy = malloc(size ? size : 1);

    assert_non_null(copy);
    memcpy(copy, text, size);
    const char *wrong = tables_choose_smbios(copy, size, oem_type, room, &used);
    free(copy);
    return wrong;
}

#define CHOOSE(text, oem_type) choose(text, sizeof(text) - 1, oem_type)

/* Takes one structure off what was chosen. */
static size_t next(size_t at, const char *structure, size_t size)
{
    uint32_t length;

    memcpy(&length, room + at, sizeof(length));
    assert_int_equal(length, size);
    assert_memory_equal(room + at + sizeof(length), structure, size);
    return at + sizeof(length) + size;
}

#define NEXT(at, structure) next(at, structure, sizeof(structure) - 1)

static void test_chosen(void **state)
{
    assert_null(CHOOSE(BIOS CPU OEM BOARD OTHER BIOS OEM END OTHER, 0));
    assert_int_equal(NEXT(NEXT(0, BIOS), BOARD), used);
    assert_null(CHOOSE(BIOS CPU OEM BOARD OTHER BIOS OEM END OTHER, 0x81));
    assert_int_equal(NEXT(NEXT(NEXT(NEXT(0, BIOS), OEM), BOARD), OEM), used);
    /* Newer tables may just end. */
    assert_null(CHOOSE(BIOS, 0));
    assert_int_equal(NEXT(0, BIOS), used);
}

static void test_nothing_to_choose(void **state)
{
    static const char nothing[] = "no structure is of a type that a guest can be shown";
    static const char no_oem[] = "no structure is of the type that smbios-oem-type-pt names";

    assert_string_equal(CHOOSE("", 0), nothing);
    assert_string_equal(CHOOSE(END, 0), nothing);
    assert_string_equal(CHOOSE(CPU OTHER END BIOS, 0), nothing);
    assert_string_equal(CHOOSE(BIOS OTHER END OEM, 0x81), no_oem);
}

static void test_damaged(void **state)
{
    static const char whole[] = BIOS BOARD CPU;
    size_t bios = sizeof(BIOS) - 1, board = sizeof(BOARD) - 1, all = sizeof(whole) - 1;

    for (size_t size = 1; size < all; size++) {
        const char *wrong = choose(whole, size, 0);

        if (size == bios || size == bios + board)
            assert_null(wrong);
        else
            assert_string_equal(wrong, "damaged");
    }
    assert_string_equal(CHOOSE("\x01\x03\x00\x00"
                               "\0\0\0",
                               0),
                        "damaged");
    assert_string_equal(CHOOSE("\x01\x00\x00\x00"
                               "\0\0\0",
                               0),
                        "damaged");
    assert_string_equal(CHOOSE("\x01\xff\x00\x00"
                               "\0\0\0",
                               0),
                        "damaged");
    assert_string_equal(CHOOSE(BIOS "\x01\x04\x00\x00"
                                    "no end",
                               0),
                        "damaged");
}

/* The same numbers at each run. */
static unsigned int dice(unsigned int *seed, unsigned int limit)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 8) % limit;
}

static void test_anything(void **state)
{
    unsigned int seed = 1;
    char text[64];

    for (int round = 0; round < 20000; round++) {
        size_t size = dice(&seed, sizeof(text));

        for (size_t i = 0; i < size; i++)
            text[i] = (char)dice(&seed, dice(&seed, 3) ? 8 : 256);
        if (!choose(text, size, 128 + dice(&seed, 128)))
            assert_true(used <= 2 * size);
    }
}

static void test_too_large(void **state)
{
    enum { COUNT = TABLES_SMBIOS_ROOM / (sizeof(OEM) - 1 + 4) };
    char *text = malloc((COUNT + 1) * (sizeof(OEM) - 1));

    assert_non_null(text);
    for (size_t i = 0; i <= COUNT; i++)
        memcpy(text + i * (sizeof(OEM) - 1), OEM, sizeof(OEM) - 1);
    assert_null(choose(text, COUNT * (sizeof(OEM) - 1), 0x81));
    assert_int_equal(used, COUNT * (sizeof(OEM) - 1 + 4));
    assert_string_equal(choose(text, (COUNT + 1) * (sizeof(OEM) - 1), 0x81), "more than 32 KiB");
    free(text);
}

static void test_acpi(void **state)
{
    unsigned char table[64] = "MSDM";
    unsigned char sum = 0;

    table[4] = sizeof(table);
    for (size_t i = 0; i < sizeof(table); i++)
        sum = (unsigned char)(sum + table[i]);
    table[9] = (unsigned char)-sum;
    assert_true(tables_is_acpi(table, sizeof(table)));
    assert_false(tables_is_acpi(table, sizeof(table) - 1));
    assert_false(tables_is_acpi(table, 35));
    assert_false(tables_is_acpi(table, 0));
    table[40] = 1;
    assert_false(tables_is_acpi(table, sizeof(table)));
    table[40] = 0;
    table[7] = 1;
    assert_false(tables_is_acpi(table, sizeof(table)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chosen),    cmocka_unit_test(test_nothing_to_choose),
        cmocka_unit_test(test_damaged),   cmocka_unit_test(test_anything),
        cmocka_unit_test(test_too_large), cmocka_unit_test(test_acpi),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ACPI tables of a PVH guest: how they lead to each other, and what ACPI's own tool says of
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/acpi.h"

enum { ADDRESS = 0x12340000, HEADER = 36 };

static unsigned char room[ACPI_ROOM + 1];

static unsigned long long number(const unsigned char *at, size_t bytes)
{
    unsigned long long value = 0;

    while (bytes > 0)
        value = value << 8 | at[--bytes];
    return value;
}

static void adds_up(const unsigned char *table, size_t size)
{
    unsigned char sum = 0;

    for (size_t i = 0; i < size; i++)
        sum = (unsigned char)(sum + table[i]);
    assert_int_equal(sum, 0);
}

/* The table that is at an address of the guest's. */
static const unsigned char *table_at(unsigned long long address, const char *signature, size_t used)
{
    const unsigned char *table = room + (address - ADDRESS);

    assert_in_range(address, ADDRESS, ADDRESS + used - HEADER);
    assert_memory_equal(table, signature, 4);
    assert_true(address - ADDRESS + number(table + 4, 4) <= used);
    adds_up(table, number(table + 4, 4));
    return table;
}

struct tables {
    const unsigned char *fadt, *madt, *dsdt;
};

static struct tables build(unsigned int vcpus, unsigned int online)
{
    memset(room, 0x5a, sizeof(room));
    size_t used = acpi_build(room, ADDRESS, vcpus, online);

    assert_true(used <= ACPI_ROOM);
    assert_int_equal(room[used], 0x5a); /* it writes no further than it says */
    assert_memory_equal(room, "RSD PTR ", 8);
    adds_up(room, 20);
    adds_up(room, ACPI_RSDP_SIZE);
    const unsigned char *xsdt = table_at(number(room + 24, 8), "XSDT", used);
    assert_int_equal(number(xsdt + 4, 4), HEADER + 2 * 8);
    const unsigned char *fadt = table_at(number(xsdt + HEADER, 8), "FACP", used);
    const struct tables tables = {
        .fadt = fadt,
        .madt = table_at(number(xsdt + HEADER + 8, 8), "APIC", used),
        .dsdt = table_at(number(fadt + 140, 8), "DSDT", used),
    };
    assert_int_equal(number(fadt + 40, 4), number(fadt + 140, 8));
    return tables;
}

static void test_processors(void **state)
{
    const unsigned char *madt = build(3, 2).madt;

    assert_int_equal(number(madt + 4, 4), HEADER + 8 + 3 * 8);
    for (unsigned int i = 0; i < 3; i++) {
        const unsigned char entry[] = { 0, 8, (unsigned char)i, (unsigned char)(2 * i), i < 2, 0,
                                        0, 0 };

        assert_memory_equal(madt + HEADER + 8 + 8 * (size_t)i, entry, sizeof(entry));
    }
}

static void test_most(void **state)
{
    const unsigned char *madt = build(ACPI_MAX_VCPUS, ACPI_MAX_VCPUS).madt;

    assert_int_equal(number(madt + 4, 4), HEADER + 8 + ACPI_MAX_VCPUS * 8);
}

/* A reduced machine: flag 20, and none of the registers. */
static void test_no_hardware(void **state)
{
    const unsigned char *fadt = build(1, 1).fadt;

    assert_true(number(fadt + 112, 4) & 1u << 20);
    for (size_t i = 46; i < 109; i++)
        assert_int_equal(fadt[i], 0);
    for (size_t i = 148; i < 268; i++)
        assert_int_equal(fadt[i], 0);
}

/* Has iasl take a table apart. What it says besides what it always says is wrong with it. */
static void takes(const unsigned char *table)
{
    char directory[] = "/tmp/xenvm-acpi.XXXXXX", path[64], command[256], line[256];

    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/t.dat", directory);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(table, 1, number(table + 4, 4), file), number(table + 4, 4));
    assert_int_equal(fclose(file), 0);
    snprintf(command, sizeof(command), "cd %s && iasl -d t.dat 2>&1 && { %s; } 2>&1; rm -r %s",
             directory, memcmp(table, "DSDT", 4) ? ":" : "iasl -p again t.dsl", directory);
    /* NOLINTNEXTLINE(cert-env33-c): of a command that is made here */
    FILE *said = popen(command, "re");
    assert_non_null(said);
    bool parsed = false;
    while (fgets(line, sizeof(line), said)) {
        parsed |= strstr(line, "] decoded") || strstr(line, "Compilation successful");
        if (strcasestr(line, "warning") || strcasestr(line, "error"))
            if (!strstr(line, "0 Errors, 0 Warnings"))
                fail_msg("iasl: %s", line);
    }
    assert_int_equal(pclose(said), 0);
    assert_true(parsed);
}

static void test_iasl(void **state)
{
    struct tables tables = build(5, 3);

    takes(tables.fadt);
    takes(tables.madt);
    takes(tables.dsdt);
    tables = build(ACPI_MAX_VCPUS, 1);
    takes(tables.dsdt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_processors),
        cmocka_unit_test(test_most),
        cmocka_unit_test(test_no_hardware),
        cmocka_unit_test(test_iasl),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

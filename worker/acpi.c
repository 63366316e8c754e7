/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/acpi.h"

#include <string.h>

enum {
    HEADER_SIZE = 36,
    HEADER_LENGTH = 4,
    HEADER_CHECKSUM = 9,
    ALIGNMENT = 16,

    /* The fixed ACPI description table, of revision 5. */
    FADT_REVISION = 5,
    FADT_SIZE = 268,
    FADT_DSDT = 40,
    FADT_BOOT_ARCHITECTURE = 109,
    FADT_FLAGS = 112,
    FADT_X_DSDT = 140,
    BOOT_NO_VGA = 1 << 2,
    BOOT_NO_RTC = 1 << 5,
    FLAG_WBINVD = 1 << 0,
    FLAG_NO_POWER_BUTTON = 1 << 4,
    FLAG_NO_SLEEP_BUTTON = 1 << 5,
    FLAG_HARDWARE_REDUCED = 1 << 20,

    /* The multiple APIC description table. */
    MADT_REVISION = 3,
    MADT_LOCAL_APIC = 0,
    MADT_LOCAL_APIC_SIZE = 8,

    DSDT_REVISION = 2,
    AML_SCOPE = 0x10,
    AML_TWO_BYTES = 1 << 6, /* of a length */
    DEVICE_SIZE = 29,

    XSDT_REVISION = 1,
    RSDP_REVISION = 2,
    RSDP_OLD_SIZE = 20, /* what the first checksum is of */
};

#define LOCAL_APIC_ADDRESS 0xfee00000u

struct tables {
    unsigned char *room;
    uint32_t address;
    size_t used;
};

static void put(unsigned char *at, unsigned long long value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

/* Makes the bytes add up to 0. */
static void set_checksum(unsigned char *table, size_t size, size_t offset)
{
    unsigned char sum = 0;

    table[offset] = 0;
    for (size_t i = 0; i < size; i++)
        sum = (unsigned char)(sum + table[i]);
    table[offset] = (unsigned char)-sum;
}

static unsigned char *reserve(struct tables *tables, size_t size)
{
    unsigned char *table = tables->room + tables->used;

    memset(table, 0, size);
    tables->used += (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return table;
}

static uint32_t address_of(const struct tables *tables, const unsigned char *table)
{
    return tables->address + (uint32_t)(table - tables->room);
}

/* Text there ends where its field does, without a NUL. */
static void put_text(unsigned char *to, const char *text)
{
    while (*text)
        *to++ = (unsigned char)*text++;
}

static unsigned char *begin(struct tables *tables, const char *signature, int revision, size_t size)
{
    unsigned char *table = reserve(tables, size);

    put_text(table, signature);
    put(table + HEADER_LENGTH, size, 4);
    table[8] = (unsigned char)revision;
    put_text(table + 10, "XENVM "); /* the maker */
    put_text(table + 16, "PVH     ");
    put(table + 24, 1, 4);
    put_text(table + 28, "XNVM"); /* the program that made it */
    put(table + 32, 1, 4);
    return table;
}

static uint32_t end(const struct tables *tables, unsigned char *table, size_t size)
{
    set_checksum(table, size, HEADER_CHECKSUM);
    return address_of(tables, table);
}

/* In ACPI's language, chapter 20: Device (Cnnn) { Name (_HID, "ACPI0007") Name (_UID, n) } */
static void describe_processor(unsigned char at[DEVICE_SIZE], unsigned int number)
{
    static const unsigned char device[] = "\x5b\x82\x1b"
                                          "Cnnn"
                                          "\x08_HID\x0d"
                                          "ACPI0007\0"
                                          "\x08_UID\x0a";
    static const char digits[] = "0123456789";

    memcpy(at, device, DEVICE_SIZE - 1);
    _Static_assert(sizeof(device) == DEVICE_SIZE, "its number stands for the NUL");
    at[4] = (unsigned char)digits[number / 100 % 10];
    at[5] = (unsigned char)digits[number / 10 % 10];
    at[6] = (unsigned char)digits[number % 10];
    at[DEVICE_SIZE - 1] = (unsigned char)number;
}

/* Scope (\_SB) { the processors } */
static uint32_t build_dsdt(struct tables *tables, unsigned int vcpus)
{
    static const unsigned char name[] = "\\_SB_";
    size_t length = 2 + sizeof(name) - 1 + (size_t)vcpus * DEVICE_SIZE;
    size_t size = HEADER_SIZE + 1 + length;
    unsigned char *table = begin(tables, "DSDT", DSDT_REVISION, size);
    unsigned char *scope = table + HEADER_SIZE;

    scope[0] = AML_SCOPE;
    scope[1] = (unsigned char)(AML_TWO_BYTES | (length & 0xf));
    scope[2] = (unsigned char)(length >> 4);
    memcpy(scope + 3, name, sizeof(name) - 1);
    for (unsigned int i = 0; i < vcpus; i++)
        describe_processor(scope + 3 + sizeof(name) - 1 + (size_t)i * DEVICE_SIZE, i);
    return end(tables, table, size);
}

static uint32_t build_fadt(struct tables *tables, uint32_t dsdt)
{
    unsigned char *table = begin(tables, "FACP", FADT_REVISION, FADT_SIZE);

    put(table + FADT_DSDT, dsdt, 4);
    put(table + FADT_X_DSDT, dsdt, 8);
    put(table + FADT_BOOT_ARCHITECTURE, BOOT_NO_VGA | BOOT_NO_RTC, 2);
    put(table + FADT_FLAGS,
        FLAG_WBINVD | FLAG_NO_POWER_BUTTON | FLAG_NO_SLEEP_BUTTON | FLAG_HARDWARE_REDUCED, 4);
    return end(tables, table, FADT_SIZE);
}

/* Xen gives the local APIC of processor n the number 2n. */
static uint32_t build_madt(struct tables *tables, unsigned int vcpus, unsigned int online)
{
    size_t size = HEADER_SIZE + 8 + (size_t)vcpus * MADT_LOCAL_APIC_SIZE;
    unsigned char *table = begin(tables, "APIC", MADT_REVISION, size);

    put(table + HEADER_SIZE, LOCAL_APIC_ADDRESS, 4);
    for (unsigned int i = 0; i < vcpus; i++) {
        unsigned char *entry = table + HEADER_SIZE + 8 + (size_t)i * MADT_LOCAL_APIC_SIZE;

        entry[0] = MADT_LOCAL_APIC;
        entry[1] = MADT_LOCAL_APIC_SIZE;
        entry[2] = (unsigned char)i;
        entry[3] = (unsigned char)(2 * i);
        put(entry + 4, i < online, 4);
    }
    return end(tables, table, size);
}

static uint32_t build_xsdt(struct tables *tables, uint32_t fadt, uint32_t madt)
{
    size_t size = HEADER_SIZE + 2 * 8;
    unsigned char *table = begin(tables, "XSDT", XSDT_REVISION, size);

    put(table + HEADER_SIZE, fadt, 8);
    put(table + HEADER_SIZE + 8, madt, 8);
    return end(tables, table, size);
}

size_t acpi_build(unsigned char *room, uint32_t address, unsigned int vcpus, unsigned int online)
{
    struct tables tables = { .address = address };

    tables.room = room;
    unsigned char *rsdp = reserve(&tables, ACPI_RSDP_SIZE);
    uint32_t fadt = build_fadt(&tables, build_dsdt(&tables, vcpus));
    uint32_t xsdt = build_xsdt(&tables, fadt, build_madt(&tables, vcpus, online));

    put_text(rsdp, "RSD PTR ");
    put_text(rsdp + 9, "XENVM ");
    rsdp[15] = RSDP_REVISION;
    put(rsdp + 20, ACPI_RSDP_SIZE, 4);
    put(rsdp + 24, xsdt, 8);
    set_checksum(rsdp, RSDP_OLD_SIZE, 8);
    set_checksum(rsdp, ACPI_RSDP_SIZE, 32);
    return tables.used;
}

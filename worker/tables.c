/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/tables.h"

#include <stdint.h>
#include <string.h>

enum {
    HEADER = 4, /* type, length of the formatted part, handle */
    END_OF_TABLE = 127,
    FIRST_OEM_TYPE = 128,
    SMBIOS_TYPES = 256,
    ACPI_HEADER = 36,
    ACPI_LENGTH_AT = 4,
};

/* Bytes of the structure that begins there, 0 where it does not end: two NULs end its strings. */
static size_t structure_size(const unsigned char *at, size_t left)
{
    if (left < HEADER || at[1] < HEADER)
        return 0;
    for (size_t end = at[1]; end + 2 <= left; end++)
        if (at[end] == 0 && at[end + 1] == 0)
            return end + 2;
    return 0;
}

/* hvmloader's smbios.c: BIOS, system, board, chassis, the maker's strings, battery, power supply.
 */
static bool has_place(unsigned int type)
{
    static const unsigned char types[] = { 0, 1, 2, 3, 11, 22, 39 };

    return memchr(types, (int)type, sizeof(types)) != NULL;
}

const char *tables_choose_smbios(const unsigned char *table, size_t size, unsigned int oem_type,
                                 unsigned char room[TABLES_SMBIOS_ROOM], size_t *used)
{
    bool found[SMBIOS_TYPES] = { false };
    size_t part;

    *used = 0;
    for (size_t at = 0; at < size && table[at] != END_OF_TABLE; at += part) {
        unsigned int type = table[at];

        part = structure_size(table + at, size - at);
        if (part == 0)
            return "damaged";
        if (type >= FIRST_OEM_TYPE ? type != oem_type : found[type] || !has_place(type))
            continue;
        if (*used + sizeof(uint32_t) + part > TABLES_SMBIOS_ROOM)
            return "more than 32 KiB";
        const uint32_t length = (uint32_t)part;
        memcpy(room + *used, &length, sizeof(length));
        memcpy(room + *used + sizeof(length), table + at, part);
        *used += sizeof(length) + part;
        found[type] = true;
    }
    if (oem_type && !found[oem_type])
        return "no structure is of the type that smbios-oem-type-pt names";
    return *used > 0 ? NULL : "no structure is of a type that a guest can be shown";
}

bool tables_is_acpi(const unsigned char *table, size_t size)
{
    unsigned char sum = 0;
    uint32_t length;

    if (size < ACPI_HEADER)
        return false;
    memcpy(&length, table + ACPI_LENGTH_AT, sizeof(length));
    for (size_t i = 0; i < size; i++)
        sum = (unsigned char)(sum + table[i]);
    return length == size && sum == 0;
}

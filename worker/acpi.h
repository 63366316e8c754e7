/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_WORKER_ACPI_H
#define XENVM_WORKER_ACPI_H

/*
 * The ACPI tables of a PVH guest: what its processors are, and that it has nothing else. It has no
 * firmware that would make them, and no device model that its registers would lead to. ACPI
 * specification 6.4, chapter 5: the offsets and flags are its.
 */

#include <stddef.h>
#include <stdint.h>

enum {
    ACPI_RSDP_SIZE = 36,
    ACPI_ROOM = 8192, /* enough for ACPI_MAX_VCPUS */
    ACPI_MAX_VCPUS = 128,
};

/*
 * Writes the tables into `room`, which the guest is to have at physical address `address`, below
 * 4 GiB; the first is the RSDP. Of `vcpus` processors the guest may use the first `online` at once.
 * Returns how many of its ACPI_ROOM bytes are used.
 */
size_t acpi_build(unsigned char *room, uint32_t address, unsigned int vcpus, unsigned int online);

#endif

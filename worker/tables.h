/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_WORKER_TABLES_H
#define XENVM_WORKER_TABLES_H

/*
 * What a guest can be shown of its host's tables. Firmware made them: they are judged before they
 * are handed on, to hvmloader, which takes them as they are (xen/include/public/hvm/
 * hvm_xs_strings.h).
 */

#include <stdbool.h>
#include <stddef.h>

/* Bytes. All of a guest's SMBIOS tables have to be less than 64 KiB. */
enum { TABLES_SMBIOS_ROOM = 32 * 1024 };

/*
 * Chooses from SMBIOS structures in a row, as SMBIOS specification 3.x has them, 6.1.2: the first
 * one of each type that hvmloader has a place for, and all of `oem_type`, 128 to 255; 0 for none.
 * Writes them into `room` as hvmloader wants them, each behind its size in 32 bits; `*used` is how
 * many bytes that are. NULL, or what is wrong.
 */
const char *tables_choose_smbios(const unsigned char *table, size_t size, unsigned int oem_type,
                                 unsigned char room[TABLES_SMBIOS_ROOM], size_t *used);

/* Whether this is an ACPI table, and no less and no more: its size and its checksum are right. */
bool tables_is_acpi(const unsigned char *table, size_t size);

#endif

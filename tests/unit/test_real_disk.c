/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What udev's database has of a disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "monitor/real_disk.h"

static const struct row {
    const char *entry, *vendor, *model, *serial;
} rows[] = {
    { "", "", "", "" },
    { "S:disk/by-id/x\nI:123\nE:DM_NAME=vg-web\nG:systemd\n", "", "", "" },
    /* By ATA; with and without the name that has its blanks. */
    { "E:ID_MODEL=Lab_Disk_7\nE:ID_MODEL_ENC=Lab\\x20Disk\\x207\\x20\\x20\\x20\n"
      "E:ID_SERIAL=Lab_Disk_7_S-123\nE:ID_SERIAL_SHORT=S-123\n",
      "", "Lab Disk 7", "S-123" },
    { "E:ID_MODEL=Lab_Disk_7\n", "", "Lab_Disk_7", "" },
    /* By SCSI: the short one is the name of the unit, not its number. */
    { "E:ID_SERIAL_SHORT=5000c500a1b2c3d4\nE:ID_SCSI_SERIAL=Z1X2\nE:ID_VENDOR=MAKER\n"
      "E:ID_VENDOR_ENC=MAKER\\x20\\x20\\x20\nE:ID_MODEL=ST4000\n",
      "MAKER", "ST4000", "Z1X2" },
    /* Virtio's have no model; where there is one, it stands in front of this number. */
    { "E:ID_SERIAL=abc\n", "", "", "abc" },
    { "E:ID_SERIAL=QEMU_HARDDISK\nE:ID_MODEL=QEMU_HARDDISK\n", "", "QEMU_HARDDISK", "" },
    /* As long as a disk can have them. */
    { "E:ID_MODEL=12345678901234567890123456789012345678901\nE:ID_VENDOR=123456789\n"
      "E:ID_SERIAL_SHORT=1234567890123456789012345678901234567\n",
      "12345678", "1234567890123456789012345678901234567890",
      "123456789012345678901234567890123456" },
    /* Odd ones. */
    { "E:ID_MODEL=a,b=c\"d\\e\\x\\x4\\x4g\nE:ID_SERIAL_SHORT=\\x2c\\xc3\\xa9\\x00\\x0a!\n", "",
      "a,b=c\"d\\e\\x\\x4\\x4g", ",    !" },
    { "E:ID_MODEL\nE:ID_MODEL_=x\nE:=x\nX:ID_MODEL=x\nE:ID_SERIAL_SHORT=   \nE:ID_MODEL=no end", "",
      "no end", "" },
};

static void test_rows(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        FILE *entry = fmemopen((char *)(uintptr_t)rows[i].entry, strlen(rows[i].entry) + 1, "r");
        struct real_disk disk;

        assert_non_null(entry);
        real_disk_read(entry, &disk);
        fclose(entry);
        assert_string_equal(disk.vendor, rows[i].vendor);
        assert_string_equal(disk.model, rows[i].model);
        assert_string_equal(disk.serial, rows[i].serial);
    }
}

static void test_none(void **state)
{
    struct real_disk disk;

    real_disk_find("/nowhere", &disk);
    assert_string_equal(disk.model, "");
    real_disk_find("/dev/null", &disk);
    assert_string_equal(disk.serial, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

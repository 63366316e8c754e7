/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values of disk: good ones, bad ones, limits, numbers and media. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "config/disk.h"
#include "tests/unit/device_rows.h"

#define TEN     "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define FIVE    HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED

static char *rewrite_disk(const char *value, char **error)
{
    struct disk *disk = disk_parse(value, error);
    char *text = disk ? disk_text(disk) : NULL;

    disk_free(disk);
    return text;
}

static const struct row disk_rows[] = {
    /* The examples of the original's document. */
    SAME("/dev/vg/test:phy:sda:w:disk"),
    SAME("/var/opt/xen/iso_import/w2k3eesp2.iso:file:hdd:r:cdrom"),

    SAME("/a:file:xvda:r:disk"),
    SAME("/a:aio:xvda:r:disk"),
    SAME("/a:qcow:xvda:r:disk"),
    SAME("/a:qcow2:xvda:r:disk"),
    SAME("/a:vhd:xvda:r:disk"),
    SAME("/a b # c:file:xvda:r:disk"),
    SAME("/\xc3\xa9=,:file:xvda:r:disk"),
    SAME("/dev/disk/by-id/usb-0\\:0:phy:xvda:w:disk"),
    SAME("/a\\\\\\:\\\\b:file:xvda:w:disk"),
    SAME(":file:hdc:r:cdrom"),
    SAME(":phy:xvdd:r:cdrom:backend-domid=1"),
    SAME("/a:file:xvda:w:disk:backend-domid=32751:cipher=aes-xts-plain64:key-size=512:"
         "key-file=/k:share=1"),
    GOOD("/a:file:xvda:w:disk:share=1:key-file=/k\\:\\\\=:key-size=64:"
         "cipher=aes-cbc-essiv\\:sha256:backend-domid=0",
         "/a:file:xvda:w:disk:cipher=aes-cbc-essiv\\:sha256:key-size=64:key-file=/k\\:\\\\=:"
         "share=1"),
    SAME("/a:phy:xvda:w:disk:cipher=capi\\:xts(aes)-plain64:key-file=/k"),
    GOOD("/a:phy:xvda:w:disk:share=No", "/a:phy:xvda:w:disk"),
    SAME("/a:phy:xvda:r:disk:cipher=a:key-size=4096:key-file=/k"),

    BAD("", "has no value, accepted: physpath:phystype:virtpath:mode:devtype[:k=v...]"),
    BAD("/a", "has 1 of its 5 parts, accepted: physpath:"),
    BAD("/a:phy:xvda:w", "has 4 of its 5 parts"),
    BAD("::::", "phystype '' is not known"),
    BAD("a:phy:xvda:w:disk", "physpath 'a' is not an absolute path, accepted: an absolute path"),
    BAD("./a:phy:xvda:w:disk", "physpath './a' is not"),
    BAD(":phy:xvda:w:disk", "physpath is empty, accepted: an absolute path (only that of a cdrom"),
    BAD("/a:tap:xvda:w:disk",
        "phystype 'tap' is not known, accepted: phy, file, aio, qcow, qcow2 or vhd"),
    BAD("/dev/usb-0:0:phy:xvda:w:disk", "phystype '0' is not known, accepted: phy, file, aio, "
                                        "qcow, qcow2 or vhd (a : in a path is \\:)"),
    BAD("/a:PHY:xvda:w:disk", "phystype 'PHY'"),
    BAD("/a:phy:vda:w:disk", "virtpath 'vda' is no virtual disk, accepted: xvda, xvdb"),
    BAD("/a:phy:/dev/xvda:w:disk", "virtpath '/dev/xvda'"),
    BAD("/a:phy:xvda:rw:disk", "mode 'rw' is not known, accepted: r or w"),
    BAD("/a:phy:xvda::disk", "mode '' is not known"),
    BAD("/a:phy:xvda:w:cd", "devtype 'cd' is not known, accepted: disk or cdrom"),
    BAD("/a:phy:xvda:w:cdrom", "mode 'w' is none of a cdrom, accepted: r"),
    BAD("/a:phy:hdc1:r:cdrom", "virtpath 'hdc1' is a partition, accepted: for a cdrom, a whole"),
    BAD("/a:phy:xvda:w:disk:", "has an empty part, accepted: backend-domid=, cipher=, key-size=, "
                               "key-file= or share="),
    BAD("/a:phy:xvda:w:disk:share", "part 'share' has no '=', accepted: backend-domid="),
    BAD("/a:phy:xvda:w:disk:shar=1", "part 'shar=1' is not known"),
    BAD("/a:phy:xvda:w:disk:=1", "part '=1' is not known"),
    BAD("/a:phy:xvda:w:disk:share=1:share=1", "share is given twice, accepted: once"),
    BAD("/a:phy:xvda:w:disk:share=", "share '' is not a boolean, accepted: true, yes"),
    BAD("/a:phy:xvda:w:disk:backend-domid=32752",
        "backend-domid '32752' is too large, accepted: a whole number from 0 to 32751"),
    BAD("/a:phy:xvda:w:disk:backend-domid=-1", "backend-domid '-1' is too small"),
    BAD("/a:phy:xvda:w:disk:backend-domid=dom0", "backend-domid 'dom0' is not a whole"),
    BAD("/a:phy:xvda:w:disk:key-size=256", "key-size is given without cipher, accepted: "),
    BAD("/a:phy:xvda:w:disk:key-file=/k", "key-file is given without cipher"),
    BAD("/a:phy:xvda:w:disk:cipher=aes", "cipher is given without key-file"),
    BAD("/a:phy:xvda:w:disk:cipher=aes:key-size=256", "cipher is given without key-file"),
    BAD("/a:phy:xvda:w:disk:cipher=aes:key-file=k", "key-file 'k' is not an absolute path"),
    BAD("/a:phy:xvda:w:disk:cipher=:key-file=/k", "cipher '' is no such name, accepted: 1 to 63"),
    BAD("/a:phy:xvda:w:disk:cipher=-a:key-file=/k", "cipher '-a' is no such name"),
    BAD("/a:phy:xvda:w:disk:cipher=a b:key-file=/k", "cipher 'a b' is no such name"),
    BAD("/a:phy:xvda:w:disk:cipher=" HUNDRED ":key-file=/k", "is no such name"),
    BAD("/a:phy:xvda:w:disk:cipher=a:key-size=56:key-file=/k", "key-size '56' is too small"),
    BAD("/a:phy:xvda:w:disk:cipher=a:key-size=4104:key-file=/k", "key-size '4104' is too large"),
    BAD("/a:phy:xvda:w:disk:cipher=a:key-size=257:key-file=/k",
        "key-size '257' is not a whole number of bytes, accepted: a multiple of 8"),
    BAD("/a:qcow2:xvda:w:disk:cipher=a:key-file=/k",
        "phystype 'qcow2' can't be of an encrypted disk, accepted: with cipher=, phy or file"),
    BAD("/a:aio:xvda:w:disk:cipher=a:key-file=/k", "phystype 'aio' can't"),
    BAD("/a\\b:phy:xvda:w:disk", "has a lone \\, accepted: \\: for a : and \\\\ for a \\"),
    BAD("/a:phy:xvda:w:disk\\", "has a lone \\"),
    BAD("/a\n:phy:xvda:w:disk", "control character 0x0a in column 3"),
    BAD("/\xff:phy:xvda:w:disk", "byte 0xff in column 2 is not UTF-8"),
    BAD("/" FIVE FIVE FIVE FIVE, "is 2001 bytes long, accepted: at most 2000 bytes"),
};

static void test_disk_values(void **state)
{
    check_rows(rewrite_disk, disk_rows, sizeof(disk_rows) / sizeof(disk_rows[0]));
}

static void test_disk_fields(void **state)
{
    char *error;
    struct disk *disk = disk_parse("/a\\:b:vhd:sdb3:w:disk:backend-domid=7:share=yes", &error);

    assert_null(error);
    assert_string_equal(disk->physpath, "/a:b");
    assert_int_equal(disk->phystype, DISK_VHD);
    assert_string_equal(disk->virtpath, "sdb3");
    assert_int_equal(disk->number, 8 << 8 | 1 << 4 | 3);
    assert_true(disk->writable);
    assert_false(disk->cdrom);
    assert_int_equal(disk->backend_domid, 7);
    assert_null(disk->cipher);
    assert_null(disk->key_file);
    assert_int_equal(disk->key_size, 0);
    assert_true(disk->share);
    disk_free(disk);
    disk_free(NULL);
}

/* The examples and formulas of xen-vbd-interface(7), with the corners of each range. */
static void test_disk_numbers(void **state)
{
    static const struct {
        const char *virtpath;
        uint32_t number;
    } good[] = {
        { "xvda", 51712 },
        { "xvda1", 51713 },
        { "xvdb2", 202 << 8 | 1 << 4 | 2 },
        { "xvda15", 51727 },
        { "xvda16", 1 << 28 | 16 },
        { "xvdp", 202 << 8 | 15 << 4 },
        { "xvdp15", 202 << 8 | 15 << 4 | 15 },
        { "xvdp255", 1 << 28 | 15 << 8 | 255 },
        { "xvdq", 1 << 28 | 16 << 8 },
        { "xvdz", 1 << 28 | 25 << 8 },
        { "xvdaa", 1 << 28 | 26 << 8 },
        { "xvdtq37", 1 << 28 | 536 << 8 | 37 },
        { "xvdzz", 1 << 28 | 701 << 8 },
        { "xvdaaa", 1 << 28 | 702 << 8 },
        { "xvdbgqcv255", 1 << 28 | 1048575 << 8 | 255 },
        { "sda", 2048 },
        { "sdb3", 2067 },
        { "sdp15", 8 << 8 | 255 },
        { "hda", 768 },
        { "hdb", 832 },
        { "hdb63", 3 << 8 | 127 },
        { "hdc", 5632 },
        { "hdc2", 5634 },
        { "hdd63", 22 << 8 | 127 },
    };
    static const char *const bad[] = {
        "",     "xvd",   "sd",   "hd",     "xvdA",       "xvda0",     "xvda01",
        "sda0", "sdq",   "sdaa", "sda16",  "hde",        "hda64",     "xvda256",
        "d0p0", "51712", "fda",  "xvda-1", "xvdbgqcw",   "xvdzzzzzz", "xvda1a",
        " hda", "hda ",  "xvd1", "hda+1",  "xvda999999", "HDA",       "xvdaaaaaaaaaaaaaaaaaa",
    };
    uint32_t number = 7;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(disk_number(good[i].virtpath, &number));
        assert_int_equal(number, good[i].number);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        number = 7;
        if (disk_number(bad[i], &number) || number != 7)
            fail_msg("%s: taken", bad[i]);
    }
}

static void test_disk_medium(void **state)
{
    char *error;
    struct disk *cdrom = disk_parse("/a.iso:file:hdc:r:cdrom:backend-domid=3", &error);
    struct disk *disk = disk_parse("/a:file:hda:w:disk", &error);

    assert_null(disk_set_medium(cdrom, DISK_PHY, "/dev/sr0"));
    assert_string_equal(cdrom->physpath, "/dev/sr0");
    assert_int_equal(cdrom->phystype, DISK_PHY);
    assert_int_equal(cdrom->backend_domid, 3);
    assert_null(disk_set_medium(cdrom, DISK_FILE, NULL));
    assert_null(cdrom->physpath);
    assert_null(disk_set_medium(cdrom, DISK_FILE, "/a:\\b"));
    assert_string_equal(cdrom->physpath, "/a:\\b");
    error = disk_set_medium(cdrom, DISK_PHY, "b.iso");
    assert_string_equal(error,
                        "physpath 'b.iso' is not an absolute path, accepted: an absolute path");
    free(error);
    error = disk_set_medium(cdrom, DISK_PHY, "/" FIVE FIVE FIVE FIVE);
    assert_non_null(strstr(error, "bytes long"));
    free(error);
    assert_string_equal(cdrom->physpath, "/a:\\b");
    assert_int_equal(cdrom->phystype, DISK_FILE);
    error = disk_set_medium(disk, DISK_PHY, "/b.iso");
    assert_string_equal(error, "virtpath 'hda' is no cdrom, accepted: a cdrom");
    free(error);
    disk_free(disk);
    disk_free(cdrom);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disk_values),
        cmocka_unit_test(test_disk_fields),
        cmocka_unit_test(test_disk_numbers),
        cmocka_unit_test(test_disk_medium),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices in a configuration: lists, what can't be beside each other, ids, and plugging. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/devices.h"
#include "config/disk.h"
#include "config/fields.h"
#include "config/keys.h"
#include "config/nic.h"
#include "config/pci.h"

#define K "kernel = /k\n"

static struct vm_config *parse(const char *text, struct config_report *report)
{
    return config_parse("f", text, strlen(text), 0, report);
}

static struct vm_config *parse_good(const char *text)
{
    struct config_report report;
    struct vm_config *config = parse(text, &report);

    if (!config)
        fail_msg("%s", report.messages[0].text);
    config_report_free(&report);
    return config;
}

/* All messages, each in a line. */
static void check_messages(const char *text, const char *expected)
{
    struct config_report report;
    struct vm_config *config = parse(text, &report);
    char *all = NULL;
    size_t size;
    FILE *out = open_memstream(&all, &size);

    assert_null(config);
    for (size_t i = 0; i < report.count; i++)
        fprintf(out, "%s\n", report.messages[i].text);
    fclose(out);
    assert_string_equal(all, expected);
    free(all);
    config_report_free(&report);
}

static void check_written(const struct vm_config *config, const char *expected)
{
    char *text = config_to_text(config, CONFIG_CHANGED);

    assert_string_equal(text, expected);
    free(text);
}

/* Written and read again, it is written the same. */
static void check_round_trip(const char *text, const char *expected)
{
    struct vm_config *config = parse_good(text), *again;
    char *written = config_to_text(config, CONFIG_CHANGED);

    assert_string_equal(written, expected);
    again = parse_good(written);
    check_written(again, expected);
    config_free(config);
    config_free(again);
    free(written);
}

static void plug(struct vm_config *config, const char *key, const char *value, const char *says)
{
    char *error = config_devices_plug(config_key_find(key)->devices, config, value);

    if (says ? !error || strncmp(error, says, strlen(says)) != 0 : error != NULL)
        fail_msg("%s = %s: %s", key, value, error ? error : "taken");
    free(error);
}

static void test_lists(void **state)
{
    struct vm_config *config = parse_good(K "disk = /dev/vg/test:phy:sda:w:disk\nvif =\n"
                                            "disk = /b:file:sdb:r:disk # second\n"
                                            "nic = bridge=xen-br0\npci = 0,0000:00:1b.0");

    assert_int_equal(config->disk_count, 2);
    assert_string_equal(config->disks[0]->physpath, "/dev/vg/test");
    assert_string_equal(config->disks[1]->physpath, "/b");
    assert_int_equal(config->nic_count, 2);
    assert_string_equal(config->nics[0]->bridge, "");
    assert_string_equal(config->nics[1]->bridge, "xen-br0");
    assert_int_equal(config->pci_count, 1);
    assert_int_equal(config->pcis[0]->device, 0x1b);
    config_free(config);

    config = parse_good(K);
    assert_null(config->disks);
    assert_null(config->nics);
    assert_null(config->pcis);
    assert_int_equal(config->disk_count + config->nic_count + config->pci_count, 0);
    config_free(config);
}

static void test_round_trips(void **state)
{
    check_round_trip(K "vif =\ndisk = /b:file:xvdb:w:disk\n"
                       "disk = /a:phy:xvda:w:disk:share=Yes\nnic = mac=random\n",
                     K "disk = /b:file:xvdb:w:disk\ndisk = /a:phy:xvda:w:disk:share=1\n"
                       "nic = id=0\nnic = mac=random,id=1\n");
    check_round_trip(K "pci = 1,bind,0:0:1.2\npci = 0,a:b:c.1,permissive=yes\n",
                     K "pci = 1,bind,0000:00:01.2\npci = 0,000a:0b:0c.1,permissive=1\n");
    /* Both a line's quotes and a value's backslashes. */
    check_round_trip(K "disk = \"/a #\\\\\\\\ \\\\: \\\"b\\\":file:xvda:w:disk\"\n",
                     K "disk = \"/a #\\\\\\\\ \\\\: \\\"b\\\":file:xvda:w:disk\"\n");
    check_round_trip(K "disk = /a\\\\\\:\"b:file:xvda:w:disk\n",
                     K "disk = /a\\\\\\:\"b:file:xvda:w:disk\n");
    check_round_trip(K "disk = \"/a:phy:xvda:r:disk:cipher=a:key-file=/k \"\n",
                     K "disk = \"/a:phy:xvda:r:disk:cipher=a:key-file=/k \"\n");
}

/* The longest value, in which nearly every byte is escaped twice, still makes a line. */
static void test_longest_line(void **state)
{
    static const char start[] = "/ #", end[] = ":file:xvda:w:disk:share=1";
    struct vm_config *config = parse_good(K), *again;
    char value[FIELDS_VALUE_MAX + 1], *text;

    memset(value, '\\', sizeof(value));
    memcpy(value, start, strlen(start));
    strcpy(value + sizeof(value) - sizeof(end), end);
    assert_int_equal(strlen(value), FIELDS_VALUE_MAX);
    plug(config, "disk", value, NULL);
    text = config_to_text(config, CONFIG_CHANGED);
    again = parse_good(text);
    check_written(again, text);
    free(text);
    config_free(again);
    config_free(config);
}

static void test_bad_values(void **state)
{
    struct vm_config *config = parse_good(K);

    check_messages(K "disk = a:phy:xvda:w:disk\nvif = id=x\nnic = mac=1\ndisk =\n",
                   "f:2: disk: physpath 'a' is not an absolute path, accepted: an absolute path\n"
                   "f:3: vif: id 'x' is not a whole decimal number, accepted: a whole number from "
                   "0 to 99\n"
                   "f:4: nic: mac '1' is no MAC address, accepted: random, or six bytes as "
                   "02:16:3e:0a:0b:0c, not all zero and the first one even\n"
                   "f:5: disk: has no value, accepted: physpath:phystype:virtpath:mode:devtype"
                   "[:k=v...]\n");
    plug(config, "pci", "0",
         "has no address, accepted: id,[bind,]domain:bus:device.function[,k=v...]");
    assert_null(config->pcis);
    config_free(config);
}

static void test_disk_conflicts(void **state)
{
    check_messages(K "disk = /a:phy:xvda:w:disk\ndisk = bad\ndisk = /b:phy:xvdb1:w:disk\n"
                     "disk = /c:phy:xvda:w:disk\ndisk = /d:phy:xvdb:w:disk\n"
                     "disk = /e:phy:xvdb1:r:disk\n",
                   "f:3: disk: has 1 of its 5 parts, accepted: physpath:phystype:virtpath:mode:"
                   "devtype[:k=v...]\n"
                   "f:5: disk: virtpath 'xvda' is that of another disk, accepted: one that no "
                   "other disk has (the other: line 2)\n"
                   "f:6: disk: virtpath 'xvdb' is given beside 'xvdb1', accepted: a whole disk or "
                   "its partitions (the other: line 4)\n"
                   "f:7: disk: virtpath 'xvdb1' is that of another disk, accepted: one that no "
                   "other disk has (the other: line 4)\n");
    /* The same path, or the same letters of another kind, is not the configuration's business. */
    config_free(parse_good(K "disk = /a:phy:xvda1:w:disk\ndisk = /a:phy:xvda2:w:disk\n"
                             "disk = /a:phy:sda:w:disk\ndisk = /a:phy:hda:w:disk\n"
                             "disk = :file:hdc:r:cdrom\n"));
}

static void test_nic_conflicts(void **state)
{
    check_messages(K "nic = id=3\nvif = mac=00:16:3e:00:00:01\nnic = id=3,mac=random\n"
                     "vif = mac=00:16:3E:00:00:01\n",
                   "f:4: nic: id '3' is that of another nic, accepted: one that no other nic has "
                   "(the other: line 2)\n"
                   "f:5: vif: mac '00:16:3e:00:00:01' is that of another nic, accepted: one that "
                   "no other nic has (the other: line 3)\n");
    /* The address that card 0 has by derivation, wherever the UUID is. */
    check_messages(K "nic =\nnic = mac=32:0d:33:a3:fb:16\n"
                     "uuid = 3f2a9c04-5b1e-4f6d-8a77-0c1d2e3f4a5b\n",
                   "f:3: nic: mac '32:0d:33:a3:fb:16' is that of another nic, accepted: one that "
                   "no other nic has (the other: line 2)\n");
    config_free(parse_good(K "nic =\nnic = mac=32:0d:33:a3:fb:16\nnic = mac=random\n"
                             "nic = mac=random\n"));
}

/* Nothing is taken that nothing would come of. */
static void test_nic_models(void **state)
{
    static const char hvm[] =
        "type = hvm\nnic = model=e1000\nnic = model=rtl8139,backend-domid=0\n";
    struct vm_config *config = parse_good(hvm);

    plug(config, "nic", "model=e1000", NULL);
    plug(config, "nic", "model=e1000,backend-domid=1,bridge=b",
         "model means nothing with backend-domid, accepted: one of the two");
    assert_int_equal(config->nic_count, 3);
    config_free(config);

    check_messages(K "nic =\nvif = model=e1000\nnic = model=e1000\n",
                   "f:3: vif: model means nothing to a pv guest, accepted: for HVM\n"
                   "f:4: nic: model means nothing to a pv guest, accepted: for HVM\n");
    check_messages("nic = model=e1000\n" K "type = pvh\n",
                   "f:1: nic: model means nothing to a pvh guest, accepted: for HVM\n");
    check_messages("type = hvm\nnic = model=e1000,backend-domid=1,bridge=b\n",
                   "f:2: nic: model means nothing with backend-domid, accepted: one of the two\n");
    /* What kind of guest it is meant to be is not known. */
    check_messages(K "type = hmv\nnic = model=e1000\n",
                   "f:2: type: 'hmv' is not known, accepted: pv, pvh or hvm\n");

    config = parse_good(K);
    plug(config, "nic", "model=e1000", "model means nothing to a pv guest, accepted: for HVM");
    assert_null(config->nics);
    config_free(config);
}

static void test_pci_conflicts(void **state)
{
    struct vm_config *config = parse_good(K);
    size_t other;
    char *what;

    plug(config, "pci", "0,0000:00:1b.0", NULL);
    /* Devices with one id share a bus. */
    plug(config, "pci", "0,0000:00:1b.1", NULL);
    assert_null(config_devices_add(&config_pcis, config, "1,bind,0:0:1b.0"));
    what = config_pcis.conflict(config, 2, &other);
    assert_string_equal(what, "address '0000:00:1b.0' is given twice, accepted: each device of the "
                              "host once");
    assert_int_equal(other, 0);
    free(what);
    config_free(config);
}

static void test_ids(void **state)
{
    static const int expected[] = { 1, 3, 0, 4, 2 };
    struct vm_config *config = parse_good(K "nic =\nnic = mac=random\nnic = id=0\nnic =\n"
                                            "nic = id=2\n");

    for (size_t i = 0; i < 5; i++)
        assert_int_equal(config->nics[i]->id, expected[i]);
    config_free(config);
}

/* `count` times the same line after the kernel's. */
static char *repeated(const char *line, size_t count)
{
    char *text = calloc(count + 1, strlen(line) + sizeof(K));

    strcpy(text, K);
    for (size_t i = 0; i < count; i++)
        strcat(text, line);
    return text;
}

static void test_too_many(void **state)
{
    char *text = repeated("nic =\n", NIC_ID_MAX + 1);
    struct vm_config *config = parse_good(text);
    struct config_report report;

    assert_int_equal(config->nics[NIC_ID_MAX]->id, NIC_ID_MAX);
    config_free(config);
    free(text);

    text = repeated("nic =\n", NIC_ID_MAX + 2);
    check_messages(text, "f:102: nic: no id is free, accepted: at most 100 nics\n");
    free(text);

    text = repeated("disk = /a:phy:xvda:w:disk\n", CONFIG_DEVICES_MAX + 1);
    assert_null(parse(text, &report));
    assert_string_equal(report.messages[0].text,
                        "f:258: disk: is one too many, accepted: at most 256");
    config_report_free(&report);
    free(text);
}

static void test_plug(void **state)
{
    struct vm_config *config = parse_good(K "nic = id=0\nnic = id=1,mac=00:16:3e:00:00:01\n");
    const struct nic *second = config->nics[1];

    plug(config, "disk", "/a:phy:xvda:w:disk", NULL);
    plug(config, "disk", "/b:phy:xvda:w:disk", "virtpath 'xvda' is that of another disk");
    plug(config, "disk", "/b:phy:xvdb:w:disk", NULL);
    plug(config, "disk", "b", "has 1 of its 5 parts");
    plug(config, "nic", "", NULL);
    plug(config, "nic", "mac=00:16:3e:00:00:01", "mac '00:16:3e:00:00:01' is that of another");
    plug(config, "vif", "id=1", "id '1' is that of another nic");
    plug(config, "pci", "0,0000:00:1b.0", NULL);
    plug(config, "pci", "1,0000:00:1b.0", "address '0000:00:1b.0' is given twice");
    check_written(config, K "disk = /a:phy:xvda:w:disk\ndisk = /b:phy:xvdb:w:disk\n"
                            "nic = id=0\nnic = mac=00:16:3e:00:00:01,id=1\nnic = id=2\n"
                            "pci = 0,0000:00:1b.0\n");

    /* The others stay where they are, and ids that were given out stay given. */
    config_nics.remove(config, 0);
    assert_ptr_equal(config->nics[0], second);
    config_disks.remove(config, 0);
    config_pcis.remove(config, 0);
    assert_null(config->pcis);
    plug(config, "nic", "bridge=br0", NULL);
    check_written(config, K "disk = /b:phy:xvdb:w:disk\nnic = mac=00:16:3e:00:00:01,id=1\n"
                            "nic = id=2\nnic = bridge=br0,id=0\n");
    config_devices_clear(&config_nics, config);
    assert_int_equal(config->nic_count, 0);
    assert_null(config->nics);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_longest_line),
        cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_disk_conflicts),
        cmocka_unit_test(test_nic_conflicts),
        cmocka_unit_test(test_nic_models),
        cmocka_unit_test(test_pci_conflicts),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_plug),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each key of the configuration: good values, bad ones, limits, and what the message says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/keys.h"

#define UUID_A   "3f2a9c04-5b1e-4f6d-8a77-0c1d2e3f4a5b"
#define TEN      "0123456789"
#define SIXTY    TEN TEN TEN TEN TEN TEN
#define HUNDRED  SIXTY TEN TEN TEN TEN
#define THOUSAND HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED

/* Without `says`, `value` is taken and config_to_text() writes `written` (NULL: nothing). */
struct row {
    const char *key, *value, *written, *says;
};

#define GOOD(key, value, written)                                                                  \
    {                                                                                              \
        key, value, written, NULL                                                                  \
    }
#define BAD(key, value, says)                                                                      \
    {                                                                                              \
        key, value, NULL, says                                                                     \
    }
#define ACTION(key, other)                                                                         \
    GOOD(key, "preserve", "preserve"), GOOD(key, other, other),                                    \
        BAD(key, "Restart", "is not known"),                                                       \
        BAD(key, "rename",                                                                         \
            "'rename' is not known, accepted: destroy, restart, reboot or preserve"),              \
        BAD(key, "", "has no value, accepted: destroy")
#define BOOLEAN(key)                                                                               \
    GOOD(key, "1", "true"), GOOD(key, "y", "true"), GOOD(key, "YES", "true"),                      \
        GOOD(key, "True", "true"), GOOD(key, "0", NULL), GOOD(key, "N", NULL),                     \
        GOOD(key, "no", NULL), GOOD(key, "FALSE", NULL), BAD(key, "2", "'2' is not a boolean"),    \
        BAD(key, "on", "accepted: true, yes, y or 1, or false, no, n or 0"),                       \
        BAD(key, "", "has no value, accepted: true")
#define ON(key)                                                                                    \
    GOOD(key, "1", NULL), GOOD(key, "no", "false"), BAD(key, "2", "'2' is not a boolean"),         \
        BAD(key, "", "has no value, accepted: true")
#define INTEGER(key, range)                                                                        \
    BAD(key, "", "has no value, accepted: " range),                                                \
        BAD(key, "x", "'x' is not a whole decimal number, accepted: " range),                      \
        BAD(key, "4x", "is not a whole"), BAD(key, "0x10", "is not a whole"),                      \
        BAD(key, "010", "is not a whole"), BAD(key, "1 2", "is not a whole"),                      \
        BAD(key, "+1", "is not a whole"), BAD(key, "-", "is not a whole"),                         \
        BAD(key, "1.5", "is not a whole"), BAD(key, "1e3", "is not a whole"),                      \
        BAD(key, "-1", "'-1' is too small, accepted: " range),                                     \
        BAD(key, "9223372036854775807", "is too large"),                                           \
        BAD(key, "9223372036854775808", "is too large"),                                           \
        BAD(key, "18446744073709551617", "is too large"),                                          \
        BAD(key, "-99999999999999999999", "is too small")
#define ABSOLUTE_PATH(key)                                                                         \
    GOOD(key, "/a", "/a"), GOOD(key, "/a b", "/a b"), GOOD(key, "/\xc3\xa9", "/\xc3\xa9"),         \
        BAD(key, "a/b", "'a/b' is not an absolute path, accepted: an absolute path"),              \
        BAD(key, "~/a", "is not an absolute path"), BAD(key, "./a", "is not an absolute path")

static const struct row rows[] = {
    GOOD("uuid", UUID_A, UUID_A),
    GOOD("uuid", "3F2A9C04-5B1E-4F6D-8A77-0C1D2E3F4A5B", UUID_A),
    BAD("uuid", "", "has no value, accepted: a UUID, 8-4-4-4-12"),
    BAD("uuid", "3f2a9c04", "'3f2a9c04' is not a UUID"),
    BAD("uuid", UUID_A "0", "is not a UUID"),
    BAD("uuid", "3g2a9c04-5b1e-4f6d-8a77-0c1d2e3f4a5b", "is not a UUID"),
    BAD("uuid", "{" UUID_A "}", "is not a UUID"),
    BAD("uuid", "00000000-0000-0000-0000-000000000000", "is the UUID of Domain-0"),

    GOOD("name", "web-1", "web-1"),
    GOOD("name", "0._+:@-Z", "0._+:@-Z"),
    GOOD("name", "a", "a"),
    GOOD("name", SIXTY "abc", SIXTY "abc"),
    BAD("name", SIXTY "abcd", "is too long, accepted: 1 to 63 letters"),
    BAD("name", "", "has no value"),
    BAD("name", ".a", "doesn't begin with a letter or a digit"),
    BAD("name", "-a", "doesn't begin with"),
    BAD("name", "\xc3\xa9", "doesn't begin with"),
    BAD("name", "a/b", "'a/b' holds a character that a name can't have"),
    BAD("name", "a b", "holds a character"),
    BAD("name", UUID_A, "is a UUID, accepted:"),

    GOOD("hvm", "false", NULL),
    GOOD("hvm", "0", NULL),
    GOOD("hvm", "No", NULL),
    GOOD("hvm", "true", "true"),
    BAD("hvm", "maybe", "'maybe' is not a boolean"),
    BAD("hvm", "", "has no value"),

    GOOD("type", "pv", NULL),
    GOOD("type", "pvh", "pvh"),
    GOOD("type", "hvm", "hvm"),
    BAD("type", "PV", "'PV' is not known, accepted: pv, pvh or hvm"),
    BAD("type", "", "has no value, accepted: pv, pvh or hvm"),

    ABSOLUTE_PATH("kernel"),
    BAD("kernel", "", "kernel: has no value, accepted: the absolute path of a PV kernel"),
    ABSOLUTE_PATH("initrd"),
    GOOD("initrd", "", NULL),
    ABSOLUTE_PATH("output"),
    GOOD("output", "", NULL),

    GOOD("cmdline", "", NULL),
    GOOD("cmdline", "root=/dev/xvda1 ro a#b", "root=/dev/xvda1 ro a#b"),
    GOOD("cmdline", "dyndbg=\"file a +p\"", "dyndbg=\"file a +p\""),
    GOOD("cmdline", "a\\b 'c'", "a\\b 'c'"),
    GOOD("cmdline", THOUSAND TEN TEN "xyz", THOUSAND TEN TEN "xyz"),
    BAD("cmdline", THOUSAND TEN TEN "wxyz",
        "cmdline: is 1024 bytes long, accepted: text of at most 1023 bytes"),

    GOOD("memory", "1", "1"),
    GOOD("memory", "256", NULL),
    GOOD("memory", "16777216", "16777216"),
    BAD("memory", "0", "'0' is too small, accepted: a whole number from 1 to 16777216 MiB"),
    BAD("memory", "16777217", "'16777217' is too large, accepted: a whole number from 1 to"),
    INTEGER("memory", "a whole number from 1 to 16777216 MiB"),

    GOOD("memory-max", "0", NULL),
    GOOD("memory-max", "256", "256"),
    GOOD("memory-max", "16777216", "16777216"),
    BAD("memory-max", "255",
        "memory-max: 255 MiB is less than memory, which is 256 MiB by default, accepted: 0 or at "
        "least 256 MiB"),
    BAD("memory-max", "16777217", "is too large"),
    INTEGER("memory-max", "a whole number from 0 to 16777216 MiB"),

    GOOD("vcpus", "1", NULL),
    GOOD("vcpus", "128", "128"),
    BAD("vcpus", "0", "'0' is too small"),
    BAD("vcpus", "129", "'129' is too large, accepted: a whole number from 1 to 128"),
    INTEGER("vcpus", "a whole number from 1 to 128"),

    GOOD("startup", "started", NULL),
    GOOD("startup", "paused", "paused"),
    GOOD("startup", "shutdown", "shutdown"),
    GOOD("startup", "restore /s/a", "restore /s/a"),
    GOOD("startup", "restore \t /s/a b", "restore /s/a b"),
    GOOD("startup", "restore-del /s/a", "restore-del /s/a"),
    BAD("startup", "", "has no value, accepted: started, paused, shutdown, restore FILE or"),
    BAD("startup", "restore", "'restore' names no file"),
    BAD("startup", "restore-del", "'restore-del' names no file"),
    BAD("startup", "restore s", "'s' is not an absolute path"),
    BAD("startup", "restore:/s/a", "is not known"),
    BAD("startup", "started /s", "'started /s' has something after the mode"),
    BAD("startup", "start", "'start' is not known"),
    BAD("startup", "startedx", "is not known"),

    ACTION("on_halt", "restart"),
    GOOD("on_halt", "reboot", "restart"),
    GOOD("on_halt", "destroy", NULL),
    ACTION("on_reboot", "destroy"),
    GOOD("on_reboot", "reboot", NULL),
    ACTION("on_crash", "restart"),
    GOOD("on_crash", "destroy", NULL),

    GOOD("stop-method", "shutdown", NULL),
    GOOD("stop-method", "suspend", "suspend"),
    GOOD("stop-method", "destroy", "destroy"),
    GOOD("stop-method", "leave", "leave"),
    BAD("stop-method", "reboot",
        "'reboot' is not known, accepted: shutdown, suspend, destroy or leave"),
    BAD("stop-method", "", "has no value, accepted: shutdown"),
    GOOD("stop-fallback", "destroy", NULL),
    GOOD("stop-fallback", "suspend", "suspend"),
    BAD("stop-fallback", "leave", "'leave' is not known, accepted: destroy or suspend"),
    BAD("stop-fallback", "shutdown", "is not known"),
    GOOD("stop-timeout", "300", NULL),
    GOOD("stop-timeout", "1", "1"),
    BAD("stop-timeout", "0", "'0' is too small, accepted: a whole number from 1 to 86400 seconds"),
    INTEGER("stop-timeout", "a whole number from 1 to 86400 seconds"),
    ABSOLUTE_PATH("suspend-dir"),
    GOOD("suspend-dir", "", NULL),

    GOOD("notify", "unix,/run/a b", "unix,/run/a b"),
    GOOD("notify", "unix,/" HUNDRED "012345", "unix,/" HUNDRED "012345"),
    BAD("notify", "unix,/" HUNDRED "0123456", "is too long for a socket's path"),
    BAD("notify", "unix,run", "'unix,run' names no absolute path, accepted: unix,PATH or tcp,"),
    BAD("notify", "unix,", "names no absolute path"),
    GOOD("notify", "tcp,1.2.3.4:1234", "tcp,1.2.3.4:1234"),
    GOOD("notify", "tcp,localhost:65535", "tcp,localhost:65535"),
    GOOD("notify", "tcp,[::1]:1", "tcp,[::1]:1"),
    BAD("notify", "tcp,1.2.3.4", "names no port from 1 to 65535"),
    BAD("notify", "tcp,1.2.3.4:0", "names no port"),
    BAD("notify", "tcp,1.2.3.4:65536", "names no port"),
    BAD("notify", "tcp,:1", "names a host by something else than its address"),
    BAD("notify", "tcp,example.org:1", "names a host by something else than its address"),
    BAD("notify", "tcp,::1:1", "names a host by something else"),
    BAD("notify", "tcp,[1.2.3.4]:1", "names a host by something else"),
    BAD("notify", "tcp,[]:1", "names a host by something else"),
    BAD("notify", "dbus", "'dbus' is not known, accepted: unix,PATH"),
    BAD("notify", "/run/a", "is not known"),
    BAD("notify", "", "has no value"),

    GOOD("allow", "user root status", "user root status"),
    GOOD("allow", "user root restore", "user root restore"),
    GOOD("allow", "group  root\tstatus, halt ,watch", "group  root\tstatus, halt ,watch"),
    BAD("allow", "root status",
        "the word 'root' is neither user nor group, accepted: user NAME COMMAND,COMMAND or group"),
    BAD("allow", "user", "a name is missing"),
    GOOD("allow", "user no-such-user status", "user no-such-user status"),
    BAD("allow", "user root", "a command is missing"),
    BAD("allow", "user root status,", "a command is missing"),
    BAD("allow", "user root ,status", "a command is missing"),
    BAD("allow", "user root statsu", "command 'statsu' is not known"),
    BAD("allow", "user root status pause", "command 'status pause' is not known"),
    BAD("allow", "user root suspend", "command 'suspend' is for root alone"),
    BAD("allow", "user root checkpoint", "command 'checkpoint' is for root alone"),
    BAD("allow", "user root screenshot", "command 'screenshot' is for root alone"),
    BAD("allow", "user root status,disk-add", "command 'disk-add' is for root alone"),
    BAD("allow", "user root nic-network-switch", "is for root alone"),
    BAD("allow", "", "has no value"),

    BOOLEAN("debug"),
    BOOLEAN("no_mem_check"),

    GOOD("disk", "/dev/vg/test:phy:sda:w:disk", "/dev/vg/test:phy:sda:w:disk"),
    BAD("disk", "", "disk: has no value, accepted: physpath:phystype:virtpath:mode:devtype"),
    BAD("disk", "/dev/vg/test:phy:sda:w", "disk: has 4 of its 5 parts, accepted: physpath:"),

    GOOD("nic", "", "id=0"),
    GOOD("nic", "id=3,bridge=xen-br0", "bridge=xen-br0,id=3"),
    BAD("nic", "bridge=xen-br0,mac=ab:ef:fe:dc:ba:ab",
        "mac 'ab:ef:fe:dc:ba:ab' is a multicast address, accepted: random, or"),

    GOOD("pci", "0,bind,0:0:1b.0", "0,bind,0000:00:1b.0"),
    BAD("pci", "", "pci: has no value, accepted: id,[bind,]domain:bus:device.function"),
    GOOD("pci-msitranslate", "0", "0"),
    BAD("pci-msitranslate", "2", "'2' is too large, accepted: a whole number from 0 to 1"),
    GOOD("pci-power-management", "1", "1"),
    BAD("pci-power-management", "yes", "accepted: a whole number from 0 to 1"),

    GOOD("initrd", "/i", "/i"),
    ABSOLUTE_PATH("firmware"),
    ABSOLUTE_PATH("bios"),
    GOOD("bios", "", NULL),
    ABSOLUTE_PATH("qemu-dm-path"),
    GOOD("qemu-dm-user", "xenvm-qemu", "xenvm-qemu"),
    BAD("qemu-dm-user", "-x", "'-x' doesn't begin with a letter or a digit"),
    GOOD("qemu-dm-timeout", "10", "10"),
    GOOD("qemu-dm-timeout", "60", NULL),
    BAD("qemu-dm-timeout", "0", "accepted: a whole number from 1 to 3600 seconds"),
    ON("pae"),
    ON("acpi"),
    ON("apic"),
    ON("nx"),
    ON("hap"),
    ON("hpet"),
    ON("vpt-align"),
    BOOLEAN("viridian"),
    BOOLEAN("nested"),
    BOOLEAN("usb"),
    GOOD("timer-mode", "0", "0"),
    GOOD("timer-mode", "1", NULL),
    BAD("timer-mode", "4", "'4' is too large, accepted: a whole number from 0 to 3"),
    GOOD("timeoffset", "3600", "3600"),
    GOOD("timeoffset", "-3600", "-3600"),
    BAD("timeoffset", "localtime", "is not a whole decimal number"),
    GOOD("videoram", "16", NULL),
    GOOD("videoram", "1", "1"),
    GOOD("videoram", "256", "256"),
    BAD("videoram", "0", "'0' is not known, accepted: 1, 2, 4, 8, 16, 32, 64, 128 or 256"),
    BAD("videoram", "24", "'24' is not known, accepted: 1, 2, 4, 8, 16, 32, 64, 128 or 256"),
    BAD("videoram", "512", "'512' is not known"),
    GOOD("sound", "hda", "hda"),
    GOOD("sound", "none", NULL),
    BAD("sound", "loud", "'loud' is not known, accepted: none, hda, ac97, es1370 or sb16"),
    GOOD("boot", "cd", NULL),
    GOOD("boot", "dc", "dc"),
    GOOD("boot", "n", "n"),
    BAD("boot", "dx", "'dx' has a letter that is no boot device, accepted: the letters a (floppy)"),
    BAD("boot", "dd", "'dd' has a boot device twice"),
    BAD("boot", "", "has no value"),
    GOOD("serial", "pty", NULL),
    GOOD("serial", "none", "none"),
    GOOD("serial", "tcp:1.2.3.4:1234", "tcp:1.2.3.4:1234"),
    BAD("serial", "tcp:1.2.3.4", "'tcp:1.2.3.4' is not known, accepted: none, pty or tcp:ADDRESS"),
    BAD("serial", "tcp:host:1", "is not known"),
    BAD("serial", "tcp:1.2.3.4:0", "names no port from 1 to 65535"),
    BAD("serial", "/dev/ttyS0", "is not known"),
    GOOD("display", "none", NULL),
    GOOD("display", "vnc", "vnc"),
    GOOD("display", "vnc,use-port-unused=false,keymap=de-ch,port=5901",
         "vnc,use-port-unused=false,keymap=de-ch,port=5901"),
    BAD("display", "vnc,port=80", "port '80'"),
    BAD("display", "vnc,colour=1", "colour"),
    BAD("display", "none,port=5901", "is not known"),
    BAD("display", "sdl", "'sdl' is no display of today's device models (use vnc"),
    BAD("display", "intel", "'intel' is no display"),
    BAD("display", "", "has no value"),
    GOOD("bootloader", "pygrub", "pygrub"),
    GOOD("bootloader", "/usr/local/lib/x", "/usr/local/lib/x"),
    GOOD("bootloader", "", NULL),
    BAD("bootloader", "grub", "'grub' is not known, accepted: pygrub, an absolute path or nothing"),
    BAD("bootloader", "./x", "is not known"),
    GOOD("bootloader-args", "--entry=1 -q", "--entry=1 -q"),
    GOOD("bootloader-args", "", NULL),
    BAD("bootloader-args", THOUSAND TEN TEN "wxyz",
        "is 1024 bytes long, accepted: text of at most"),
    GOOD("bootloader-timeout", "1", "1"),
    GOOD("bootloader-timeout", "60", NULL),
    BAD("bootloader-timeout", "0", "'0' is too small, accepted: a whole number from 1 to 3600"),
    GOOD("platform", "a=b", "a=b"),
    GOOD("platform", "a-b_c=", "a-b_c="),
    BAD("platform", "a", "'a' is no name=value"),
    BAD("platform", "../a=b", "is no name=value"),
    BAD("platform", "", "has no value"),
    GOOD("extra-hvm", "device=usb-kbd", "device=usb-kbd"),
    GOOD("extra-hvm", "snapshot", "snapshot"),
    BAD("extra-hvm", "-snapshot", "'-snapshot' names no argument"),
    BAD("extra-hvm", "a b", "names no argument"),
    GOOD("power-management", "2", NULL),
    BAD("power-management", "1",
        "'1': handing the host's power management to a guest needs a "
        "device model that is not made any more"),
    GOOD("oem-features", "0", NULL),
    BAD("oem-features", "3", "(smbios-pt and acpi-pt hand on its tables)"),
    GOOD("inject-sci", "0", NULL),
    BAD("inject-sci", "1", "(xenvm-cmd's trigger presses the guest's buttons)"),

    GOOD("cpuid", "avx2=0", "avx2=0"),
    GOOD("cpuid", "NX=1", "NX=1"),
    BAD("cpuid", "host", "'host' is no feature with 0 or 1, accepted: feature=0 or feature=1"),
    BAD("cpuid", "avx2=x", "is no feature with 0 or 1"),
    BAD("cpuid", "warp=1", "'warp=1' names a feature that Xen does not know"),
    BAD("cpuid", "", "has no value"),

    GOOD("cores-per-socket", "1", "1"),
    GOOD("cores-per-socket", "2", "2"),
    GOOD("cores-per-socket", "64", "64"),
    BAD("cores-per-socket", "0", "'0' is not known, accepted: 1, 2, 4, 8, 16, 32 or 64"),
    BAD("cores-per-socket", "3", "'3' is not known, accepted: 1, 2, 4, 8, 16, 32 or 64"),
    BAD("cores-per-socket", "128", "'128' is not known"),
    BAD("cores-per-socket", "", "has no value, accepted: 1, 2"),

    BOOLEAN("smbios-pt"),
    GOOD("smbios-oem-type-pt", "128", "128"),
    GOOD("smbios-oem-type-pt", "255", "255"),
    BAD("smbios-oem-type-pt", "127", "'127' is too small, accepted: a whole number from 128 to"),
    INTEGER("smbios-oem-type-pt", "a whole number from 128 to 255"),
    BOOLEAN("acpi-pt"),
    BOOLEAN("diskinfo-pt"),

};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* What says that the guest is of a kind that the key means something for. */
static const char *type_line(const char *name)
{
    const struct config_key *key = config_key_find(name);

    if (key->guests & GUEST_PV)
        return "";
    return key->guests & GUEST_PVH ? "type = pvh\n" : "type = hvm\n";
}

/* What another key has to be for each value of this one to be accepted. */
static const char *company_line(const char *name)
{
    static const struct {
        const char *key, *line;
    } companies[] = {
        { "videoram", "memory = 512\n" },
        { "cores-per-socket", "vcpus = 64\n" },
        { "smbios-oem-type-pt", "smbios-pt = true\n" },
    };

    for (size_t i = 0; i < sizeof(companies) / sizeof(companies[0]); i++)
        if (strcmp(companies[i].key, name) == 0)
            return companies[i].line;
    return "";
}

static struct vm_config *parse_row(const struct row *row, const char *name,
                                   struct config_report *report)
{
    bool kernel = strcmp(row->key, "kernel") != 0;
    struct vm_config *config;
    char *text;

    assert_true(asprintf(&text, "%s%s = %s\n%s%s", kernel ? "kernel = /k\n" : "", name, row->value,
                         type_line(name), company_line(name)) > 0);
    config = config_parse("f", text, strlen(text), 0, report);
    free(text);
    return config;
}

/* Takes the line out of a text, where it is there. */
static void cut(char *text, const char *line)
{
    char *place = strstr(text, line);

    if (place)
        memmove(place, place + strlen(line), strlen(place + strlen(line)) + 1);
}

static void check_good(const struct row *row, const struct vm_config *config,
                       const struct config_report *report)
{
    bool kernel = strcmp(row->key, "kernel") == 0;
    char *text, *expected;

    if (!config)
        fail_msg("%s = %s: refused: %s", row->key, row->value, report->messages[0].text);
    assert_int_equal(report->count, 0);
    text = config_to_text(config, CONFIG_CHANGED);
    cut(text, type_line(row->key));
    cut(text, company_line(row->key));
    if (*type_line(row->key))
        cut(text, "hvm = true\n");
    if (kernel)
        assert_true(asprintf(&expected, "kernel = %s\n", row->written) > 0);
    else if (row->written)
        assert_true(asprintf(&expected, "%s = %s\n", row->key, row->written) > 0);
    else
        expected = strdup("kernel = /k\n");
    if (!strstr(text, expected) || (!row->written && strcmp(text, expected) != 0))
        fail_msg("%s = %s: written as:\n%s", row->key, row->value, text);
    free(text);
    free(expected);
}

static void check_bad(const struct row *row, const struct vm_config *config,
                      const struct config_report *report)
{
    char *start;
    unsigned int line = strcmp(row->key, "kernel") == 0 ? 1 : 2;

    if (config)
        fail_msg("%s = %s: taken", row->key, row->value);
    assert_int_equal(report->count, 1);
    assert_int_equal(report->errors, 1);
    assert_int_equal(report->messages[0].level, CONFIG_ERROR);
    assert_true(asprintf(&start, "f:%u: %s: ", line, row->key) > 0);
    if (strncmp(report->messages[0].text, start, strlen(start)) != 0 ||
        !strstr(report->messages[0].text, row->says))
        fail_msg("%s = %s: the message is: %s", row->key, row->value, report->messages[0].text);
    free(start);
}

static void test_values(void **state)
{
    for (size_t i = 0; i < ROWS; i++) {
        struct config_report report;
        struct vm_config *config = parse_row(&rows[i], rows[i].key, &report);

        if (rows[i].says)
            check_bad(&rows[i], config, &report);
        else
            check_good(&rows[i], config, &report);
        config_free(config);
        config_report_free(&report);
    }
}

/* Whether some row has a good value (or a bad one) for the key. */
static bool has_row(const char *key, bool good)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].key, key) == 0 && (good == !rows[i].says))
            return true;
    }
    return false;
}

static void test_every_key_has_rows(void **state)
{
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];

        if (!has_row(key->name, false) || !has_row(key->name, true))
            fail_msg("%s: the test table lacks a row", key->name);
    }
    for (size_t i = 0; i < ROWS; i++) {
        if (!config_key_find(rows[i].key))
            fail_msg("%s: a row of the test table, but no key", rows[i].key);
    }
}

/* An integer's limits in the table are themselves good, and one beyond them is bad. */
static void test_limits(void **state)
{
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        const long long values[] = { key->min, key->max, key->min - 1, key->max + 1 };

        if (key->type != KEY_INT)
            continue;
        for (size_t j = 0; j < 4; j++) {
            char value[32];
            struct row row = { .key = key->name, .value = value };
            struct config_report report;
            struct vm_config *config;

            snprintf(value, sizeof(value), "%lld", values[j]);
            config = parse_row(&row, key->name, &report);
            if (!config != (j >= 2))
                fail_msg("%s = %s: %s", key->name, value, config ? "taken" : "refused");
            config_free(config);
            config_report_free(&report);
        }
    }
}

/* An alias does as the name does, and messages use the one that was given. */
static void test_aliases(void **state)
{
    for (size_t i = 0; i < ROWS; i++) {
        const struct config_key *key = config_key_find(rows[i].key);
        struct config_report report;
        struct vm_config *config;
        char *start;

        if (!key->alias)
            continue;
        config = parse_row(&rows[i], key->alias, &report);
        assert_int_equal(!config, rows[i].says != NULL);
        assert_true(asprintf(&start, "f:2: %s: ", key->alias) > 0);
        if (rows[i].says)
            assert_memory_equal(report.messages[0].text, start, strlen(start));
        else
            check_good(&rows[i], config, &report);
        free(start);
        config_free(config);
        config_report_free(&report);
    }
}

static void test_table(void **state)
{
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];

        assert_ptr_equal(config_key_find(key->name), key);
        if (key->alias)
            assert_ptr_equal(config_key_find(key->alias), key);
        assert_non_null(key->help);
        assert_true(key->guests != 0 && (key->guests & ~(unsigned int)GUEST_ALL) == 0);
        assert_int_equal(key->type == KEY_WORD, key->words != NULL);
        assert_int_equal(key->type == KEY_FIELDS || key->type == KEY_TEXT, key->format != NULL);
        assert_int_equal(key->type == KEY_TEXT, key->check != NULL);
        assert_true(key->type != KEY_INT || key->min < key->max);
        assert_true(key->type != KEY_FIELDS || key->devices);
        assert_true(!key->devices || (key->type == KEY_FIELDS && key->repeatable));
    }
}

static void test_defaults(void **state)
{
    struct vm_config *config = config_new();
    char *text = config_to_text(config, CONFIG_CHANGED);

    assert_string_equal(text, "");
    assert_true(uuid_is_null(config->uuid));
    assert_null(config->name);
    assert_null(config->kernel);
    assert_null(config->initrd);
    assert_null(config->cmdline);
    assert_null(config->output);
    assert_null(config->startup_file);
    assert_int_equal(config->type, GUEST_PV);
    assert_false(config->debug);
    assert_false(config->no_mem_check);
    assert_int_equal(config->memory, 256);
    assert_int_equal(config->memory_max, 0);
    assert_int_equal(config->vcpus, 1);
    assert_int_equal(config->startup, STARTUP_STARTED);
    assert_int_equal(config->on_halt, END_DESTROY);
    assert_int_equal(config->on_reboot, END_RESTART);
    assert_int_equal(config->on_crash, END_DESTROY);
    free(text);
    config_free(config);
    config_free(NULL);
}

static void test_action_names(void **state)
{
    assert_string_equal(end_action_name(END_DESTROY), "destroy");
    assert_string_equal(end_action_name(END_RESTART), "restart");
    assert_string_equal(end_action_name(END_PRESERVE), "preserve");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),       cmocka_unit_test(test_every_key_has_rows),
        cmocka_unit_test(test_limits),       cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_table),        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_action_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

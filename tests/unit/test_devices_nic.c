/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values of nic: good ones, bad ones, limits, rates and MAC addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "config/nic.h"
#include "tests/unit/device_rows.h"

#define TEN "0123456789"

static const uuid_t vm = { 0x3f, 0x2a, 0x9c, 0x04, 0x5b, 0x1e, 0x4f, 0x6d,
                           0x8a, 0x77, 0x0c, 0x1d, 0x2e, 0x3f, 0x4a, 0x5b };
static const uuid_t vm1 = { [15] = 1 };

static char *rewrite_nic(const char *value, char **error)
{
    struct nic *nic = nic_parse(value, error);
    char *text = nic ? nic_text(nic) : NULL;

    nic_free(nic);
    return text;
}

#define BRIDGE_ACCEPTS "is no name of an interface, accepted: 1 to 15 bytes without / : , and"

static const struct row nic_rows[] = {
    SAME(""),
    SAME("bridge=xen-br0,mac=aa:ef:fe:dc:ba:ab"),
    GOOD("mac=02:EF:FE:DC:BA:AB", "mac=02:ef:fe:dc:ba:ab"),
    SAME("mac=random"),
    SAME("mac=00:00:00:00:00:01"),
    SAME("mac=fe:ff:ff:ff:ff:ff"),
    SAME("id=0"),
    SAME("id=99"),
    SAME("bridge=012345678901234"),
    SAME("bridge=a=b"),
    SAME("bridge=..."),
    SAME("model=e1000-82540em"),
    GOOD("backend-domid=0", ""),
    GOOD("rate=10Mb/s,backend-domid=5,model=rtl8139,id=3,mac=00:16:3e:00:00:00,bridge=br0",
         "bridge=br0,mac=00:16:3e:00:00:00,id=3,model=rtl8139,backend-domid=5,rate=1250KB/s"),

    /* The original's document has this one in its examples. */
    BAD("mac=ab:ef:fe:dc:ba:ab", "mac 'ab:ef:fe:dc:ba:ab' is a multicast address, accepted: "
                                 "random, or six bytes as 02:16:3e:0a:0b:0c, not all zero and"),
    BAD("mac=ff:ff:ff:ff:ff:ff", "is a multicast address"),
    BAD("mac=00:00:00:00:00:00", "is all zero"),
    BAD("mac=", "mac '' is no MAC address"),
    BAD("mac=Random", "is no MAC address"),
    BAD("mac=02:16:3e:0a:0b", "is no MAC address"),
    BAD("mac=02:16:3e:0a:0b:0c:0d", "is no MAC address"),
    BAD("mac=2:16:3e:0a:0b:0c", "is no MAC address"),
    BAD("mac=02-16-3e-0a-0b-0c", "is no MAC address"),
    BAD("mac=02:16:3e:0a:0b:0g", "is no MAC address"),
    BAD("mac=02:16:3e:0a:0b:0c ", "is no MAC address"),
    BAD("bridge=", "bridge '' " BRIDGE_ACCEPTS),
    BAD("bridge=0123456789012345", "bridge '0123456789012345' " BRIDGE_ACCEPTS),
    BAD("bridge=.", "bridge '.' " BRIDGE_ACCEPTS),
    BAD("bridge=..", "bridge '..' " BRIDGE_ACCEPTS),
    BAD("bridge=a/b", "bridge 'a/b' " BRIDGE_ACCEPTS),
    BAD("bridge=a:b", "bridge 'a:b' " BRIDGE_ACCEPTS),
    BAD("bridge=a b", "bridge 'a b' " BRIDGE_ACCEPTS),
    BAD("bridge=a\tb", "bridge 'a\tb' " BRIDGE_ACCEPTS),
    BAD("bridge=\xc3\xa0", BRIDGE_ACCEPTS),
    BAD("bridge=a\x01", "control character 0x01 in column 9"),
    BAD("id=100", "id '100' is too large, accepted: a whole number from 0 to 99"),
    BAD("id=-1", "id '-1' is too small"),
    BAD("id=x", "id 'x' is not a whole decimal number"),
    BAD("model=", "model '' is no such name"),
    BAD("model=a/b", "model 'a/b' is no such name"),
    BAD("model=" TEN TEN TEN "ab", "is no such name, accepted: 1 to 31 letters"),
    BAD("backend-domid=32752", "backend-domid '32752' is too large"),
    BAD("rate=fast", "rate 'fast' is no such rate, accepted: NUMBER[K|M|G](B|b)/s[@NUMBER(us|ms"),
    BAD("id=1,id=2", "id is given twice, accepted: once"),
    BAD("id=1,",
        "has an empty part, accepted: bridge=, mac=, id=, model=, backend-domid= or rate="),
    BAD(",", "has an empty part"),
    BAD("id=1,,mac=random", "has an empty part"),
    BAD("br0", "part 'br0' has no '=', accepted: bridge="),
    BAD("network=br0", "part 'network=br0' is not known, accepted: bridge="),
    BAD("bridge=br0, id=1", "part ' id=1' is not known"),
    BAD("MAC=random", "part 'MAC=random' is not known"),
};

static void test_nic_values(void **state)
{
    check_rows(rewrite_nic, nic_rows, sizeof(nic_rows) / sizeof(nic_rows[0]));
}

static void test_nic_fields(void **state)
{
    char *error;
    struct nic *nic = nic_parse("", &error);

    assert_string_equal(nic->bridge, "");
    assert_int_equal(nic->mac_kind, NIC_MAC_DERIVED);
    assert_int_equal(nic->id, NIC_NO_ID);
    assert_null(nic->model);
    assert_int_equal(nic->backend_domid, 0);
    assert_int_equal(nic->rate.bytes_per_interval, 0);
    assert_null(nic_set_bridge(nic, "br1"));
    assert_string_equal(nic->bridge, "br1");
    error = nic_set_bridge(nic, "a,id=7");
    assert_non_null(strstr(error, "bridge 'a,id=7' " BRIDGE_ACCEPTS));
    free(error);
    error = nic_set_bridge(nic, "a\n");
    assert_non_null(strstr(error, "bridge: control character 0x0a"));
    free(error);
    assert_string_equal(nic->bridge, "br1");
    nic_free(nic);
    nic_free(NULL);
}

static void test_good_rates(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes, interval_us;
        const char *written; /* NULL: the same */
    } good[] = {
        /* The examples of xl-network-configuration(5). */
        { "10Mb/s", 62500, 50000, "1250KB/s" },
        { "250KB/s", 12500, 50000, NULL },
        { "1MB/s@20ms", 20000, 20000, NULL },

        { "20B/s", 1, 50000, NULL },
        { "1B/s@1s", 1, 1000000, NULL },
        { "8b/s@1s", 1, 1000000, "1B/s@1s" },
        { "1GB/s@1ms", 1000000, 1000, NULL },
        { "1GB/s@1000us", 1000000, 1000, "1GB/s@1ms" },
        { "1GB/s@1001us", 1001000, 1001, NULL },
        { "1GB/s@50ms", 50000000, 50000, "1GB/s" },
        { "999999999999B/s@1s", 999999999999, 1000000, NULL },
        { "8000Gb/s@4294s", 4294000000000000, 4294000000, "1000GB/s@4294s" },
        { "1000GB/s@4294967295us", 4294967295000000, 4294967295, NULL },
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct nic_rate rate = { 0 };
        char *text;

        assert_null(rate_parse("rate", good[i].text, &rate));
        assert_int_equal(rate.bytes_per_interval, good[i].bytes);
        assert_int_equal(rate.interval_us, good[i].interval_us);
        text = rate_text(&rate);
        assert_string_equal(text, good[i].written ? good[i].written : good[i].text);
        free(text);
    }
}

static void test_bad_rates(void **state)
{
    static const char *const bad[] = {
        "",
        "10",
        "10Mb",
        "10MB",
        "10mb/s",
        "Mb/s",
        "-1B/s",
        "0B/s",
        "0GB/s",
        "10Mb/s@",
        "10Mb/s@20",
        "10Mb/s@ms",
        "10Mb/s20ms",
        "10Mb/s@1m",
        "10Mb/s@999us",
        "10Mb/s@0s",
        "10Mb/s@1ms@1ms",
        "10Mb/sx",
        "19B/s",
        "7b/s@1s",
        "1001GB/s",
        "10 Mb/s",
        "10Mb/s@1ms ",
        "10Mb/s@4295s",
        "0x10B/s",
        "10MMb/s@1s",
        "10B/s@4294967296us",
        "99999999999999999999999B/s",
        "8001Gb/s",
        "1000000000001B/s",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct nic_rate rate = { 0 };
        char *error = rate_parse("rate", bad[i], &rate);

        if (!error || !strstr(error, ", accepted: NUMBER") || rate.interval_us != 0)
            fail_msg("%s: %s", bad[i], error ? error : "taken");
        free(error);
    }
}

static void check_mac(const uuid_t uuid, unsigned int id, const char *expected)
{
    unsigned char mac[NIC_MAC_SIZE];
    char text[NIC_MAC_TEXT_SIZE];

    nic_mac_derive(uuid, id, mac);
    nic_mac_text(mac, text);
    assert_string_equal(text, expected);
}

/* The expected ones are from Python's uuid.uuid5(), which knows nothing of this code. */
static void test_derived_macs(void **state)
{
    unsigned char mac[NIC_MAC_SIZE], other[NIC_MAC_SIZE];

    check_mac(vm, 0, "32:0d:33:a3:fb:16");
    check_mac(vm, 1, "f2:80:81:8a:cf:ad");
    check_mac(vm, 99, "76:a7:5b:ed:07:50");
    check_mac(vm1, 0, "26:50:15:92:9a:6a");
    for (unsigned int id = 0; id <= NIC_ID_MAX; id++) {
        nic_mac_derive(vm, id, mac);
        assert_int_equal(mac[0] & 3, 2);
        for (unsigned int before = 0; before < id; before++) {
            nic_mac_derive(vm, before, other);
            assert_memory_not_equal(mac, other, NIC_MAC_SIZE);
        }
    }
}

static void test_macs(void **state)
{
    char *error;
    struct nic *given = nic_parse("mac=00:16:3e:01:02:03,id=1", &error);
    struct nic *derived = nic_parse("id=1", &error);
    struct nic *random = nic_parse("id=1,mac=random", &error);
    unsigned char mac[NIC_MAC_SIZE], other[NIC_MAC_SIZE];

    nic_mac(given, vm, mac);
    assert_memory_equal(mac, "\x00\x16\x3e\x01\x02\x03", NIC_MAC_SIZE);
    nic_mac(derived, vm, mac);
    nic_mac_derive(vm, 1, other);
    assert_memory_equal(mac, other, NIC_MAC_SIZE);
    for (int i = 0; i < 100; i++) {
        nic_mac(random, vm, mac);
        assert_int_equal(mac[0] & 3, 2);
        nic_mac(random, vm, other);
        assert_memory_not_equal(mac, other, NIC_MAC_SIZE);
    }
    nic_free(given);
    nic_free(derived);
    nic_free(random);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nic_values),   cmocka_unit_test(test_nic_fields),
        cmocka_unit_test(test_good_rates),   cmocka_unit_test(test_bad_rates),
        cmocka_unit_test(test_derived_macs), cmocka_unit_test(test_macs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

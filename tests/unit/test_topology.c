/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sockets and cores that a guest finds, reckoned as Linux does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "worker/topology.h"

/* A field of what is forced; each of its bits has to be. */
static unsigned int field(const struct topology_leaf *leaf, unsigned int first, unsigned int count)
{
    unsigned int value = 0;

    assert_int_equal(strlen(leaf->bits), TOPOLOGY_BITS);
    for (unsigned int i = count; i-- > 0;) {
        char bit = leaf->bits[TOPOLOGY_BITS - 1 - first - i];

        assert_true(bit == '0' || bit == '1');
        value = value << 1 | (bit == '1');
    }
    return value;
}

static unsigned int left_alone(const struct topology_leaf *leaf)
{
    unsigned int count = 0;

    for (unsigned int i = 0; i < TOPOLOGY_BITS; i++)
        count += leaf->bits[i] == 'x';
    return count;
}

/* arch/x86/kernel/cpu/common.c, detect_ht(): how many bits of the APIC id are below the socket. */
static unsigned int socket_shift(unsigned int ids)
{
    unsigned int shift = 0;

    while (1u << shift < ids)
        shift++;
    return shift;
}

/* CPU n has the APIC id 2n, and `cores` of them in a row one socket. */
static void finds_sockets(unsigned int cores, unsigned int shift)
{
    for (unsigned int cpu = 0; cpu < 128; cpu++)
        assert_int_equal(2 * cpu >> shift, cpu / cores);
}

static void test_amd(void **state)
{
    for (unsigned int cores = 1; cores <= 64; cores *= 2) {
        struct topology_leaf leaves[TOPOLOGY_LEAVES];

        topology_describe(cores, true, leaves);
        assert_int_equal(leaves[0].leaf, 1);
        assert_int_equal(leaves[0].reg, 1);
        assert_int_equal(left_alone(&leaves[0]), 24);
        finds_sockets(cores, socket_shift(field(&leaves[0], 16, 8)));
        assert_true(leaves[1].leaf == 0x80000008);
        assert_int_equal(leaves[1].reg, 2);
        assert_int_equal(left_alone(&leaves[1]), 20);
        finds_sockets(cores, field(&leaves[1], 12, 4));
        /* As many ids as cores: no threads. */
        assert_int_equal(field(&leaves[0], 16, 8), field(&leaves[1], 0, 8) + 1);
    }
}

static void test_intel(void **state)
{
    for (unsigned int cores = 1; cores <= 64; cores *= 2) {
        struct topology_leaf leaves[TOPOLOGY_LEAVES];

        topology_describe(cores, false, leaves);
        finds_sockets(cores, socket_shift(field(&leaves[0], 16, 8)));
        assert_int_equal(leaves[1].leaf, 4);
        assert_int_equal(leaves[1].subleaf, 0);
        assert_int_equal(leaves[1].reg, 0);
        assert_int_equal(left_alone(&leaves[1]), 14);
        assert_int_equal(field(&leaves[1], 14, 12), 0);
        /* The field ends at 64. */
        assert_int_equal(field(&leaves[1], 26, 6) + 1, cores < 64 ? 2 * cores : 64);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_amd),
        cmocka_unit_test(test_intel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

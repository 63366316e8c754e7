/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/topology.h"

#include <string.h>

/*
 * Xen gives virtual CPU n the APIC id 2n: each looks like the first of two threads of a core, the
 * second of which is not there. So a socket has twice as many ids as cores, and all that is said
 * here is said of ids. Where that many are a power of two, a socket's have their upper bits in
 * common, which is what makes a guest find its sockets.
 */
enum {
    LEAF_FEATURES = 1,
    LEAF_CACHES = 4,
    EAX = 0,
    EBX = 1,
    ECX = 2,
    CORES_FIELD_MAX = 63, /* of leaf 4: one less than there are */
};

#define LEAF_SIZES 0x80000008u

static void start(struct topology_leaf *leaf, uint32_t number, uint32_t subleaf, unsigned int reg)
{
    *leaf = (struct topology_leaf){ .leaf = number, .subleaf = subleaf, .reg = reg };
    memset(leaf->bits, 'x', TOPOLOGY_BITS);
}

/* Puts a number into `count` bits, the lowest of which is `first`. */
static void put(struct topology_leaf *leaf, unsigned int first, unsigned int count,
                unsigned int value)
{
    for (unsigned int i = 0; i < count; i++)
        leaf->bits[TOPOLOGY_BITS - 1 - first - i] = value >> i & 1 ? '1' : '0';
}

static unsigned int logarithm(unsigned int power)
{
    unsigned int bits = 0;

    while (power >>= 1)
        bits++;
    return bits;
}

void topology_describe(unsigned int cores, bool amd, struct topology_leaf leaves[TOPOLOGY_LEAVES])
{
    unsigned int ids = 2 * cores;

    start(&leaves[0], LEAF_FEATURES, TOPOLOGY_ANY, EBX);
    put(&leaves[0], 16, 8, ids);
    if (amd) {
        start(&leaves[1], LEAF_SIZES, TOPOLOGY_ANY, ECX);
        put(&leaves[1], 0, 8, ids - 1);
        put(&leaves[1], 12, 4, logarithm(ids));
    } else {
        start(&leaves[1], LEAF_CACHES, 0, EAX);
        put(&leaves[1], 26, 6, ids - 1 < CORES_FIELD_MAX ? ids - 1 : CORES_FIELD_MAX);
        put(&leaves[1], 14, 12, 0); /* no two share a cache, as libxenguest has it */
    }
}

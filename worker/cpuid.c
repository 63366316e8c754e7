/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <cpuid.h>
#include <stdlib.h>
#include <string.h>

#include "worker/build.h"
#include "worker/topology.h"

enum { FEATURE_WORDS = 32 }; /* more than Xen has */

/*
 * The features that Xen shows such a guest, with the order's changes. How many words; 0 where none
 * are to be changed, and a negative number after a failure.
 */
static int choose_features(struct worker *worker, uint32_t words[FEATURE_WORDS])
{
    const char *type = message_get(worker->order, "type"), *list;
    uint32_t count = FEATURE_WORDS;

    list = message_get(worker->order, "features");
    if (!list || !*list)
        return 0;
    if (xc_get_cpu_featureset(worker->xch,
                              strcmp(type, "pv") ? XEN_SYSCTL_cpu_featureset_hvm
                                                 : XEN_SYSCTL_cpu_featureset_pv,
                              &count, words))
        return -1;
    while (*list) {
        char *end;
        unsigned long bit = strtoul(list, &end, 10);

        if (*end != '=' || bit >= FEATURE_WORDS * 32UL)
            break;
        words[bit / 32] &= ~(1u << bit % 32);
        words[bit / 32] |= (uint32_t)(end[1] == '1') << bit % 32;
        list = end + 2;
    }
    return (int)count;
}

static bool is_amd(void)
{
    unsigned int highest, name[3];

    return __get_cpuid(0, &highest, &name[0], &name[2], &name[1]) &&
           (!memcmp(name, "AuthenticAMD", sizeof(name)) ||
            !memcmp(name, "HygonGenuine", sizeof(name)));
}

/* The order's topology in the library's form, which ends with a leaf that is none; NULL for none.
 */
static const struct xc_xend_cpuid *describe_topology(struct worker *worker)
{
    static struct topology_leaf leaves[TOPOLOGY_LEAVES];
    static struct xc_xend_cpuid changes[TOPOLOGY_LEAVES + 1];
    unsigned int cores = (unsigned int)message_number(worker->order, "cores-per-socket", 0);

    if (cores == 0)
        return NULL;
    topology_describe(cores, is_amd(), leaves);
    for (size_t i = 0; i < TOPOLOGY_LEAVES; i++) {
        changes[i].leaf = leaves[i].leaf;
        changes[i].subleaf = leaves[i].subleaf;
        changes[i].policy[leaves[i].reg] = leaves[i].bits;
    }
    changes[TOPOLOGY_LEAVES].leaf = XEN_CPUID_INPUT_UNUSED;
    return changes;
}

int build_set_cpuid(struct worker *worker, bool restoring)
{
    uint32_t words[FEATURE_WORDS] = { 0 };
    int count = choose_features(worker, words);

    if (count < 0)
        return -1;
    return xc_cpuid_apply_policy(worker->xch, worker->domid, restoring, count ? words : NULL,
                                 (unsigned int)count, message_number(worker->order, "pae", 1) != 0,
                                 false, message_number(worker->order, "nested", 0) != 0,
                                 describe_topology(worker), NULL);
}

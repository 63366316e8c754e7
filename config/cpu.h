/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_CONFIG_CPU_H
#define XENVM_CONFIG_CPU_H

/*
 * What a processor can do, by the names and numbers that Xen's xen/arch-x86/cpufeatureset.h has,
 * the names in lower case.
 */

#include <stdbool.h>

#define CPUID_FORMAT "feature=0 or feature=1, the feature by Xen's name: avx2, rdrand, nx"

/* Numbers of bits in Xen's featureset. */
enum {
    CPU_FEATURE_PAE = 0 * 32 + 6,
    CPU_FEATURE_VMX = 1 * 32 + 5,
    CPU_FEATURE_NX = 2 * 32 + 20,
    CPU_FEATURE_SVM = 3 * 32 + 2,
};

/* NULL, or what is wrong with a value of the key, malloc'd. */
char *cpuid_check(const char *text);

/* Reads a value that is good: the number of the feature's bit, and what it is to be. */
unsigned int cpuid_read(const char *text, bool *present);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_WORKER_TOPOLOGY_H
#define XENVM_WORKER_TOPOLOGY_H

/* How a guest's processors tell that several of them are the cores of one socket. */

#include <stdbool.h>
#include <stdint.h>

enum { TOPOLOGY_LEAVES = 2, TOPOLOGY_BITS = 32, TOPOLOGY_REGISTERS = 4 };

/* Some bits of one register of a leaf of CPUID. */
struct topology_leaf {
    uint32_t leaf, subleaf; /* subleaf is TOPOLOGY_ANY where the leaf has none */
    unsigned int reg;       /* 0 to 3: eax to edx */
    /* '0' or '1', or 'x' for what is left alone; the highest bit first, as xenctrl.h has it */
    char bits[TOPOLOGY_BITS + 1];
};

#define TOPOLOGY_ANY 0xffffffffu

/*
 * `cores` is a power of two from 1 to 64. AMD's processors tell it in another leaf than Intel's:
 * AMD64 Architecture Programmer's Manual, volume 3, appendix E; Intel 64 Software Developer's
 * Manual, volume 2, CPUID.
 */
void topology_describe(unsigned int cores, bool amd, struct topology_leaf leaves[TOPOLOGY_LEAVES]);

#endif

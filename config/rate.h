/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_CONFIG_RATE_H
#define XENVM_CONFIG_RATE_H

/* What a network card may send: `rate` in xl-network-configuration(5) of Xen. */

#include <stdbool.h>
#include <stdint.h>

#define RATE_FORMAT "NUMBER[K|M|G](B|b)/s[@NUMBER(us|ms|s)]"

/* All 0: no limit. */
struct nic_rate {
    uint64_t bytes_per_second;
    uint64_t bytes_per_interval; /* with interval_us, the node `rate` of a network backend */
    uint32_t interval_us;
};

/*
 * Reads a rate: bytes or bits each second, K, M and G being powers of 1000, and how often the
 * credit is filled up, 50 ms where that isn't given. NULL, or what is wrong with it and what is
 * accepted, malloc'd; `part` is its name there.
 */
char *rate_parse(const char *part, const char *text, struct nic_rate *rate);

/* As text that rate_parse() reads, malloc'd. */
char *rate_text(const struct nic_rate *rate);

#endif

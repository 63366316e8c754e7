/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/rate.h"

#include <stdlib.h>
#include <string.h>

#include "config/fields.h"
#include "config/text.h"

#define DEFAULT_INTERVAL_US 50000u
/* A network backend counts in whole milliseconds: with less than one there would be no limit. */
#define MIN_INTERVAL_US 1000u
/* Far above what any card does, and far from what overflows: 1000 GB/s. */
#define MAX_BYTES_PER_SECOND 1000000000000ull

static const char accepts[] =
    RATE_FORMAT ", of 1 byte each interval to 1000 GB/s, and intervals of 1 ms to 4294 s";

struct unit {
    const char *name;
    uint32_t factor;
};

/* The largest one first; the writer takes the first that fits. */
static const struct unit multiples[] = {
    { "G", 1000000000 },
    { "M", 1000000 },
    { "K", 1000 },
    { "", 1 },
};
static const struct unit intervals[] = {
    { "s", 1000000 },
    { "ms", 1000 },
    { "us", 1 },
};

enum { MULTIPLES = 4, INTERVALS = 3 };

/* Reads digits. Returns what follows them, or NULL where there are none or far too many. */
static const char *read_digits(const char *text, uint64_t *number)
{
    const char *digit = text;

    *number = 0;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        *number = *number * 10 + (uint64_t)(*digit - '0');
        if (*number > MAX_BYTES_PER_SECOND * 8)
            return NULL;
    }
    return digit > text ? digit : NULL;
}

/* Reads `10Mb/s` up to the interval. Returns what follows, or NULL. */
static const char *read_speed(const char *text, uint64_t *bytes)
{
    const char *rest = read_digits(text, bytes);
    uint32_t factor = 1;

    for (size_t i = 0; rest && *rest && i < MULTIPLES; i++) {
        if (*rest == multiples[i].name[0]) {
            factor = multiples[i].factor;
            rest++;
            break;
        }
    }
    if (!rest || (strncmp(rest, "B/s", 3) != 0 && strncmp(rest, "b/s", 3) != 0))
        return NULL;
    if (__builtin_mul_overflow(*bytes, factor, bytes))
        return NULL;
    if (*rest == 'b')
        *bytes /= 8;
    return *bytes <= MAX_BYTES_PER_SECOND ? rest + 3 : NULL;
}

/* Reads all of `@20ms`. */
static bool read_interval(const char *text, uint32_t *interval)
{
    const char *unit;
    uint64_t number;

    if (*text++ != '@')
        return false;
    unit = read_digits(text, &number);
    for (size_t i = 0; unit && i < INTERVALS; i++) {
        if (strcmp(unit, intervals[i].name) != 0)
            continue;
        if (number * intervals[i].factor < MIN_INTERVAL_US ||
            number > UINT32_MAX / intervals[i].factor)
            return false;
        *interval = (uint32_t)number * intervals[i].factor;
        return true;
    }
    return false;
}

/* Whole microseconds first: the product of both numbers can have more than 64 bits. */
static uint64_t per_interval(const struct nic_rate *rate)
{
    const uint64_t second_us = 1000000;

    return rate->bytes_per_second / second_us * rate->interval_us +
           rate->bytes_per_second % second_us * rate->interval_us / second_us;
}

char *rate_parse(const char *part, const char *text, struct nic_rate *rate)
{
    struct nic_rate result = { .interval_us = DEFAULT_INTERVAL_US };
    const char *rest = read_speed(text, &result.bytes_per_second);

    if (!rest || (*rest && !read_interval(rest, &result.interval_us)))
        return fields_wrong(part, text, "is no such rate", accepts);
    result.bytes_per_interval = per_interval(&result);
    if (result.bytes_per_interval == 0)
        return fields_wrong(part, text, "is too small", accepts);
    *rate = result;
    return NULL;
}

static const struct unit *largest(const struct unit *units, uint64_t number)
{
    while (number % units->factor != 0)
        units++;
    return units;
}

char *rate_text(const struct nic_rate *rate)
{
    const struct unit *multiple = largest(multiples, rate->bytes_per_second);
    const struct unit *interval = largest(intervals, rate->interval_us);
    char *text = config_format(
        "%llu%sB/s", (unsigned long long)rate->bytes_per_second / multiple->factor, multiple->name);
    char *longer;

    if (rate->interval_us == DEFAULT_INTERVAL_US)
        return text;
    longer = config_format("%s@%u%s", text, rate->interval_us / interval->factor, interval->name);
    free(text);
    return longer;
}

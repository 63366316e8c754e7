/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xen/features.h>

#include "worker/acpi.h"

/*
 * Below 4 GiB, from the ACPI tables on, a PVH guest has no memory: there are the tables, its local
 * APICs, and the pages that it shares with Xen (xen/tools/libs/light/libxl_dom.c).
 */
#define GIB_4          (4ULL << 30)
#define HOLE_START     0xfc000000ULL
#define SPECIAL_END    ((uint64_t)X86_HVM_END_SPECIAL_REGION << XC_PAGE_SHIFT)
#define SPECIAL_SIZE   ((uint64_t)X86_HVM_NR_SPECIAL_PAGES << XC_PAGE_SHIFT)
#define OLD_LINUX_RSDP (0x100000u - 64)

enum { MIB_SHIFT = 20, PAGES_PER_MIB = 256, MAP_MAX = 5 };

static unsigned long lay_out(struct worker *worker, struct xc_dom_image *dom)
{
    uint64_t size = (uint64_t)build_memory_max(worker) << MIB_SHIFT;

    dom->target_pages = build_memory(worker) * PAGES_PER_MIB;
    dom->mmio_start = HOLE_START;
    dom->mmio_size = GIB_4 - HOLE_START;
    dom->lowmem_end = size < HOLE_START ? size : HOLE_START;
    dom->highmem_end = size < HOLE_START ? 0 : GIB_4 + size - HOLE_START;
    return build_memory_max(worker);
}

/* A range of memory that holds tables. */
static void add_module(struct xc_dom_image *dom, unsigned int number, void *data, size_t size,
                       uint64_t address)
{
    dom->acpi_modules[number].data = data;
    dom->acpi_modules[number].length = (uint32_t)size;
    dom->acpi_modules[number].guest_addr_out = address;
}

/* The library tells the guest that the first table is where the first module is. */
static void make_tables(struct worker *worker, struct xc_dom_image *dom)
{
    unsigned int vcpus = (unsigned int)message_number(worker->order, "vcpus", 1);
    unsigned char *room = calloc(1, ACPI_ROOM);
    const char *system = xc_dom_guest_os(dom);

    if (!room)
        abort();
    size_t size = acpi_build(room, (uint32_t)HOLE_START, vcpus, vcpus);
    /* Linux before 4.20 looks for it where a BIOS would have it, and only there. */
    if (system && !strcmp(system, "linux") &&
        !xc_dom_feature_get(dom, XENFEAT_linux_rsdp_unrestricted)) {
        add_module(dom, 0, room, ACPI_RSDP_SIZE, OLD_LINUX_RSDP);
        add_module(dom, 1, room, size, HOLE_START);
    } else {
        add_module(dom, 0, room, size, HOLE_START);
    }
}

static void add_range(struct e820entry *map, unsigned int *count, uint64_t start, uint64_t size,
                      uint32_t type)
{
    map[(*count)++] = (struct e820entry){ .addr = start, .size = size, .type = type };
}

static int describe(struct worker *worker, struct xc_dom_image *dom)
{
    static struct e820entry map[MAP_MAX];
    unsigned int count = 0;

    if (message_number(worker->order, "acpi", 1))
        make_tables(worker, dom);
    add_range(map, &count, 0, dom->lowmem_end, E820_RAM);
    for (int i = 0; i < MAX_ACPI_MODULES && dom->acpi_modules[i].length; i++) {
        uint64_t start = dom->acpi_modules[i].guest_addr_out & ~(uint64_t)(XC_PAGE_SIZE - 1);
        uint64_t end = dom->acpi_modules[i].guest_addr_out + dom->acpi_modules[i].length;

        add_range(map, &count, start, end - start, E820_ACPI);
    }
    add_range(map, &count, SPECIAL_END - SPECIAL_SIZE, SPECIAL_SIZE, E820_RESERVED);
    if (dom->highmem_end)
        add_range(map, &count, GIB_4, dom->highmem_end - GIB_4, E820_RAM);
    return build_set_map(worker, dom, map, count);
}

const struct guest_kind pvh_kind = {
    .type = "pvh",
    .title = "PVH",
    .part = "kernel",
    .container = XC_DOM_HVM_CONTAINER,
    .load = build_load_kernel,
    .lay_out = lay_out,
    .describe = describe,
};

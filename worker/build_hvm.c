/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define XC_WANT_COMPAT_MAP_FOREIGN_API 1
#include "worker/build.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <xen/hvm/e820.h>
#include <xen/hvm/hvm_info_table.h>

/*
 * An HVM guest begins with hvmloader, which describes the machine to the BIOS and hands over to it.
 * The layout is that of xen/tools/libs/light/libxl_dom.c, libxl__build_hvm().
 */
#define GIB_4 (4ULL << 30)

enum {
    MIB_SHIFT = 20,
    PAGES_PER_MIB = 256,
    VGA_HOLE_PAGES = 0x20, /* from 0xa0000 on */
    LOW_START = 0x100000,  /* what is below, hvmloader tells of by itself */
    MAP_MAX = 2,
    BIOS_MAX = 0x40000, /* from 0xc0000 to LOW_START, or hvmloader gives up */
    RESET_VECTOR = 16,  /* from the end of the BIOS */
    FAR_JUMP = 0xea,    /* the instruction */
};

/* MiB of `memory` that the video card has, and the guest has not. */
static unsigned long video_memory(const struct worker *worker)
{
    return (unsigned long)message_number(worker->order, "videoram", 0);
}

/* hvmloader puts whatever it is at the end of the first MiB, and jumps to its reset vector. */
static int check_bios(const struct worker *worker, const struct blob *bios)
{
    const unsigned char *bytes = bios->data;
    const char *path = message_get(worker->order, "bios");

    if (bios->size > BIOS_MAX)
        return report_own_failure("bios %s: not a BIOS for Xen's hvmloader: it is larger than %d "
                                  "KiB",
                                  path, BIOS_MAX / 1024);
    if (bios->size < RESET_VECTOR || bytes[bios->size - RESET_VECTOR] != FAR_JUMP)
        return report_own_failure("bios %s: not a BIOS: no jump %d bytes before its end", path,
                                  RESET_VECTOR);
    return 0;
}

static int load(struct worker *worker, struct xc_dom_image *dom)
{
    struct blob loader, bios;

    if (build_map_file(worker, "firmware", 0, &loader) < 0 ||
        build_map_file(worker, "bios", 1, &bios) < 0 || check_bios(worker, &bios) < 0)
        return -1;
    if (xc_dom_kernel_mem(dom, loader.data, loader.size))
        return report_failure("firmware %s", message_get(worker->order, "firmware"));
    dom->system_firmware_module.data = bios.data;
    dom->system_firmware_module.length = (uint32_t)bios.size;
    return build_host_tables(worker, dom);
}

static unsigned long lay_out(struct worker *worker, struct xc_dom_image *dom)
{
    unsigned long mib = build_memory_max(worker) - video_memory(worker);
    uint64_t size = (uint64_t)mib << MIB_SHIFT;

    dom->device_model = true;
    dom->target_pages = (build_memory(worker) - video_memory(worker)) * PAGES_PER_MIB;
    dom->mmio_start = HVM_BELOW_4G_MMIO_START;
    dom->mmio_size = HVM_BELOW_4G_MMIO_LENGTH;
    dom->lowmem_end = size < dom->mmio_start ? size : dom->mmio_start;
    dom->highmem_end = size < dom->mmio_start ? 0 : GIB_4 + size - dom->mmio_start;
    dom->vga_hole_size = VGA_HOLE_PAGES;
    return mib;
}

static int describe(struct worker *worker, struct xc_dom_image *dom)
{
    static struct e820entry map[MAP_MAX];
    unsigned int count = 1;

    map[0] = (struct e820entry){
        .addr = LOW_START,
        .size = dom->lowmem_end - LOW_START,
        .type = E820_RAM,
    };
    if (dom->highmem_end)
        map[count++] = (struct e820entry){
            .addr = GIB_4,
            .size = dom->highmem_end - GIB_4,
            .type = E820_RAM,
        };
    return build_set_map(worker, dom, map, count);
}

/* What hvmloader makes the ACPI and multiprocessor tables from. */
static int finish(struct worker *worker, struct xc_dom_image *dom)
{
    unsigned int vcpus = (unsigned int)message_number(worker->order, "vcpus", 1);
    unsigned char *page = xc_map_foreign_range(worker->xch, worker->domid, XC_PAGE_SIZE,
                                               PROT_READ | PROT_WRITE, HVM_INFO_PFN);
    unsigned char sum = 0;

    if (!page)
        return report_failure("cannot reach the guest's memory");
    struct hvm_info_table *info = (void *)(page + HVM_INFO_OFFSET);
    info->apic_mode = message_number(worker->order, "apic", 1) != 0;
    info->nr_vcpus = vcpus;
    memset(info->vcpu_online, 0, sizeof(info->vcpu_online));
    for (unsigned int i = 0; i < vcpus && i < HVM_MAX_VCPUS; i++)
        info->vcpu_online[i / 8] |= (uint8_t)(1u << i % 8);
    for (uint32_t i = 0; i < info->length; i++)
        sum = (unsigned char)(sum + ((unsigned char *)info)[i]);
    info->checksum = (uint8_t)(info->checksum - sum);
    munmap(page, XC_PAGE_SIZE);
    return 0;
}

const struct guest_kind hvm_kind = {
    .type = "hvm",
    .title = "HVM",
    .part = "firmware",
    .container = XC_DOM_HVM_CONTAINER,
    .load = load,
    .lay_out = lay_out,
    .describe = describe,
    .finish = finish,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static int map_file(int fd, struct blob *blob)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -1;
    if (st.st_size == 0) {
        errno = ENODATA;
        return -1;
    }
    blob->size = (size_t)st.st_size;
    blob->data = mmap(NULL, blob->size, PROT_READ, MAP_PRIVATE, fd, 0);
    return blob->data == MAP_FAILED ? -1 : 0;
}

int build_map_file(struct worker *worker, const char *key, int number, struct blob *blob)
{
    if (map_file(WORKER_FIRST_FD + number, blob) == 0)
        return 0;
    report_own_failure("%s %s: %s", key, message_get(worker->order, key),
                       errno == ENODATA ? "the file is empty" : strerror(errno));
    return -1;
}

int build_load_kernel(struct worker *worker, struct xc_dom_image *dom)
{
    const char *kernel = message_get(worker->order, "kernel");
    const char *initrd = message_get(worker->order, "initrd");
    struct blob blob;

    if (build_map_file(worker, "kernel", 0, &blob) < 0)
        return -1;
    if (xc_dom_kernel_mem(dom, blob.data, blob.size))
        return report_failure("kernel %s", kernel);
    if (!initrd)
        return 0;
    if (build_map_file(worker, "initrd", 1, &blob) < 0)
        return -1;
    if (xc_dom_module_mem(dom, blob.data, blob.size, NULL))
        return report_failure("initrd %s", initrd);
    return 0;
}

/* What it does not have at first, a PV guest learns from Xen. */
static unsigned long lay_out_pv(struct worker *worker, struct xc_dom_image *dom)
{
    return build_memory(worker);
}

static const struct guest_kind pv_kind = {
    .type = "pv",
    .title = "PV",
    .part = "kernel",
    .container = XC_DOM_PV_CONTAINER,
    .load = build_load_kernel,
    .lay_out = lay_out_pv,
};

static const struct guest_kind *find_kind(const char *type)
{
    static const struct guest_kind *const kinds[] = { &pv_kind, &pvh_kind, &hvm_kind };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (!strcmp(kinds[i]->type, type))
            return kinds[i];
    return NULL;
}

unsigned long build_memory(const struct worker *worker)
{
    return (unsigned long)message_number(worker->order, "memory", 0);
}

unsigned long build_memory_max(const struct worker *worker)
{
    return (unsigned long)message_number(worker->order, "memory-max", 0);
}

int build_set_map(struct worker *worker, struct xc_dom_image *dom, struct e820entry *map,
                  unsigned int count)
{
    if (xc_domain_set_memory_map(worker->xch, worker->domid, map, count))
        return report_own_failure("cannot set the guest's memory map: %s", strerror(errno));
    dom->e820 = map;
    dom->e820_entries = count;
    return 0;
}

/* The sequence is that of xen/tools/libs/guest: each step needs what the one before it found. */
static int build(struct worker *worker, const struct guest_kind *kind, struct xc_dom_image *dom)
{
    const char *kernel = message_get(worker->order, kind->part);
    unsigned long memory = build_memory(worker);

    if (xc_dom_boot_xen_init(dom, worker->xch, worker->domid))
        return report_failure("cannot prepare domain %u", worker->domid);
    if (xc_dom_parse_image(dom))
        return report_failure("%s %s: not a kernel that can be started as a %s guest", kind->part,
                              kernel, kind->title);
    if (xc_dom_mem_init(dom, (unsigned int)kind->lay_out(worker, dom)) || xc_dom_boot_mem_init(dom))
        return report_failure("cannot give the guest %lu MiB of memory", memory);
    if (kind->describe && kind->describe(worker, dom) < 0)
        return -1;
    if (xc_dom_build_image(dom))
        return report_failure("%s %s does not fit in %lu MiB of memory", kind->part, kernel,
                              memory);
    if (xc_dom_boot_image(dom) || xc_dom_gnttab_init(dom))
        return report_failure("cannot start %s %s", kind->part, kernel);
    return kind->finish ? kind->finish(worker, dom) : 0;
}

/* As xenstored and xenconsoled want it: the guest's own number where Xen translates them. */
static unsigned long frame_of(const struct guest_kind *kind, struct xc_dom_image *dom,
                              xen_pfn_t pfn)
{
    return kind == &pv_kind ? xc_dom_p2m(dom, pfn) : pfn;
}

int build_domain(struct worker *worker)
{
    struct message *order = worker->order;
    const struct guest_kind *kind = find_kind(message_get(order, "type"));
    int result = -1;

    if (!kind)
        return report_own_failure("xenvm-worker knows no guests of type %s",
                                  message_get(order, "type"));

    xc_dom_loginit(worker->xch);
    if (build_set_cpuid(worker, false))
        return report_failure("cannot set the guest's CPUID policy");

    struct xc_dom_image *dom = xc_dom_allocate(worker->xch, message_get(order, "cmdline"), NULL);
    if (!dom)
        return report_failure("cannot start to build");
    dom->container_type = kind->container;
    dom->max_vcpus = (unsigned int)message_number(order, "vcpus", 1);
    dom->xenstore_evtchn = (unsigned int)message_number(order, "store-port", 0);
    dom->xenstore_domid = (uint32_t)message_number(order, "store-domid", 0);
    dom->console_evtchn = (unsigned int)message_number(order, "console-port", 0);
    dom->console_domid = (uint32_t)message_number(order, "console-domid", 0);

    if (!kind->load(worker, dom) && !build(worker, kind, dom)) {
        struct message done;

        message_start(&done, "done");
        message_add_number(&done, "store-mfn", frame_of(kind, dom, dom->xenstore_pfn));
        message_add_number(&done, "console-mfn", frame_of(kind, dom, dom->console_pfn));
        build_tell_tables(worker, dom, &done);
        channel_send(&done);
        result = 0;
    }
    /* What the library mapped goes with the process, faster than it would by xc_dom_release(). */
    return result;
}

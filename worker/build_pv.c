/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/worker.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <xenguest.h>

enum { KERNEL_FD = WORKER_FIRST_FD, INITRD_FD };

struct blob {
    void *data;
    size_t size;
};

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

static int load_files(struct worker *worker, struct xc_dom_image *dom)
{
    const char *kernel = message_get(worker->order, "kernel");
    const char *initrd = message_get(worker->order, "initrd");
    struct blob blob;

    if (map_file(KERNEL_FD, &blob) < 0)
        return report_own_failure("kernel %s: %s", kernel,
                                  errno == ENODATA ? "the file is empty" : strerror(errno));
    if (xc_dom_kernel_mem(dom, blob.data, blob.size))
        return report_failure("kernel %s", kernel);
    if (!initrd)
        return 0;
    if (map_file(INITRD_FD, &blob) < 0)
        return report_own_failure("initrd %s: %s", initrd,
                                  errno == ENODATA ? "the file is empty" : strerror(errno));
    if (xc_dom_module_mem(dom, blob.data, blob.size, NULL))
        return report_failure("initrd %s", initrd);
    return 0;
}

/* The sequence is that of xen/tools/libs/guest: each step needs what the one before it found. */
static int build(struct worker *worker, struct xc_dom_image *dom)
{
    const char *kernel = message_get(worker->order, "kernel");
    unsigned int memory = (unsigned int)message_number(worker->order, "memory", 0);

    if (xc_dom_boot_xen_init(dom, worker->xch, worker->domid))
        return report_failure("cannot prepare domain %u", worker->domid);
    if (xc_dom_parse_image(dom))
        return report_failure("kernel %s: not a kernel that can be started as a PV guest", kernel);
    if (xc_dom_mem_init(dom, memory) || xc_dom_boot_mem_init(dom))
        return report_failure("cannot give the guest %u MiB of memory", memory);
    if (xc_dom_build_image(dom))
        return report_failure("kernel %s does not fit in %u MiB of memory", kernel, memory);
    if (xc_dom_boot_image(dom) || xc_dom_gnttab_init(dom))
        return report_failure("cannot start kernel %s", kernel);
    return 0;
}

int build_pv(struct worker *worker)
{
    struct message *order = worker->order;
    int result = -1;

    xc_dom_loginit(worker->xch);
    if (xc_cpuid_apply_policy(worker->xch, worker->domid, false, NULL, 0, true, false, false, NULL,
                              NULL))
        return report_failure("cannot set the guest's CPUID policy");

    struct xc_dom_image *dom = xc_dom_allocate(worker->xch, message_get(order, "cmdline"), NULL);
    if (!dom)
        return report_failure("cannot start to build");
    dom->container_type = XC_DOM_PV_CONTAINER;
    dom->max_vcpus = (unsigned int)message_number(order, "vcpus", 1);
    dom->xenstore_evtchn = (unsigned int)message_number(order, "store-port", 0);
    dom->xenstore_domid = (uint32_t)message_number(order, "store-domid", 0);
    dom->console_evtchn = (unsigned int)message_number(order, "console-port", 0);
    dom->console_domid = (uint32_t)message_number(order, "console-domid", 0);

    if (!load_files(worker, dom) && !build(worker, dom)) {
        struct message done;

        message_start(&done, "done");
        message_add_number(&done, "store-mfn", xc_dom_p2m(dom, dom->xenstore_pfn));
        message_add_number(&done, "console-mfn", xc_dom_p2m(dom, dom->console_pfn));
        channel_send(&done);
        result = 0;
    }
    /* What the library mapped goes with the process, faster than it would by xc_dom_release(). */
    return result;
}

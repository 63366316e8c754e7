/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/worker.h"

#include <errno.h>
#include <unistd.h>

#include <xenguest.h>

#include "protocol/durable.h"

/*
 * Takes back what a save did to a guest that is to go on. One that suspended itself goes on in
 * the same domain: its call to SCHEDOP_shutdown(SHUTDOWN_suspend) returns 1, "cancelled"
 * (xen/include/public/elfnote.h, XEN_ELFNOTE_SUSPEND_CANCEL), and it keeps its event channels,
 * grants and watches.
 */
int resume_domain(struct worker *worker)
{
    const char *record = message_get(worker->order, "memory-record");

    /* The guest goes on in any case, and no image has its memory then. */
    if (record && durable_write(record, message_get(worker->order, "memory-text")) != 0)
        unlink(record);
    /* A live save that died left Xen counting dirty pages; one that ended well did not. */
    if (message_number(worker->order, "live", 0))
        xc_shadow_control(worker->xch, worker->domid, XEN_DOMCTL_SHADOW_OP_OFF, NULL, 0);
    if (message_number(worker->order, "suspended", 0) &&
        xc_domain_resume(worker->xch, worker->domid, 1))
        return report_failure("cannot resume domain %u", worker->domid);
    return report_done();
}

/* Slow for a large guest: every page goes back to Xen before the hypercall returns. */
int destroy_domain(struct worker *worker)
{
    if (xc_domain_destroy(worker->xch, worker->domid) && errno != ESRCH)
        return report_failure("cannot destroy domain %u", worker->domid);
    return report_done();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_WORKER_H
#define XENVM_WORKER_H

/*
 * xenvm-worker does one slow or dangerous thing to a domain and ends: it unpacks and builds a
 * kernel, writes or reads an image, resumes or destroys. Everything that parses a guest's bytes
 * is in here. It is started by the monitor with its descriptors open (protocol/message.h) and
 * dies with it.
 */

#include <stdbool.h>
#include <stdint.h>

#include <xenctrl.h>

#include "protocol/message.h"

struct worker {
    xc_interface *xch; /* NULL for what needs no Xen */
    uint32_t domid;
    struct message *order; /* what to do; valid to the end */
};

/* Each returns 0 after report_done(), or -1 after report_failure(). */
int build_domain(struct worker *worker);
int save_domain(struct worker *worker);
int restore_domain(struct worker *worker);
int resume_domain(struct worker *worker);
int destroy_domain(struct worker *worker);
int note(struct worker *worker);
int keep_file(struct worker *worker);
int forget_file(struct worker *worker);

/*
 * Has the disk have the record of where the VM's memory is, where the order holds one. 0, or -1
 * with a report.
 */
int note_memory(const struct message *order);

/* Opens Xen's interface with a logger that keeps the cause of a failure for report_failure(). */
xc_interface *report_open_xen(void);

/*
 * Says why the order could not be carried out, as "<text>: <the cause that libxenguest gave>".
 * Always returns -1. A NULL format says the cause alone.
 */
int report_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same without libxenguest's words, for what we found out ourselves. */
int report_own_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says that it has been, where there is no more to say. Always returns 0. */
int report_done(void);

/* What libxenguest gave as the first cause of a failure, or "". */
const char *report_cause(void);

/* `done` of `total` pages; sent at most some 20 times a second, the last one always. */
void report_progress(unsigned long done, unsigned long total);

/* Ends the process when the monitor is gone. */
void channel_send(const struct message *message);
/* Waits for the monitor's answer; ends the process when the monitor is gone. */
void channel_receive(struct message *message);

#endif

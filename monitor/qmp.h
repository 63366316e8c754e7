/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_QMP_H
#define XENVM_MONITOR_QMP_H

/*
 * What the monitor says to qemu and hears from it, over a UNIX socket: QEMU's machine protocol
 * (qemu/docs/interop/qmp-spec.txt). Nothing waits: answers and events come from the event loop.
 */

#include <event2/event.h>
#include <jansson.h>

#include "monitor/failure.h"

struct qmp;

struct qmp_handlers {
    /* Something happened: "POWERDOWN", "RESET", …; `data` may be NULL. */
    void (*event)(void *arg, const char *name, const json_t *data);
    /* qemu is not there any more, or talks nonsense; to be closed now or later. */
    void (*lost)(void *arg);
    void *arg;
};

/* What a command led to: its result, or else the failure to own, which has qemu's words. */
typedef void qmp_answered(void *arg, const json_t *result, struct failure *failure);

/* Connects, and agrees with qemu that commands can come; they wait until then. */
struct failure *qmp_open(struct qmp **result, struct event_base *base, const char *path,
                         const struct qmp_handlers *handlers);

/* Sends a command; takes over `arguments`, NULL for none. `answered` may be NULL. */
void qmp_send(struct qmp *qmp, const char *name, json_t *arguments, qmp_answered *answered,
              void *arg);

/*
 * Opens a file for qemu, which may have no right to: the command add-fd. qemu takes a file only in
 * the very mode that it is going to use, O_RDONLY or O_WRONLY.
 */
struct failure *qmp_send_file(struct qmp *qmp, const char *path, int mode, qmp_answered *answered,
                              void *arg);

/* The file's name for qemu, malloc'd, and the number of its set, from what add-fd led to. */
char *qmp_file_name(const json_t *added, json_int_t *set);

/* qemu needs the name no longer; where it has the file open, it keeps that. */
void qmp_drop_file(struct qmp *qmp, json_int_t set);

/* What has not been answered has failed. NULL is fine. */
void qmp_close(struct qmp *qmp);

#endif

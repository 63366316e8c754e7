/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The small files of a VM, which outlive its host: it is the worker that waits for the disk. */
#include <errno.h>
#include <string.h>

#include "protocol/durable.h"
#include "worker/worker.h"

int note_memory(const struct message *order)
{
    const char *record = message_get(order, "memory-record");
    int error = record ? durable_write(record, message_get(order, "memory-text")) : 0;

    return error ? report_own_failure("cannot write %s: %s", record, strerror(-error)) : 0;
}

int note(struct worker *worker)
{
    return note_memory(worker->order) < 0 ? -1 : report_done();
}

int keep_file(struct worker *worker)
{
    const char *path = message_get(worker->order, "path");
    const char *temporary = message_get(worker->order, "temporary");
    int error = path && temporary ? durable_replace(path, temporary) : -EINVAL;

    return error ? report_own_failure("cannot write %s: %s", path, strerror(-error))
                 : report_done();
}

int forget_file(struct worker *worker)
{
    const char *path = message_get(worker->order, "path");
    int error = path ? durable_remove(path) : -EINVAL;

    return error ? report_own_failure("cannot remove %s: %s", path, strerror(-error))
                 : report_done();
}

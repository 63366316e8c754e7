/* SPDX-License-Identifier: LGPL-2.1-or-later */
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
    struct message done;

    if (note_memory(worker->order) < 0)
        return -1;
    message_start(&done, "done");
    channel_send(&done);
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <xenguest.h>

#include "worker/image.h"

enum { IMAGE_FD = WORKER_FIRST_FD, DIRECTORY_FD, MODEL_FD };

static void copy_field(const struct message *order, const char *key, char *to, size_t size)
{
    const char *value = message_get(order, key);

    snprintf(to, size, "%s", value ? value : "");
}

/* xenguest.h, struct save_callbacks: not zero where the guest is suspended. */
static int suspend_guest(void *data)
{
    static struct message message;

    message_start(&message, "suspend");
    channel_send(&message);
    channel_receive(&message);
    return !strcmp(message_verb(&message), "suspended");
}

static bool has_model(const struct worker *worker)
{
    return !strcmp(message_get(worker->order, "type"), "hvm");
}

/* xenguest.h: 0 where the device model tells, or no longer, what it writes to the guest's memory.
 */
static int log_dirty(uint32_t domid, unsigned int enable, void *data)
{
    static struct message message;

    if (!has_model(data))
        return 0;
    message_start(&message, "log-dirty");
    message_add_number(&message, "enable", enable);
    channel_send(&message);
    channel_receive(&message);
    return strcmp(message_verb(&message), "switched") ? -1 : 0;
}

/* An image that exists is whole: it gets its name only when the disk has it. */
static int publish(const struct message *order)
{
    const char *temporary = message_get(order, "temporary");
    const char *final = message_get(order, "final");
    bool overwrite = message_number(order, "overwrite", 0);

    if (renameat2(DIRECTORY_FD, temporary, DIRECTORY_FD, final, overwrite ? 0 : RENAME_NOREPLACE)) {
        /* A file system that cannot refuse to replace: NFS and others. */
        if (errno != EINVAL || overwrite)
            return -1;
        if (linkat(DIRECTORY_FD, temporary, DIRECTORY_FD, final, 0) < 0)
            return -1;
        unlinkat(DIRECTORY_FD, temporary, 0);
    }
    if (fsync(DIRECTORY_FD) == 0)
        return 0;
    int error = errno;
    unlinkat(DIRECTORY_FD, final, 0); /* the guest goes on, and nobody knows what the disk has */
    errno = error;
    return -1;
}

static int write_image(struct worker *worker, const struct image_facts *facts)
{
    const struct message *order = worker->order;
    const char *path = message_get(order, "path");
    struct save_callbacks callbacks = { .suspend = suspend_guest,
                                        .switch_qemu_logdirty = log_dirty,
                                        .data = worker };
    uint32_t flags = message_number(order, "live", 0) ? XCFLAGS_LIVE : 0;

    int error = image_write_head(IMAGE_FD, facts, message_get(order, "xl-config"));
    if (error)
        return report_own_failure("cannot write %s: %s", path, strerror(-error));
    errno = 0;
    if (xc_domain_save(worker->xch, IMAGE_FD, worker->domid, flags, &callbacks, XC_STREAM_PLAIN,
                       -1)) {
        if (strstr(report_cause(), "p2m frame list"))
            return report_own_failure("the guest cannot be suspended: it has not set up its memory "
                                      "map for it (perhaps not yet)");
        if (strstr(report_cause(), "logdirty"))
            return report_own_failure("live=true is not possible here: this hypervisor is built "
                                      "without shadow paging and cannot follow what a PV guest "
                                      "writes");
        return report_failure("cannot write %s", path);
    }
    error = image_write_tail(IMAGE_FD, has_model(worker) ? MODEL_FD : -1);
    if (error)
        return report_own_failure("cannot write %s: %s", path, strerror(-error));
    if (fsync(IMAGE_FD) < 0)
        return report_own_failure("cannot write %s: %s", path, strerror(errno));
    /* From here on the memory is in the image, whatever its name is when the host goes down. */
    if (note_memory(order) < 0)
        return -1;
    if (publish(order) < 0)
        return report_own_failure("cannot write %s: %s", path, strerror(errno));
    return 0;
}

int save_domain(struct worker *worker)
{
    const struct message *order = worker->order;
    struct image_facts facts;
    struct message done;

    copy_field(order, "uuid", facts.uuid, sizeof(facts.uuid));
    copy_field(order, "name", facts.name, sizeof(facts.name));
    copy_field(order, "type", facts.type, sizeof(facts.type));
    copy_field(order, "token", facts.token, sizeof(facts.token));
    facts.generation = message_number(order, "generation", 0);
    facts.checkpoint = message_number(order, "checkpoint", 0);
    facts.memory = message_number(order, "memory", 0);
    facts.memory_max = message_number(order, "memory-max", 0);
    facts.vcpus = message_number(order, "vcpus", 1);

    if (write_image(worker, &facts) < 0)
        return -1;
    message_start(&done, "done");
    message_add_number(&done, "bytes", (unsigned long long)lseek(IMAGE_FD, 0, SEEK_CUR));
    channel_send(&done);
    return 0;
}

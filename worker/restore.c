/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/build.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenguest.h>

#include "worker/image.h"

enum { IMAGE_FD = WORKER_FIRST_FD, MODEL_FD, PAGE_BYTES = 4096, PROGRESS_US = 100000 };

static atomic_bool all_read;

/* xenguest.h, struct restore_callbacks: images of old versions of Xen bring no CPUID policy. */
static int static_data_done(unsigned int missing, void *data)
{
    struct worker *worker = data;

    if (!(missing & XGR_SDD_MISSING_CPUID))
        return 0;
    return build_set_cpuid(worker, true);
}

static unsigned long image_pages(void)
{
    struct stat st;

    return fstat(IMAGE_FD, &st) < 0 ? 0 : (unsigned long)st.st_size / PAGE_BYTES;
}

/* libxenguest reports no progress of a restore: how far the file has been read stands for it. */
static void *follow_progress(void *data)
{
    unsigned long pages = image_pages();

    while (!atomic_load(&all_read)) {
        unsigned long at = (unsigned long)lseek(IMAGE_FD, 0, SEEK_CUR) / PAGE_BYTES;

        if (at < pages)
            report_progress(at, pages);
        usleep(PROGRESS_US);
    }
    return NULL;
}

/* Lets the monitor judge the image and make the domain for it. */
static void ask_for_domain(struct worker *worker, const struct image_facts *facts)
{
    struct message *message = worker->order;

    message_start(message, "image");
    message_add(message, "uuid", facts->uuid);
    message_add(message, "name", facts->name);
    message_add(message, "type", facts->type);
    message_add(message, "token", facts->token);
    message_add_number(message, "generation", facts->generation);
    message_add_number(message, "checkpoint", facts->checkpoint);
    message_add_number(message, "memory", facts->memory);
    message_add_number(message, "memory-max", facts->memory_max);
    message_add_number(message, "vcpus", facts->vcpus);
    channel_send(message);
    channel_receive(message);
    worker->domid = (uint32_t)message_number(message, "domid", DOMID_INVALID);
}

int restore_domain(struct worker *worker)
{
    struct restore_callbacks callbacks = { .static_data_done = static_data_done, .data = worker };
    struct message *order = worker->order;
    struct image_facts facts;
    char why[IMAGE_WHY];
    unsigned long store_mfn = 0, console_mfn = 0;
    pthread_t follower;

    if (image_read_head(IMAGE_FD, &facts, why) < 0)
        return report_own_failure("%s", why);
    ask_for_domain(worker, &facts);

    if (pthread_create(&follower, NULL, follow_progress, NULL) == 0)
        pthread_detach(follower);
    errno = 0;
    if (xc_domain_restore(worker->xch, IMAGE_FD, worker->domid,
                          (unsigned int)message_number(order, "store-port", 0), &store_mfn,
                          (uint32_t)message_number(order, "store-domid", 0),
                          (unsigned int)message_number(order, "console-port", 0), &console_mfn,
                          (uint32_t)message_number(order, "console-domid", 0), XC_STREAM_PLAIN,
                          &callbacks, -1))
        return report_failure("damaged or cut off");
    if (image_read_tail(IMAGE_FD, MODEL_FD, why) < 0)
        return report_own_failure("%s", why);
    atomic_store(&all_read, true);
    report_progress(image_pages(), image_pages());

    struct message done;
    message_start(&done, "done");
    message_add_number(&done, "store-mfn", store_mfn);
    message_add_number(&done, "console-mfn", console_mfn);
    channel_send(&done);
    return 0;
}

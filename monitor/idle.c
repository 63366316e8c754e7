/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/idle.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "monitor/util.h"

enum { IDLE_AFTER_S = 2 };

static struct event *timer;

/*
 * Loaded segments that are not writable hold nothing but what is in their file (what the dynamic
 * linker relocates lies in the writable ones), so they can be mapped in again at any time.
 */
static int give_back(struct dl_phdr_info *object, size_t size, void *data)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];

        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W))
            continue;
        uintptr_t start = object->dlpi_addr + segment->p_vaddr;
        uintptr_t end = (start + segment->p_filesz) & ~(page - 1);

        start &= ~(page - 1);
        if (end > start)
            madvise((void *)start, end - start, MADV_DONTNEED); /* best effort */
    }
    return 0;
}

void idle_now(void)
{
    malloc_trim(0);
    dl_iterate_phdr(give_back, NULL);
}

static void on_idle(evutil_socket_t fd, short what, void *arg)
{
    idle_now();
}

void idle_init(struct event_base *base)
{
    timer = need(evtimer_new(base, on_idle, NULL));
}

void idle_soon(void)
{
    struct timeval wait = { .tv_sec = IDLE_AFTER_S };

    evtimer_add(timer, &wait);
}

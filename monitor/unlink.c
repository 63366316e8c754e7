/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/unlink.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

static void *close_it(void *fd)
{
    close((int)(intptr_t)fd);
    return NULL;
}

/* Signals are the event loop's. */
static int start_closing(int fd)
{
    sigset_t all, before;
    pthread_t thread;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, NULL, close_it, (void *)(intptr_t)fd);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        pthread_detach(thread);
    return -error;
}

int unlink_large(const char *path)
{
    /* While it is open, a file without a name is still whole. */
    int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    int result = unlink(path) < 0 ? -errno : 0;

    if (fd >= 0 && (result < 0 || start_closing(fd) < 0))
        close(fd);
    return result;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/unlink.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "monitor/util.h"

enum { FIRST_FD = 3 };

struct removal {
    char *path;
    sem_t opened, unlinked;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static unsigned int under_way;

static void count(int change)
{
    pthread_mutex_lock(&lock);
    under_way += (unsigned int)change;
    pthread_cond_broadcast(&ended);
    pthread_mutex_unlock(&lock);
}

static void free_removal(struct removal *removal)
{
    sem_destroy(&removal->opened);
    sem_destroy(&removal->unlinked);
    free(removal->path);
    free(removal);
}

/*
 * While it is open, a file without a name is still whole. It is so in a table of descriptors of the
 * thread's own: in the monitor's, a child that is just being started would have it, too.
 */
static void *hold(void *arg)
{
    struct removal *removal = arg;
    int fd = -1;

    if (close_range(FIRST_FD, ~0U, CLOSE_RANGE_UNSHARE) == 0)
        fd = open(removal->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    sem_post(&removal->opened);
    while (sem_wait(&removal->unlinked) < 0)
        ;
    free_removal(removal);
    if (fd >= 0)
        close(fd);
    count(-1);
    return NULL;
}

/* Signals are the event loop's. */
static int start_holding(struct removal *removal)
{
    sigset_t all, before;
    pthread_t thread;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, NULL, hold, removal);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        pthread_detach(thread);
    return error;
}

int unlink_large(const char *path)
{
    struct removal *removal = need(calloc(1, sizeof(*removal)));

    removal->path = copy_text(path);
    sem_init(&removal->opened, 0, 0);
    sem_init(&removal->unlinked, 0, 0);
    count(1);
    if (start_holding(removal) != 0) {
        free_removal(removal);
        count(-1);
        return unlink(path) < 0 ? -errno : 0;
    }
    while (sem_wait(&removal->opened) < 0)
        ;
    int result = unlink(path) < 0 ? -errno : 0;
    sem_post(&removal->unlinked);
    return result;
}

void unlink_wait(void)
{
    pthread_mutex_lock(&lock);
    while (under_way > 0)
        pthread_cond_wait(&ended, &lock);
    pthread_mutex_unlock(&lock);
}

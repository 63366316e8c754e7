/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

enum { FIRST_HIGH_FD = 32 };

int process_high_fd(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, FIRST_HIGH_FD);
}

int process_raise_fd(int fd)
{
    if (fd < 0)
        return -1;
    int high = process_high_fd(fd), error = errno;
    close(fd);
    errno = error;
    return high;
}

struct failure *process_cannot_start(const char *path, int error)
{
    return fail(RPC_FAILED, "cannot start %s: %s", path, strerror(error));
}

struct failure *process_start(struct process *process, const char *path, char *const argv[],
                              char *const environment[], const struct process_fd *fds, size_t count,
                              unsigned int flags)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int last = -1;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes,
                             (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                     (flags & PROCESS_SESSION ? POSIX_SPAWN_SETSID : 0) |
                                     (flags & PROCESS_GROUP ? POSIX_SPAWN_SETPGROUP : 0)));
    posix_spawn_file_actions_init(&actions);
    for (size_t i = 0; i < count; i++) {
        posix_spawn_file_actions_adddup2(&actions, fds[i].from, fds[i].to);
        if (fds[i].to > last)
            last = fds[i].to;
    }
    if (flags & PROCESS_GROUP)
        posix_spawn_file_actions_addclosefrom_np(&actions, last + 1);
    int error = posix_spawn(&process->pid, path, &actions, &attributes, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (error)
        return process_cannot_start(path, error);
    process->pidfd = pidfd_open(process->pid, 0);
    if (process->pidfd >= 0)
        return NULL;
    struct failure *failure = fail(RPC_FAILED, "cannot watch %s: %s", path, strerror(errno));
    kill(process->pid, SIGKILL);
    waitpid(process->pid, NULL, 0);
    return failure;
}

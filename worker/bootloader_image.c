/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/bootloader.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NAME_SIZE = 64, NOT_STARTED = 127, WAIT_NS = 20 * 1000 * 1000, SERVERS_MAX = 256 };

/* Runs a program of the host that ends with us. */
static pid_t start(const char *const arguments[])
{
    pid_t us = getpid(), child = fork();

    if (child < 0)
        give_up("cannot start %s: %s", arguments[0], strerror(errno));
    if (child > 0)
        return child;
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        close_range(STDERR_FILENO + 1, ~0U, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
        getppid() != us)
        _exit(NOT_STARTED);
    execvp(arguments[0], (char *const *)(uintptr_t)arguments);
    dprintf(STDERR_FILENO, "cannot start %s: %s\n", arguments[0], strerror(errno));
    _exit(NOT_STARTED);
}

/* Those that serve. */
static pid_t servers[SERVERS_MAX];
static size_t server_count;

void bootloader_close_images(void)
{
    for (size_t i = 0; i < server_count; i++) {
        kill(servers[i], SIGKILL);
        waitpid(servers[i], NULL, 0);
    }
    server_count = 0;
}

/* The process or thread that serves a device of that number; 0: nobody, -1: there is none. */
static int server_of(int number)
{
    char name[NAME_SIZE];
    int server = 0;

    snprintf(name, sizeof(name), "/sys/block/nbd%d/pid", number);
    FILE *file = fopen(name, "re");
    if (file) {
        if (fscanf(file, "%d", &server) != 1) // NOLINT(cert-err34-c): the kernel's own
            server = 0;
        fclose(file);
        return server;
    }
    snprintf(name, sizeof(name), "/sys/block/nbd%d", number);
    return access(name, F_OK) < 0 ? -1 : 0;
}

static bool is_thread_of(int thread, pid_t process)
{
    char name[NAME_SIZE];

    snprintf(name, sizeof(name), "/proc/%d/task/%d", (int)process, thread);
    return access(name, F_OK) == 0;
}

/* True when it serves the device; false when it has ended. */
static bool wait_for_server(pid_t server, int number)
{
    const struct timespec pause = { .tv_nsec = WAIT_NS };

    servers[server_count++] = server;
    while (waitpid(server, NULL, WNOHANG) == 0) {
        int thread = server_of(number);

        if (thread > 0 && is_thread_of(thread, server))
            return true;
        nanosleep(&pause, NULL);
    }
    server_count--;
    return false;
}

dev_t bootloader_open_image(const char *path, const char *format)
{
    const char *const modprobe[] = { "modprobe", "nbd", NULL };
    char device[NAME_SIZE];
    struct stat st;

    waitpid(start(modprobe), NULL, 0);
    for (int number = 0, server; (server = server_of(number)) >= 0; number++) {
        if (server > 0 || server_count == SERVERS_MAX)
            continue;
        snprintf(device, sizeof(device), "/dev/nbd%d", number);
        /* With --verbose it stays our child. */
        const char *const nbd[] = { "qemu-nbd",  "--verbose", "--read-only", "--format", format,
                                    "--connect", device,      path,          NULL };
        if (wait_for_server(start(nbd), number)) {
            if (stat(device, &st) < 0)
                give_up("%s: %s", device, strerror(errno));
            return st.st_rdev;
        }
        /* It has said why, unless another one was quicker. */
        if (server_of(number) == 0) {
            bootloader_close_images();
            _exit(1);
        }
    }
    give_up("disk %s: no nbd device is free", path);
}

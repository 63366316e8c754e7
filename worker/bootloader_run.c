/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/bootloader.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MIB = 1024 * 1024, FILES_MAX = 64, NOT_STARTED = 127 };

static void cannot(const char *what) __attribute__((noreturn));

/* On the bootloader's own standard error: xenvm-bootloader passes its last line on. */
static void cannot(const char *what)
{
    dprintf(STDERR_FILENO, "cannot %s: %s\n", what, strerror(errno));
    _exit(NOT_STARTED);
}

static void limit(int resource, unsigned long long most)
{
    const struct rlimit both = { most, most };

    if (setrlimit((__rlimit_resource_t)resource, &both) < 0)
        cannot("limit it");
}

static void limit_all(int seconds)
{
    limit(RLIMIT_AS, (unsigned long long)BOOTLOADER_MEMORY_MIB * MIB);
    limit(RLIMIT_FSIZE, (unsigned long long)BOOTLOADER_SPACE_MIB * MIB);
    limit(RLIMIT_CPU, (unsigned long long)seconds);
    limit(RLIMIT_NOFILE, FILES_MAX);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_MEMLOCK, 0);
    limit(RLIMIT_MSGQUEUE, 0);
}

/* Where the host has no memory left, this goes first. */
static void go_first(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, "1000", 4) != 4)
        cannot("limit it");
    close(fd);
}

static void set_descriptors(int output)
{
    int null = open("/dev/null", O_RDONLY);

    if (null < 0 || dup2(output, STDERR_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(null, STDIN_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
        cannot("set its descriptors");
}

static void drop_rights(const struct boot_user *user)
{
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
            cannot("drop its capabilities");
    if (setgroups(0, NULL) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
        setresuid(user->uid, user->uid, user->uid) < 0)
        cannot("change its user");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        cannot("drop its privileges");
}

/* The program, what libxl gives it, the configuration's arguments, the disks. */
static char **make_arguments(const struct boot_order *order)
{
    static const char *const ours[] = {
        "--output=" BOOTLOADER_OUT "/" BOOTLOADER_RESULT,
        "--output-format=simple0",
        "--output-directory=" BOOTLOADER_OUT,
    };
    enum { OURS = sizeof(ours) / sizeof(ours[0]) };
    size_t given = 0, count = 0;

    while (order->program[given])
        given++;
    char **list = calloc(given + OURS + order->disk_count + 1, sizeof(*list));
    if (!list)
        cannot("start it");
    list[count++] = order->program[0];
    for (size_t i = 0; i < OURS; i++)
        list[count++] = (char *)(uintptr_t)ours[i];
    for (size_t i = 1; i < given; i++)
        list[count++] = order->program[i];
    for (size_t i = 0; i < order->disk_count; i++)
        if (asprintf(&list[count++], "/disks/%s", order->disks[i].virtpath) < 0)
            cannot("start it");
    return list;
}

void bootloader_run(const struct boot_order *order, int output)
{
    static char *const environment[] = {
        (char *)(uintptr_t) "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        (char *)(uintptr_t) "LC_ALL=C.UTF-8",
        (char *)(uintptr_t) "HOME=" BOOTLOADER_OUT,
        (char *)(uintptr_t) "TMPDIR=" BOOTLOADER_OUT,
        (char *)(uintptr_t) "PYTHONDONTWRITEBYTECODE=1",
        NULL,
    };
    char **arguments = make_arguments(order);

    setsid();
    set_descriptors(output);
    go_first();
    if (chroot(BOOTLOADER_ROOT) < 0 || chdir(BOOTLOADER_OUT) < 0)
        cannot("enter its root");
    limit_all(order->seconds);
    drop_rights(&order->user);
    /* Other bootloaders count as well, but not against the start of this one. */
    limit(RLIMIT_NPROC, BOOTLOADER_PROCESSES);
    umask(077);
    execve(arguments[0], arguments, environment);
    cannot("start it");
}

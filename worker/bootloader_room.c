/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/bootloader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { LOOP_TRIES = 100, NAME_SIZE = 64 };

/* The folders that programs of the host are in, each of them a folder or a link into another. */
static const char *const programs[] = { "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64" };

enum { PROGRAMS = sizeof(programs) / sizeof(programs[0]) };

/* One that is free, for another process may take it first; -1 with errno. */
static int configure_loop(int control, const struct loop_config *config)
{
    char name[NAME_SIZE];

    for (int tries = 0; tries < LOOP_TRIES; tries++) {
        int number = ioctl(control, LOOP_CTL_GET_FREE);

        if (number < 0)
            return -1;
        snprintf(name, sizeof(name), "/dev/loop%d", number);
        int loop = open(name, O_RDONLY | O_CLOEXEC);
        if (loop < 0 || ioctl(loop, LOOP_CONFIGURE, config) == 0)
            return loop;
        int error = errno;
        close(loop);
        errno = error;
        if (error != EBUSY)
            return -1;
    }
    return -1;
}

/* It stays open: the kernel takes it back when nobody has it open any more. */
static dev_t make_loop(const char *path, int fd)
{
    struct loop_config config = { .fd = (unsigned int)fd };
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    struct stat st;

    config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
    snprintf((char *)config.info.lo_file_name, sizeof(config.info.lo_file_name), "%s", path);
    int loop = control < 0 ? -1 : configure_loop(control, &config);
    if (loop < 0 || fstat(loop, &st) < 0)
        give_up("disk %s: cannot make a loop device: %s", path, strerror(errno));
    close(control);
    return st.st_rdev;
}

dev_t bootloader_open_disk(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        give_up("disk %s: %s", path, strerror(errno));
    if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
        give_up("disk %s: not a block device or a regular file", path);
    dev_t device = S_ISBLK(st.st_mode) ? st.st_rdev : make_loop(path, fd);
    close(fd);
    return device;
}

static void check(int result, const char *what)
{
    if (result < 0)
        give_up("cannot give it a root of its own: %s: %s", what, strerror(errno));
}

/* The path within the bootloader's root. */
static const char *inside(const char *path)
{
    static char result[PATH_MAX + sizeof(BOOTLOADER_ROOT)];

    snprintf(result, sizeof(result), "%s%s", BOOTLOADER_ROOT, path);
    return result;
}

static void make_folder(const char *path)
{
    int made = mkdir(inside(path), 0755);

    check(made < 0 && errno == EEXIST ? 0 : made, path);
}

static void make_file(const char *path, mode_t mode, dev_t device, gid_t group)
{
    check(mknod(inside(path), mode, device), path);
    check(chown(inside(path), 0, group), path);
    check(chmod(inside(path), mode & 0777), path);
}

static void protect(const char *path, unsigned long long flags, unsigned int recursive)
{
    struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | flags };

    check(mount_setattr(AT_FDCWD, inside(path), recursive, &attributes, sizeof(attributes)), path);
}

/* The host's file or folder `from` to read as `path`, which is there. */
static void show(const char *from, const char *path)
{
    check(mount(from, inside(path), NULL, MS_BIND | MS_REC, NULL), path);
    protect(path, MOUNT_ATTR_NODEV, AT_RECURSIVE);
}

static void show_programs(const char *path)
{
    char target[PATH_MAX] = "";
    struct stat st;

    if (lstat(path, &st) < 0)
        return;
    if (S_ISLNK(st.st_mode)) {
        check((int)readlink(path, target, sizeof(target) - 1), path);
        check(symlink(target, inside(path)), path);
    } else if (S_ISDIR(st.st_mode)) {
        make_folder(path);
        show(path, path);
    }
}

/* What programs need of the host's /etc. */
static void show_settings(void)
{
    make_folder("/etc");
    if (!access("/etc/alternatives", F_OK)) {
        make_folder("/etc/alternatives");
        show("/etc/alternatives", "/etc/alternatives");
    }
    if (!access("/etc/ld.so.cache", F_OK)) {
        make_file("/etc/ld.so.cache", S_IFREG | 0444, 0, 0);
        show("/etc/ld.so.cache", "/etc/ld.so.cache");
    }
}

/* In the namespace that it is to be shown in. */
static int find_program(const char *path)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        give_up("cannot start it: %s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        give_up("cannot start it: not a regular file");
    return fd;
}

/* The bootloader itself, where it isn't among the host's programs. */
static void show_program(const char *path, int fd)
{
    char part[PATH_MAX], from[NAME_SIZE];

    for (size_t i = 0; i < PROGRAMS; i++) {
        size_t length = strlen(programs[i]);

        if (!strncmp(path, programs[i], length) && path[length] == '/')
            return;
    }
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
        make_folder(part);
    }
    make_file(path, S_IFREG | 0444, 0, 0);
    snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
    show(from, path);
}

static void make_devices(const struct boot_order *order)
{
    char path[NAME_SIZE];

    make_folder("/dev");
    make_file("/dev/null", S_IFCHR | 0666, makedev(1, 3), 0);
    make_file("/dev/zero", S_IFCHR | 0666, makedev(1, 5), 0);
    make_file("/dev/urandom", S_IFCHR | 0666, makedev(1, 9), 0);
    /* Not even their owner, so that it can't change that. */
    make_folder("/disks");
    for (size_t i = 0; i < order->disk_count; i++) {
        snprintf(path, sizeof(path), "/disks/%s", order->disks[i].virtpath);
        make_file(path, S_IFBLK | 0440, order->disks[i].device, order->user.gid);
    }
}

static void make_out(const struct boot_user *user)
{
    char options[128];

    make_folder(BOOTLOADER_OUT);
    snprintf(options, sizeof(options), "size=%dm,nr_inodes=1024,mode=0700,uid=%u,gid=%u",
             (int)BOOTLOADER_SPACE_MIB, user->uid, user->gid);
    check(
        mount("tmpfs", inside(BOOTLOADER_OUT), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options),
        BOOTLOADER_OUT);
    make_file(BOOTLOADER_OUT "/" BOOTLOADER_RESULT, S_IFREG | 0600, 0, user->gid);
    check(chown(inside(BOOTLOADER_OUT "/" BOOTLOADER_RESULT), user->uid, user->gid),
          BOOTLOADER_RESULT);
}

void bootloader_make_room(const struct boot_order *order)
{
    check(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC), "namespaces");
    check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "/");
    int program = find_program(order->program[0]);
    check(mount("tmpfs", BOOTLOADER_ROOT, "tmpfs", MS_NOSUID, "size=1m,nr_inodes=1024,mode=0755"),
          BOOTLOADER_ROOT);
    for (size_t i = 0; i < PROGRAMS; i++)
        show_programs(programs[i]);
    show_settings();
    show_program(order->program[0], program);
    close(program);
    make_devices(order);
    make_out(&order->user);
    protect("/", MOUNT_ATTR_NOEXEC, 0);
}

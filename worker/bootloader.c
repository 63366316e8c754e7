/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/bootloader.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_SIZE = 512, COPY_SIZE = 1024 * 1024, KERNEL_FD = 3, INITRD_FD, CMDLINE_FD };

/* The first process of the bootloader's namespace: all others end with it. 0: none. */
static pid_t first;

static void end_all(void)
{
    if (first > 0) {
        kill(first, SIGKILL);
        waitpid(first, NULL, 0);
    }
    bootloader_close_images();
}

void give_up(const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    for (char *c = line; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    end_all();
    dprintf(STDERR_FILENO, "%s\n", line);
    _exit(1);
}

/* Ends us with the one that has the other end, also if that has ended already. */
static void die_with(int fd, short sign)
{
    struct pollfd other = { .fd = fd, .events = sign };

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        give_up("cannot watch its parent: %s", strerror(errno));
    if (poll(&other, 1, 0) > 0 && other.revents & (sign | POLLERR | POLLHUP))
        _exit(1);
}

/* Cuts the text after its next part, which it returns. */
static char *next_part(char **text)
{
    char *part = strsep(text, ":");

    if (!*text)
        give_up("%s is no VIRTPATH:FORMAT:PATH", part);
    return part;
}

static void read_disks(char **arguments, size_t count, struct boot_order *order)
{
    order->disks = calloc(count + 1, sizeof(*order->disks));
    if (!order->disks)
        give_up("%s", strerror(errno));
    for (size_t i = 0; i < count; i++) {
        char *path = arguments[i];
        const char *virtpath = next_part(&path), *format = next_part(&path);

        order->disks[i].virtpath = virtpath;
        order->disks[i].device = strcmp(format, "raw") ? bootloader_open_image(path, format)
                                                       : bootloader_open_disk(path);
    }
    order->disk_count = count;
}

static void find_user(struct boot_user *user)
{
    const struct passwd *nobody = getpwnam("nobody");

    if (!nobody || nobody->pw_uid == 0)
        give_up("this host has no user nobody");
    *user = (struct boot_user){ nobody->pw_uid, nobody->pw_gid };
}

static void read_order(int argc, char **argv, struct boot_order *order)
{
    int end = 2;

    while (end < argc && strcmp(argv[end], "--") != 0)
        end++;
    if (end + 1 >= argc)
        give_up("usage: xenvm-bootloader SECONDS VIRTPATH:FORMAT:PATH... -- PROGRAM ARGUMENT...");
    order->seconds = (int)strtol(argv[1], NULL, 10);
    order->program = argv + end + 1;
    find_user(&order->user);
    read_disks(argv + 2, (size_t)(end - 2), order);
}

/* The first process: it is nobody's to stop, and has the bootloader's end in `*status`. */
static void be_first(const struct boot_order *order, int parent, int output, int *status)
{
    die_with(parent, POLLIN);
    pid_t child = fork(), ended;

    if (child == 0)
        bootloader_run(order, output);
    if (child < 0)
        give_up("cannot start it: %s", strerror(errno));
    do
        ended = waitpid(-1, status, 0);
    while (ended != child && (ended > 0 || errno == EINTR));
    _exit(ended == child ? 0 : 1);
}

/* What it says up to its end, the last of it in `said`. */
static void listen_to(int output, char said[LINE_SIZE])
{
    size_t total = 0, length = 0;
    char bytes[LINE_SIZE - 1];
    ssize_t got;

    while ((got = read(output, bytes, sizeof(bytes))) > 0) {
        size_t count = (size_t)got;
        size_t kept = length + count < LINE_SIZE ? length : LINE_SIZE - 1 - count;

        memmove(said, said + length - kept, kept);
        memcpy(said + kept, bytes, count);
        length = kept + count;
        total += count;
        if (total > BOOTLOADER_SAYS_MAX)
            give_up("it printed more than %d KiB", (int)BOOTLOADER_SAYS_MAX / 1024);
    }
    for (size_t i = 0; i < length; i++)
        if (!said[i])
            said[i] = '?';
    said[length] = '\0';
}

/* The last line that isn't empty, or an empty one. */
static const char *last_line(char *said)
{
    size_t length = strlen(said);

    while (length > 0 && (said[length - 1] == '\n' || said[length - 1] == '\r' ||
                          said[length - 1] == ' ' || said[length - 1] == '\t'))
        said[--length] = '\0';
    const char *newline = strrchr(said, '\n');
    return newline ? newline + 1 : said;
}

static void run(const struct boot_order *order)
{
    int *status =
        mmap(NULL, sizeof(*status), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int self = pidfd_open(getpid(), 0), ends[2], own;
    char said[LINE_SIZE];

    if (status == MAP_FAILED || self < 0 || pipe2(ends, O_CLOEXEC) < 0)
        give_up("cannot start it: %s", strerror(errno));
    first = fork();
    if (first == 0)
        be_first(order, self, ends[1], status);
    if (first < 0)
        give_up("cannot start it: %s", strerror(errno));
    close(ends[1]);
    listen_to(ends[0], said);
    if (waitpid(first, &own, 0) < 0)
        own = -1;
    first = 0;
    if (own != 0)
        give_up("its first process died");
    if (WIFSIGNALED(*status))
        give_up("it died: %s", strsignal(WTERMSIG(*status)));
    const char *last = last_line(said);
    if (*status && *last)
        give_up("%s", last);
    if (*status)
        give_up("it ended with status %d", WEXITSTATUS(*status));
}

/* Of a name in the bootloader's folder, that and nothing else. -1 with errno. */
static int open_in(int folder, const char *name)
{
    const struct open_how how = {
        .flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    struct stat st;
    int fd = (int)syscall(SYS_openat2, folder, name, &how, sizeof(how));

    if (fd >= 0 && !fstat(fd, &st) && !S_ISREG(st.st_mode)) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    return fd;
}

static void copy(int folder, const char *path, const char *what, int to)
{
    size_t length = strlen(BOOTLOADER_OUT "/");
    ssize_t total = 0, copied;

    if (strncmp(path, BOOTLOADER_OUT "/", length) != 0)
        give_up("it names a %s that is not in " BOOTLOADER_OUT ": %s", what, path);
    int from = open_in(folder, path + length);
    if (from < 0)
        give_up("it names a %s that is no file in " BOOTLOADER_OUT ": %s", what, path);
    while ((copied = sendfile(to, from, NULL, COPY_SIZE)) > 0)
        total += copied;
    if (copied < 0)
        give_up("cannot copy the %s: %s", what, strerror(errno));
    if (total == 0)
        give_up("the %s that it found is empty", what);
    close(from);
}

static void collect(void)
{
    static char text[BOOTLOADER_ANSWER_MAX + 2];
    int folder = open(BOOTLOADER_ROOT BOOTLOADER_OUT, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int result = open_in(folder, BOOTLOADER_RESULT);
    ssize_t got = result < 0 ? 0 : read(result, text, BOOTLOADER_ANSWER_MAX + 1);
    struct boot_answer answer;

    if (got <= 0)
        give_up("it gave no answer");
    if (got > BOOTLOADER_ANSWER_MAX)
        give_up("its answer is longer than %d KiB", (int)BOOTLOADER_ANSWER_MAX / 1024);
    const char *wrong = bootloader_parse(text, (size_t)got, &answer);
    if (wrong)
        give_up("%s", wrong);
    copy(folder, answer.kernel, "kernel", KERNEL_FD);
    if (answer.ramdisk)
        copy(folder, answer.ramdisk, "ramdisk", INITRD_FD);
    size_t length = answer.args ? strlen(answer.args) : 0;
    if (length > 0 && write(CMDLINE_FD, answer.args, length) != (ssize_t)length)
        give_up("cannot copy the command line: %s", strerror(errno));
}

int main(int argc, char **argv)
{
    struct boot_order order = { 0 };

    die_with(STDOUT_FILENO, POLLERR);
    read_order(argc, argv, &order);
    bootloader_make_room(&order);
    run(&order);
    collect();
    end_all();
    /* Not by exit(), whose leak check would need a process, and there can be none any more. */
    _exit(0);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LD_PRELOAD library for tests: on the N-th call of a function it kills the process before or after
 * the call, or stops there for ever, or makes the call fail. A call counts when it crosses a
 * library's boundary.
 *
 * The environment's FAULT_FILE names a file, which need not be there, of one line:
 *
 *   SERIAL PROGRAM FUNCTION:N:kill-before | …:kill-after | …:stop-before | …:stop-after |
 *   …:fail=ERRNO | log
 *
 * SERIAL is any word, another one each time; calls are counted from when the program sees it. The
 * fault removes the file, so there is one, but where N is 0: then each call fails. `log` appends
 * `PROGRAM FUNCTION N` to the file FAULT_FILE.log for each call.
 *
 * x86-64 only: the calls pass through without their signatures being known.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Functions, and what they return when they fail: -1, 0 (NULL) or, for 1, the errno itself. Only
 * those that a program calls in a shared library are seen: of Xen's libraries that is what
 * xenvm-worker calls, for xenvm is linked with their archives. What goes from there to the kernel
 * is looked into, below.
 */
#define FUNCTIONS(F)                                                                               \
    F(xc_domain_save, -1)                                                                          \
    F(xc_domain_restore, -1)                                                                       \
    F(xc_cpuid_apply_policy, -1)                                                                   \
    F(xc_dom_allocate, 0)                                                                          \
    F(xc_dom_kernel_mem, -1)                                                                       \
    F(xc_dom_module_mem, -1)                                                                       \
    F(xc_dom_boot_xen_init, -1)                                                                    \
    F(xc_dom_parse_image, -1)                                                                      \
    F(xc_dom_mem_init, -1)                                                                         \
    F(xc_dom_boot_mem_init, -1)                                                                    \
    F(xc_dom_build_image, -1)                                                                      \
    F(xc_dom_boot_image, -1)                                                                       \
    F(xc_dom_gnttab_init, -1)                                                                      \
    F(socketpair, -1)                                                                              \
    F(posix_spawn, 1)                                                                              \
    F(pidfd_open, -1)                                                                              \
    F(send, -1)                                                                                    \
    F(rename, -1)                                                                                  \
    F(renameat2, -1)                                                                               \
    F(linkat, -1)                                                                                  \
    F(unlink, -1)                                                                                  \
    F(fsync, -1)                                                                                   \
    F(writev, -1)

/*
 * What an ioctl() on /dev/xen/privcmd asks of Xen, and a message to xenstored of it: number and
 * name. A message is made to fail by naming a transaction that there isn't, whatever errno was
 * asked for.
 */
#define DOMCTLS(F)                                                                                 \
    F(1, domctl_createdomain)                                                                      \
    F(2, domctl_destroydomain)                                                                     \
    F(3, domctl_pausedomain)                                                                       \
    F(4, domctl_unpausedomain)                                                                     \
    F(11, domctl_max_mem)                                                                          \
    F(15, domctl_max_vcpus)                                                                        \
    F(27, domctl_resumedomain)                                                                     \
    F(60, domctl_settscinfo)
#define MESSAGES(F)                                                                                \
    F(6, xs_transaction_start)                                                                     \
    F(7, xs_transaction_end)                                                                       \
    F(8, xs_introduce)                                                                             \
    F(11, xs_write)                                                                                \
    F(12, xs_mkdir)                                                                                \
    F(13, xs_rm)                                                                                   \
    F(14, xs_set_permissions)                                                                      \
    F(18, xs_resume)

enum {
    HYPERCALL = 0x305000, /* IOCTL_PRIVCMD_HYPERCALL: _IOC(_IOC_NONE, 'P', 0, 48) */
    EVENT_CHANNEL_OP = 32,
    DOMCTL = 36,
    ALLOC_UNBOUND = 6,
};
struct hypercall {
    uint64_t operation;
    uint64_t arguments[5];
};
struct message { /* xen/include/public/io/xs_wire.h */
    uint32_t type, request, transaction, size;
};
enum { NO_TRANSACTION = 0x7ffffff0 };

#define NUMBER(name, failed)    INDEX_##name,
#define NUMBER_OF(number, name) INDEX_##name,
/* The functions come first: the trampolines count them. */
enum {
    FUNCTIONS(NUMBER) DOMCTLS(NUMBER_OF) MESSAGES(NUMBER_OF) INDEX_evtchn_alloc_unbound,
    INDEX_write,
    COUNT
};

#define NAME(name, failed)    #name,
#define NAME_OF(number, name) #name,
static const char *const names[] = { FUNCTIONS(NAME) DOMCTLS(NAME_OF)
                                         MESSAGES(NAME_OF) "evtchn_alloc_unbound",
                                     "write" };

#define FAILED(name, failed) failed,
static const int failed[COUNT] = { FUNCTIONS(FAILED) };

void *fault_real[COUNT] __attribute__((visibility("hidden")));
static atomic_uint calls[COUNT];

enum action { NOTHING, KILL_BEFORE, KILL_AFTER, FAIL, LOG };
static const char *fault_file;
static char log_file[256];
static char serial[32];
static int wanted_errno;
static bool stops; /* in place of being killed */

/* What the trampoline does next; a result of the call goes to *result. */
enum { CALL, CALL_AND_DIE, RETURN };
int fault_enter(unsigned int index, long *result) __attribute__((visibility("hidden")));
void fault_die(void) __attribute__((visibility("hidden"), noreturn));

static const struct {
    const char *name;
    int number;
} errors[] = {
    { "ENOSPC", ENOSPC }, { "EIO", EIO },       { "ENOMEM", ENOMEM }, { "EPERM", EPERM },
    { "EMFILE", EMFILE }, { "EAGAIN", EAGAIN }, { "EINVAL", EINVAL }, { "EBUSY", EBUSY },
};

static int error_number(const char *text)
{
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (!strcmp(errors[i].name, text))
            return errors[i].number;
    return atoi(text);
}

/* What the fault file says of this program; a test that tests nothing must not pass. */
struct fault {
    enum action action;
    char function[40];
    unsigned int call; /* 0: every one */
};

static enum action action_named(const char *what)
{
    stops = !strncmp(what, "stop-", 5);
    return !strcmp(what, "kill-before") || !strcmp(what, "stop-before") ? KILL_BEFORE
           : !strcmp(what, "kill-after") || !strcmp(what, "stop-after") ? KILL_AFTER
           : !strncmp(what, "fail=", 5)                                 ? FAIL
                                                                        : NOTHING;
}

static void parse(const char *line, struct fault *fault)
{
    char now[32], program[32], what[32] = "", log[8];

    if (sscanf(line, "%31s %31s %39[^:]:%u:%31s", now, program, fault->function, &fault->call,
               what) == 5)
        fault->action = action_named(what);
    else if (sscanf(line, "%31s %31s %7s", now, program, log) == 3 && !strcmp(log, "log"))
        fault->action = LOG;
    if (fault->action == NOTHING) {
        fprintf(stderr, "fault.so: cannot do %s\n", line);
        _exit(99);
    }
    if (strcmp(program, program_invocation_short_name) != 0)
        fault->action = NOTHING;
    if (strcmp(now, serial) != 0) {
        strcpy(serial, now);
        for (unsigned int i = 0; i < COUNT; i++)
            calls[i] = 0;
    }
    wanted_errno = fault->action == FAIL ? error_number(what + 5) : 0;
}

static void read_fault(struct fault *fault)
{
    char line[256];
    int fd = fault_file ? (int)syscall(SYS_openat, AT_FDCWD, fault_file, O_RDONLY | O_CLOEXEC) : -1;
    long size;

    memset(fault, 0, sizeof(*fault));
    if (fd < 0)
        return;
    size = syscall(SYS_read, fd, line, sizeof(line) - 1);
    syscall(SYS_close, fd);
    if (size > 0) {
        line[size] = '\0';
        parse(line, fault);
    }
}

static void __attribute__((constructor)) prepare(void)
{
    for (unsigned int i = 0; i < INDEX_domctl_createdomain; i++)
        fault_real[i] = dlsym(RTLD_NEXT, names[i]);
    fault_file = getenv("FAULT_FILE");
    if (fault_file)
        snprintf(log_file, sizeof(log_file), "%s.log", fault_file);
}

static void note(unsigned int index, unsigned int call)
{
    char line[128];
    int size = snprintf(line, sizeof(line), "%s %s %u\n", program_invocation_short_name,
                        names[index], call);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                          0600);

    syscall(SYS_write, fd, line, size);
    syscall(SYS_close, fd);
}

void fault_die(void)
{
    if (!stops)
        syscall(SYS_kill, getpid(), SIGKILL);
    for (;;)
        pause();
}

int fault_enter(unsigned int index, long *result)
{
    int saved = errno;
    struct fault fault;

    read_fault(&fault);
    errno = saved;
    if (fault.action == NOTHING)
        return CALL;
    unsigned int call = ++calls[index];
    if (fault.action == LOG) {
        note(index, call);
        errno = saved;
        return CALL;
    }
    if (strcmp(fault.function, names[index]) != 0 || (fault.call && fault.call != call))
        return CALL;
    if (fault.call)
        syscall(SYS_unlink, fault_file);
    if (fault.action == KILL_BEFORE)
        fault_die();
    errno = saved;
    if (fault.action == KILL_AFTER)
        return CALL_AND_DIE;
    errno = wanted_errno;
    *result = failed[index] == 1 ? wanted_errno : failed[index];
    return RETURN;
}

/*
 * Each function of ours keeps the registers that hold arguments, asks fault_enter(), and jumps to
 * the real one, which finds its arguments on the stack where it expects them. One that is to die
 * afterwards returns to fault_die() in place of its caller.
 */
__asm__(".text\nfault_return: and $-16, %rsp\n call fault_die\n.set index, 0\n");

#define TRAMPOLINE(name, failed)                                                                   \
    __asm__(".globl " #name "\n.type " #name ", @function\n" #name ":\n"                           \
            "push %rax\n push %rdi\n push %rsi\n push %rdx\n push %rcx\n push %r8\n push %r9\n"    \
            "sub $16, %rsp\n mov $index, %edi\n mov %rsp, %rsi\n call fault_enter\n"               \
            "mov %eax, %r11d\n mov (%rsp), %r10\n add $16, %rsp\n"                                 \
            "pop %r9\n pop %r8\n pop %rcx\n pop %rdx\n pop %rsi\n pop %rdi\n pop %rax\n"           \
            "cmp $2, %r11d\n jne 1f\n mov %r10, %rax\n ret\n"                                      \
            "1: cmp $1, %r11d\n jne 2f\n lea fault_return(%rip), %r11\n mov %r11, (%rsp)\n"        \
            "2: mov fault_real + 8 * index(%rip), %r11\n jmp *%r11\n"                              \
            ".size " #name ", . - " #name "\n.set index, index + 1\n");
FUNCTIONS(TRAMPOLINE)

static unsigned int index_of_hypercall(const struct hypercall *call)
{
    if (call->operation == EVENT_CHANNEL_OP && call->arguments[0] == ALLOC_UNBOUND)
        return INDEX_evtchn_alloc_unbound;
    if (call->operation == DOMCTL)
        switch (*(const uint32_t *)(uintptr_t)call->arguments[0]) {
#define CASE(number, name)                                                                         \
    case number:                                                                                   \
        return INDEX_##name;
            DOMCTLS(CASE)
        }
    return COUNT;
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    long result;

    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    unsigned int index = request == HYPERCALL ? index_of_hypercall(argument) : COUNT;
    int next = index < COUNT ? fault_enter(index, &result) : CALL;
    if (next == RETURN) {
        errno = wanted_errno;
        return -1;
    }
    result = syscall(SYS_ioctl, fd, request, argument);
    if (next == CALL_AND_DIE)
        fault_die();
    return (int)result;
}

static bool is_socket(int fd)
{
    int type;
    socklen_t size = sizeof(type);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

static unsigned int index_of_message(const struct message *message)
{
    switch (message->type) {
        MESSAGES(CASE)
    default:
        return COUNT;
    }
}

ssize_t write(int fd, const void *data, size_t size)
{
    int saved = errno;
    bool socket = is_socket(fd);
    unsigned int index = !socket                          ? INDEX_write
                         : size == sizeof(struct message) ? index_of_message(data)
                                                          : COUNT;
    struct message message;
    long result;

    errno = saved;
    int next = index < COUNT ? fault_enter(index, &result) : CALL;
    if (next == RETURN && index == INDEX_write) {
        errno = wanted_errno;
        return -1;
    }
    if (next == RETURN) {
        memcpy(&message, data, sizeof(message));
        message.transaction = NO_TRANSACTION;
        data = &message;
    }
    result = syscall(SYS_write, fd, data, size);
    if (next == CALL_AND_DIE) /* the rest of a message does not come: to xenstored it is none */
        fault_die();
    return result;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "monitor/access.h"
#include "monitor/log.h"
#include "monitor/util.h"

enum { BACKLOG = 512 };

static char *path_of(const struct vm *vm, const char *suffix)
{
    return text("%s/vm-%s%s", vm->directory, vm->uuid, suffix);
}

static const char *directory(void)
{
    const char *given = getenv("XENVM_SOCKET_DIR");

    return given && *given ? given : "/run/xenvm";
}

struct failure *files_open_directory(struct vm *vm)
{
    vm->directory = copy_text(directory());
    if (mkdir(vm->directory, 0755) < 0 && errno != EEXIST)
        return fail(RPC_FAILED, "cannot make %s: %s", vm->directory, strerror(errno));
    return NULL;
}

/* The process that holds the lock of `fd`'s file, or 0. */
static pid_t lock_holder(int fd)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    if (fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
        return 0;
    return lock.l_pid;
}

/* A locked file that is still the one with the name: its last holder may just have removed it. */
static bool is_current(int fd, const char *path)
{
    struct stat open_one, named;

    return !fstat(fd, &open_one) && !stat(path, &named) && open_one.st_ino == named.st_ino &&
           open_one.st_dev == named.st_dev;
}

static struct failure *take_lock(struct vm *vm, const char *path, bool *again)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    *again = false;
    if (fd < 0)
        return fail(RPC_FAILED, "cannot open %s: %s", path, strerror(errno));
    if (fcntl(fd, F_SETLK, &lock) < 0) {
        pid_t holder = lock_holder(fd);

        close(fd);
        if (!holder) {
            *again = true;
            return NULL;
        }
        return fail_with(
            fail(RPC_DENIED, "VM %s has a monitor already: process %d", vm->uuid, (int)holder),
            "pid", json_integer(holder));
    }
    if (is_current(fd, path))
        return NULL; /* held, and open, to the end of the process */
    close(fd);
    *again = true;
    return NULL;
}

struct failure *files_lock(struct vm *vm)
{
    char *path = path_of(vm, ".lock");
    struct failure *failure;
    bool again;

    do
        failure = take_lock(vm, path, &again);
    while (!failure && again);
    free(path);
    return failure;
}

/* Whether the monitor that a name's link leads to is alive. */
static bool is_alive(const char *folder, const char *target)
{
    char *path = text("%s/%s.lock", folder, target);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    bool alive = fd >= 0 && lock_holder(fd) != 0;

    if (fd >= 0)
        close(fd);
    free(path);
    return alive;
}

static struct failure *link_name(struct vm *vm)
{
    if (!strcmp(vm->name, vm->uuid))
        return NULL;

    char *path = text("%s/name-%s", vm->directory, vm->name);
    char *target = text("vm-%s", vm->uuid);
    char present[256] = "";
    struct failure *failure = NULL;

    ssize_t length = readlink(path, present, sizeof(present) - 1);
    if (length > 0)
        present[length] = '\0';
    if (length > 0 && strcmp(present, target) != 0 && is_alive(vm->directory, present)) {
        failure = fail(RPC_DENIED, "the name '%s' is in use by VM %s", vm->name,
                       present + (strncmp(present, "vm-", 3) ? 0 : 3));
    } else {
        unlink(path);
        if (symlink(target, path) < 0)
            failure = fail(RPC_FAILED, "cannot make %s: %s", path, strerror(errno));
    }
    free(target);
    free(path);
    return failure;
}

static struct failure *bind_socket(int fd, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct failure *failure = NULL;

    if (strlen(path) >= sizeof(address.sun_path))
        return fail(RPC_FAILED, "%s is too long for a socket", path);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    unlink(path); /* a dead monitor's: we hold the lock */
    mode_t mask = umask(0177);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0)
        failure = fail(RPC_FAILED, "cannot listen on %s: %s", path, strerror(errno));
    umask(mask);
    return failure;
}

struct failure *files_listen_at(const char *path, int *listener)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return fail(RPC_FAILED, "cannot make a socket: %s", strerror(errno));
    struct failure *failure = bind_socket(fd, path);
    if (failure)
        close(fd);
    *listener = fd;
    return failure;
}

struct failure *files_listen(struct vm *vm, int *listener)
{
    struct failure *failure = link_name(vm);

    if (failure)
        return failure;
    char *path = path_of(vm, "");
    failure = files_listen_at(path, listener);
    free(path);
    return failure;
}

void files_set_access(struct vm *vm, const struct config_texts *allow)
{
    char *path = path_of(vm, "");

    access_free(vm->access);
    vm->access = access_new(allow);
    /* Who may connect may do nothing by that: each command is judged. */
    if (chmod(path, access_is_open(vm->access) ? 0666 : 0600) < 0)
        log_warning("cannot change the mode of %s: %s", path, strerror(errno));
    free(path);
}

static void remove_one(char *path)
{
    unlink(path);
    free(path);
}

struct failure *files_open_trace(const struct vm *vm, const struct vm_config *config)
{
    char *path = NULL;

    if (config->debug)
        path = config->output ? copy_text(config->output) : text("/tmp/xenvm-debug-%s", vm->uuid);
    int error = log_trace_to(path);
    struct failure *failure =
        error ? fail(RPC_FAILED, "cannot write the trace to %s: %s", path,
                     error == -EPERM ? "not a file of our own" : strerror(-error))
              : NULL;
    free(path);
    return failure;
}

void files_keep_read(const struct vm *vm)
{
    char *path = path_of(vm, ".cfg"), *temporary = path_of(vm, ".cfg.new");
    mode_t mask = umask(0177);
    FILE *out = fopen(temporary, "we");
    bool written = out && fwrite(vm->file.text, 1, vm->file.size, out) == vm->file.size;

    umask(mask);
    if (out && fclose(out) != 0)
        written = false;
    if (!written || rename(temporary, path) < 0) {
        log_warning("cannot write %s: %s", path, strerror(errno));
        unlink(temporary);
    }
    free(temporary);
    free(path);
}

char *files_last_read(const char *name)
{
    char *link = text("%s/name-%s", directory(), name ? name : "");
    char target[256] = "", *path = NULL;

    if (name && readlink(link, target, sizeof(target) - 1) > 0 && !strchr(target, '/') &&
        !is_alive(directory(), target))
        path = text("%s/%s.cfg", directory(), target);
    free(link);
    if (path && access(path, R_OK) == 0)
        return path;
    free(path);
    return NULL;
}

void files_remove(struct vm *vm)
{
    char *link = text("%s/name-%s", vm->directory, vm->name);
    char *target = text("vm-%s", vm->uuid);
    char present[256] = "";

    if (readlink(link, present, sizeof(present) - 1) > 0 && !strcmp(present, target))
        unlink(link);
    free(target);
    free(link);
    remove_one(path_of(vm, ""));
    remove_one(path_of(vm, ".cfg"));
    remove_one(path_of(vm, ".lock"));
}

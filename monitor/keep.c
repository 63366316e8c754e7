/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/log.h"
#include "monitor/util.h"

struct keeping {
    struct vm *vm;
    char *path, *temporary;
    keep_done *done;
    void *arg;
    struct child *child;
};

char *keep_path(const struct vm *vm, const char *name)
{
    char *folder = memory_folder(vm), *path = text("%s/%s", folder, name);

    free(folder);
    return path;
}

bool keep_has(const struct vm *vm, const char *name)
{
    char *path = keep_path(vm, name);
    struct stat st;
    bool has = !lstat(path, &st);

    free(path);
    return has;
}

static void keeping_free(struct keeping *keeping)
{
    free(keeping->path);
    free(keeping->temporary);
    free(keeping);
}

static void on_message(struct child *child, const struct message *message, void *arg)
{
    log_warning("unexpected '%s' from a worker", message_verb(message));
    child_kill(child);
}

static void on_progress(unsigned long long done, unsigned long long total, unsigned long long pass,
                        void *arg)
{
}

static void on_ended(const struct message *done, struct failure *failure, void *arg)
{
    struct keeping *keeping = arg;
    struct vm *vm = keeping->vm;

    if (failure)
        unlink(keeping->temporary);
    memory_remove_folder(vm);
    keeping->done(vm, failure, keeping->arg);
    keeping_free(keeping);
    vm->keeping--;
    if (vm->quitting)
        vm_quit(vm);
}

/* Only the disk would have us wait, and that is the worker's business. */
static struct failure *write_temporary(const char *path, const char *content)
{
    size_t size = strlen(content), written = 0;
    ssize_t got = 0;

    unlink(path); /* a dead monitor's */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    while (fd >= 0 && written < size && (got = write(fd, content + written, size - written)) > 0)
        written += (size_t)got;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && written == size)
        return NULL;
    if (fd >= 0)
        unlink(path);
    return fail(RPC_FAILED, "cannot write %s: %s", path, strerror(error));
}

static struct failure *start_worker(struct keeping *keeping, bool remove)
{
    static struct message order;
    const struct child_events events = { on_message, on_progress, on_ended, keeping };

    message_start(&order, remove ? "forget" : "keep");
    message_add(&order, "path", keeping->path);
    if (!remove)
        message_add(&order, "temporary", keeping->temporary);
    return child_start(&keeping->child, keeping->vm->base, &order, NULL, 0, &events);
}

struct failure *keep_write(struct vm *vm, const char *name, const char *content, keep_done *done,
                           void *arg)
{
    struct keeping *keeping = need(calloc(1, sizeof(*keeping)));
    struct failure *failure = NULL;

    *keeping = (struct keeping){ .vm = vm, .done = done, .arg = arg };
    keeping->path = keep_path(vm, name);
    keeping->temporary = text("%s.new", keeping->path);
    if (content)
        failure = memory_make_folder(vm);
    if (content && !failure)
        failure = write_temporary(keeping->temporary, content);
    if (!failure && (failure = start_worker(keeping, !content)))
        unlink(keeping->temporary);
    if (failure) {
        memory_remove_folder(vm);
        keeping_free(keeping);
        return failure;
    }
    vm->keeping++;
    return NULL;
}

void keep_tidy(const struct vm *vm, const char *name)
{
    char *path = keep_path(vm, name), *temporary = text("%s.new", path);

    unlink(temporary);
    memory_remove_folder(vm);
    free(temporary);
    free(path);
}

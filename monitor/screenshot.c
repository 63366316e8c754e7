/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/screenshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "monitor/handlers.h"
#include "monitor/process.h"
#include "monitor/script.h"
#include "monitor/util.h"
#include "monitor/vm.h"

enum { CONVERT_S = 30 };

/*
 * qemu writes the picture to a file of the monitor's, uncompressed, for Debian's knows no PNG. What
 * becomes of that has its name only when it is whole.
 */
struct screenshot {
    struct vm *vm;
    struct qmp *qmp;
    struct call *call;
    int fds[2]; /* the raw one, in memory, so that nothing is left of it, and the other; -1: none */
    char *path;
    char *temporary;
    struct script *script;
    json_int_t set; /* qemu's number of the raw file */
};

static struct failure *cannot_write(const char *path, int error)
{
    return fail(RPC_FAILED, "cannot write %s: %s", path, strerror(error));
}

static void free_screenshot(struct screenshot *screenshot)
{
    for (size_t i = 0; i < 2; i++)
        if (screenshot->fds[i] >= 0)
            close(screenshot->fds[i]);
    unlink(screenshot->temporary);
    free(screenshot->temporary);
    free(screenshot->path);
    free(screenshot);
}

static void end(struct screenshot *screenshot, struct failure *failure)
{
    struct call *call = screenshot->call;

    if (!failure && rename(screenshot->temporary, screenshot->path) < 0)
        failure = cannot_write(screenshot->path, errno);
    free_screenshot(screenshot);
    if (failure)
        refuse(call, failure);
    else
        call_result(call, NULL);
}

static void on_converted(struct failure *failure, void *arg)
{
    end(arg, failure);
}

static void on_picture(void *arg, const json_t *result, struct failure *failure)
{
    struct screenshot *screenshot = arg;
    const char *const argv[] = { XENVM_LIBEXECDIR "/xenvm-ppm-to-png", screenshot->path, NULL };
    const char *const environment[] = { NULL };
    const struct script_order order = { .argv = argv,
                                        .environment = environment,
                                        .seconds = CONVERT_S,
                                        .fds = screenshot->fds,
                                        .fd_count = 2 };

    if (!failure)
        qmp_drop_file(screenshot->qmp, screenshot->set);
    if (!failure)
        failure = script_start(&screenshot->script, screenshot->vm->base, &order, on_converted,
                               screenshot);
    if (failure)
        end(screenshot, failure);
}

static void on_file(void *arg, const json_t *result, struct failure *failure)
{
    struct screenshot *screenshot = arg;

    if (failure) {
        end(screenshot, failure);
        return;
    }
    char *name = qmp_file_name(result, &screenshot->set);
    qmp_send(screenshot->qmp, "screendump", json_pack("{s:s}", "filename", name), on_picture,
             screenshot);
    free(name);
}

/* Makes the two files, as yet empty. */
static int make_files(struct screenshot *screenshot)
{
    screenshot->fds[1] = process_raise_fd(mkostemp(screenshot->temporary, O_CLOEXEC));
    if (screenshot->fds[1] < 0)
        return -1;
    screenshot->fds[0] = process_raise_fd(memfd_create("screen", MFD_CLOEXEC));
    return screenshot->fds[0];
}

struct failure *screenshot_take(struct vm *vm, struct qmp *qmp, struct call *call, const char *path)
{
    struct screenshot *screenshot = need(calloc(1, sizeof(*screenshot)));
    struct failure *failure = NULL;

    screenshot->vm = vm;
    screenshot->qmp = qmp;
    screenshot->call = call;
    screenshot->fds[0] = screenshot->fds[1] = -1;
    screenshot->temporary = text("%s.XXXXXX", path);
    screenshot->path = copy_text(path);
    if (make_files(screenshot) < 0)
        failure = cannot_write(path, errno);
    if (!failure) {
        char *raw = text("/proc/self/fd/%d", screenshot->fds[0]);

        failure = qmp_send_file(qmp, raw, O_WRONLY, on_file, screenshot);
        free(raw);
    }
    if (failure)
        free_screenshot(screenshot);
    return failure;
}

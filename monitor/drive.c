/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/drive.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "monitor/device_model.h"
#include "monitor/qmp.h"
#include "monitor/util.h"
#include "monitor/vbd.h"
#include "monitor/vm.h"

enum { TRY_MS = 500 };

struct drive_change {
    struct vm *vm;
    char *id;   /* qemu's name of the drive, which is its virtpath */
    char *path; /* of what is to be in it; NULL: nothing */
    char *file; /* qemu's name for it, once it has the file */
    json_int_t set;
    bool force;
    int tries; /* that are left */
    int seconds;
    struct event *again;
    void (*done)(struct vm *vm, struct failure *failure); /* NULL: nobody waits */
};

bool drive_is_emulated(const struct vm *vm, const struct disk *disk)
{
    return vm->config->type == GUEST_HVM && vbd_is_emulated(disk);
}

static void free_change(struct drive_change *change)
{
    if (change->file && device_model_qmp(change->vm))
        qmp_drop_file(device_model_qmp(change->vm), change->set);
    event_free(change->again);
    free(change->id);
    free(change->path);
    free(change->file);
    free(change);
}

static void end(struct drive_change *change, struct failure *failure)
{
    void (*done)(struct vm *, struct failure *) = change->done;
    struct vm *vm = change->vm;

    free_change(change);
    if (done)
        done(vm, failure);
    else
        failure_free(failure);
}

/* qemu has asked the guest to open the drive, and has no more to say about it than this. */
static bool is_locked(const struct failure *failure)
{
    return strstr(failure->text, "is locked") != NULL;
}

static void on_changed(void *arg, const json_t *result, struct failure *failure)
{
    static const struct timeval pause = { .tv_usec = TRY_MS * 1000L };
    struct drive_change *change = arg;

    if (!failure || !is_locked(failure) || !change->done) {
        end(change, failure);
        return;
    }
    failure_free(failure);
    if (change->tries-- > 0)
        evtimer_add(change->again, &pause);
    else
        end(change, fail(RPC_TIMED_OUT,
                         "the guest did not let go of what is in %s in %d s (force=true does not "
                         "ask it)",
                         change->id, change->seconds));
}

static void change_it(struct drive_change *change, struct qmp *qmp)
{
    json_t *arguments = json_pack("{s:s, s:b}", "id", change->id, "force", change->force);

    if (change->file) {
        json_object_set_new(arguments, "filename", json_string(change->file));
        json_object_set_new(arguments, "format", json_string("raw"));
        json_object_set_new(arguments, "read-only-mode", json_string("read-only"));
    }
    qmp_send(qmp, change->file ? "blockdev-change-medium" : "eject", arguments, on_changed, change);
}

static void on_file(void *arg, const json_t *result, struct failure *failure)
{
    struct drive_change *change = arg;
    struct stat st;

    if (failure) {
        end(change, failure);
        return;
    }
    char *name = qmp_file_name(result, &change->set);
    bool device = !stat(change->path, &st) && S_ISBLK(st.st_mode);
    change->file = text("%s%s", device ? "host_device:" : "", name);
    free(name);
    change_it(change, device_model_qmp(change->vm));
}

static void try_it(evutil_socket_t fd, short what, void *arg)
{
    struct drive_change *change = arg;
    struct qmp *qmp = device_model_qmp(change->vm);
    struct failure *failure = NULL;

    if (!qmp)
        failure = fail(RPC_FAILED, "the device model does not answer");
    else if (change->path && !change->file)
        failure = qmp_send_file(qmp, change->path, O_RDONLY, on_file, change);
    else
        change_it(change, qmp);
    if (failure)
        end(change, failure);
}

struct drive_change *drive_insert(struct vm *vm, const struct disk *disk, const char *path,
                                  bool force, int seconds,
                                  void (*done)(struct vm *vm, struct failure *failure))
{
    static const struct timeval now = { 0 };
    struct drive_change *change = need(calloc(1, sizeof(*change)));

    change->vm = vm;
    change->id = copy_text(disk->virtpath);
    change->path = copy_text(path);
    change->force = force;
    change->seconds = seconds;
    change->tries = seconds * 1000 / TRY_MS;
    change->done = done;
    change->again = need(evtimer_new(vm->base, try_it, change));
    evtimer_add(change->again, &now);
    return change;
}

void drive_forget(struct drive_change *change)
{
    if (!change)
        return;
    change->done = NULL;
    /* Else qemu has it, and its answer is the end. */
    if (evtimer_pending(change->again, NULL))
        free_change(change);
}

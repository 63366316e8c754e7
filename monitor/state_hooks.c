/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/state_hooks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/log.h"
#include "monitor/script.h"
#include "monitor/util.h"

#define FOLDER "/etc/xenvm/hooks.d"

enum { HOOK_SECONDS = 60, QUEUE_MAX = 256, VARIABLES = 6 };

struct change {
    STAILQ_ENTRY(change) entry;
    char *environment[VARIABLES + 1]; /* ends with NULL */
    char *what;                       /* for messages */
};

struct state_hooks {
    struct vm *vm;
    STAILQ_HEAD(, change) changes; /* the first is at work once `names` are there */
    size_t count;
    bool full; /* some have been left out */
    struct dirent **names;
    int name_count, next;
    struct script *script; /* NULL: none runs */
    struct event *turn;
};

static void run_next(struct state_hooks *hooks);

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    run_next(arg);
}

struct state_hooks *state_hooks_open(struct vm *vm)
{
    struct state_hooks *hooks = need(calloc(1, sizeof(*hooks)));

    hooks->vm = vm;
    hooks->turn = need(evtimer_new(vm->base, on_turn, hooks));
    STAILQ_INIT(&hooks->changes);
    return hooks;
}

bool state_hooks_busy(const struct state_hooks *hooks)
{
    return hooks->count > 0;
}

/* Names as those that run-parts(8) takes: no backup files, and nothing of a package manager's. */
static int has_name(const struct dirent *entry)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

    return entry->d_name[strspn(entry->d_name, letters)] == '\0';
}

static int compare(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Whether nobody but its owner, root or us, can have made it what it is. */
static bool is_ours(const char *path, const struct stat *status)
{
    bool ours = (status->st_uid == 0 || status->st_uid == geteuid()) &&
                !(status->st_mode & (S_IWGRP | S_IWOTH));

    if (!ours)
        log_warning("%s: others than its owner root may write to it: not run", path);
    return ours;
}

static bool is_hook(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & S_IXUSR) &&
           is_ours(path, &status);
}

static void list(struct state_hooks *hooks)
{
    struct stat status;

    hooks->next = 0;
    hooks->name_count = -1;
    if (stat(FOLDER, &status) == 0 && is_ours(FOLDER, &status))
        hooks->name_count = scandir(FOLDER, &hooks->names, has_name, compare);
    if (hooks->name_count < 0)
        hooks->name_count = 0;
}

static void remove_names(struct state_hooks *hooks)
{
    for (int i = 0; i < hooks->name_count; i++)
        free(hooks->names[i]);
    free(hooks->names);
    hooks->names = NULL;
    hooks->name_count = 0;
}

static void remove_change(struct state_hooks *hooks, struct change *change)
{
    STAILQ_REMOVE(&hooks->changes, change, change, entry);
    hooks->count--;
    for (size_t i = 0; change->environment[i]; i++)
        free(change->environment[i]);
    free(change->what);
    free(change);
}

static void on_ended(struct failure *failure, void *arg)
{
    struct state_hooks *hooks = arg;

    hooks->script = NULL;
    if (failure)
        log_warning("%s: %s%s", STAILQ_FIRST(&hooks->changes)->what, failure->text,
                    failure->code == RPC_TIMED_OUT ? ": killed" : "");
    failure_free(failure);
    run_next(hooks);
}

static void run(struct state_hooks *hooks, const char *path)
{
    const struct change *change = STAILQ_FIRST(&hooks->changes);
    const char *const argv[] = { path, NULL };
    const struct script_order order = {
        .argv = argv,
        .environment = (const char *const *)change->environment,
        .seconds = HOOK_SECONDS,
        .name = path,
        .foreign = true,
    };
    struct failure *failure =
        script_start(&hooks->script, hooks->vm->base, &order, on_ended, hooks);

    if (failure)
        log_warning("%s: %s", change->what, failure->text);
    failure_free(failure);
}

/* The next hook of the first change, or else the first of the next change that has any. */
static void run_next(struct state_hooks *hooks)
{
    struct change *change;

    while (!hooks->script && (change = STAILQ_FIRST(&hooks->changes))) {
        if (!hooks->names)
            list(hooks);
        if (hooks->next == hooks->name_count) {
            remove_names(hooks);
            remove_change(hooks, change);
            continue;
        }
        char *path = text("%s/%s", FOLDER, hooks->names[hooks->next++]->d_name);
        if (is_hook(path))
            run(hooks, path);
        free(path);
    }
    if (state_hooks_busy(hooks))
        return;
    hooks->full = false;
    if (hooks->vm->quitting)
        vm_quit(hooks->vm);
}

static void fill(struct change *change, const struct vm *vm, enum vm_state old, const char *reason)
{
    char **variable = change->environment;

    *variable++ = text("XENVM_UUID=%s", vm->uuid);
    *variable++ = text("XENVM_NAME=%s", vm->name);
    *variable++ = text("XENVM_OLD_STATE=%s", state_name(old));
    *variable++ = text("XENVM_NEW_STATE=%s", state_name(vm->state));
    if (vm->domid != DOMID_INVALID)
        *variable++ = text("XENVM_DOMID=%u", vm->domid);
    if (reason)
        *variable++ = text("XENVM_REASON=%s", reason);
    change->what = text("hook for %s -> %s", state_name(old), state_name(vm->state));
}

void state_hooks_changed(struct state_hooks *hooks, enum vm_state old, const char *reason)
{
    if (access(FOLDER, F_OK) < 0)
        return;
    if (hooks->count >= QUEUE_MAX) {
        if (!hooks->full)
            log_warning("the hooks are %d changes of state behind: more are left out", QUEUE_MAX);
        hooks->full = true;
        return;
    }
    struct change *change = need(calloc(1, sizeof(*change)));
    fill(change, hooks->vm, old, reason);
    STAILQ_INSERT_TAIL(&hooks->changes, change, entry);
    /* From the loop: what changes the state is not to wait even for the start of a process. */
    if (hooks->count++ == 0)
        event_active(hooks->turn, EV_TIMEOUT, 0);
}

void state_hooks_give_up(struct state_hooks *hooks)
{
    struct change *change;

    script_cancel(hooks->script);
    hooks->script = NULL;
    remove_names(hooks);
    while ((change = STAILQ_FIRST(&hooks->changes)))
        remove_change(hooks, change);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_CMD_CLIENT_MANY_H
#define XENVM_CMD_CLIENT_MANY_H

/* What xenvm-cmd does with all VMs of the host. */

#include "cmd-client/client.h"

/* ---- to ask all monitors at once (survey.c) ---- */

struct question {
    const char *method;
    json_t *params; /* stays the caller's; may be NULL */
    int within;     /* ms from the first try to connect; 0: no limit */
};

/* A monitor that was asked. */
struct surveyed {
    const char *uuid;
    const char *name; /* the UUID where there is no name */
    size_t question;  /* the last one that it was asked */
};

struct survey {
    const char *dir;
    /* Each monitor is asked these in turn, as long as it answers them with a result. */
    const struct question *questions;
    size_t count;
    /*
     * Called once for each monitor, as soon as it has answered its last question, refused one
     * or failed: `result` and `answer` are as from client_receive(), or what client_open()
     * failed with. The answer is freed afterwards.
     */
    void (*answered)(void *arg, const struct surveyed *vm, int result,
                     const struct rpc_answer *answer);
    void *arg;
};

/*
 * Asks every monitor in the directory; none waits for another. A socket that nobody listens on
 * any more is passed over. Returns 0 or a negative errno; no directory is an empty one.
 */
int survey_vms(const struct survey *survey);

/*
 * The VMs that have a socket in the directory, by their UUIDs, without asking them; `name` is
 * NULL where there is none. Returns 0 or a negative errno.
 */
int find_vms(const char *dir, void (*found)(void *arg, const char *uuid, const char *name),
             void *arg);

/* ---- list (list.c, watch_list.c) ---- */

/*
 * The status objects of all monitors in `dir`, sorted by name; NULL with *error. A monitor that
 * does not answer `within` so many ms has a state that says so.
 */
json_t *collect_statuses(const char *dir, int within, char **error);

/*
 * Adds the member `cpu` to each status object: per cent of one processor, since `before` (an
 * earlier array, `elapsed` ms old), or where that is NULL or has not the same domain, on average
 * since the domain was made.
 */
void add_cpu_use(json_t *vms, const json_t *before, int64_t elapsed);

/* Table of status objects (an array), aligned, with a header. */
void put_status_table(FILE *out, const json_t *vms);

/*
 * What is different in `vms` from `before` (NULL: nothing was there): an array of state events,
 * and `gone` events for VMs whose monitor has ended, each with the VM's name and UUID.
 */
json_t *status_changes(const json_t *before, const json_t *vms);

/* An object of the status objects in an array (or NULL), by their UUIDs. */
json_t *index_by_uuid(const json_t *vms);

/* collect_statuses() for these options, with a complaint where it is NULL. */
json_t *list_once(const struct options *options);

enum exit_status list_vms(const struct options *options);
/* Lists again and again, until it is interrupted. */
enum exit_status watch_list(const struct options *options);

/* ---- --all (all.c) ---- */

/* Whether several VMs can be told the same at once; else *error says why not. */
bool is_for_all(const struct options *options, const struct command_info *command,
                const json_t *params, char **error);

/* Has all VMs do it. Takes over `params`. */
enum exit_status command_all(const struct options *options, const struct command_info *command,
                             json_t *params);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_CONFIGS_H
#define XENVM_MONITOR_CONFIGS_H

/*
 * The configurations of a VM. `config` is what its guest was built of, or what a VM that is down
 * will be built of; `next` is what a change leaves for the next start. A one-off boot puts another
 * in the place of `config`, and the lasting one waits as the next; so does the VM's first boot,
 * where the file has something for that.
 */

#include <jansson.h>

#include "config/keys.h"
#include "monitor/vm.h"

/* The file of keep.c that has what commands have set. */
#define SETTINGS "settings"

/* Reads what a new monitor begins with, in the place of a `config` that named the VM. */
bool configs_load(struct vm *vm, struct config_report *report);

/*
 * Reads the lasting configuration anew, from `path` or where it came from. The guest has what it
 * was built of until the next start, but for the keys that hold at once.
 */
struct failure *configs_read(struct vm *vm, const char *path);

/* Reads the configuration of one boot, for an operation's `one_off`. */
struct failure *configs_load_one_off(const struct vm *vm, const char *path,
                                     struct vm_config **config);

/* Removes what an earlier monitor has left half done; to be called once there is no other. */
void configs_tidy(const struct vm *vm);

/*
 * Whether these settings can take the place of those that are; what they want of the trace is then
 * done already, which configs_give_up() takes back.
 */
struct failure *configs_try(const struct vm *vm, const char *settings);
void configs_give_up(const struct vm *vm);

/* What the file and the settings say, without devices that came and went since; the caller's. */
struct failure *configs_written(const struct vm *vm, struct vm_config **config);

/* Takes over settings, in which this key has changed. */
void configs_change(struct vm *vm, char *settings, const struct config_key *key);

/* The lasting configuration, and that of the next start. */
const struct vm_config *configs_lasting(const struct vm *vm);
const struct vm_config *configs_next(const struct vm *vm);

/* A domain is about to be built: from now on, `config` is what it is built of. */
struct failure *configs_take(struct vm *vm);

/* The guest that was built runs: nothing leads back to the memory in an image. */
void configs_settle(struct vm *vm);

/* The state has changed: a VM at rest is one of the next start. */
void configs_follow(struct vm *vm);

/*
 * What a new monitor can't read in the file: what the guest was built of, where that is something
 * else. A new reference, or NULL where the file says all.
 */
json_t *configs_record(const struct vm *vm);

/* Takes it up again. NULL is fine. */
void configs_recall(struct vm *vm, const json_t *record);

#endif

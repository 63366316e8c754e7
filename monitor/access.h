/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_ACCESS_H
#define XENVM_MONITOR_ACCESS_H

/* Who may have the VM do what: root everything, others what the key allow says. */

#include "config/config.h"
#include "monitor/failure.h"
#include "protocol/commands.h"

struct access;

/* As the configuration says now. */
struct access *access_new(const struct config_texts *allow);
void access_free(struct access *access);

/* Whether somebody besides root may do something. */
bool access_is_open(const struct access *access);

/* Whether this user is root, or who the monitor is. */
bool access_is_root(uid_t uid);

/*
 * Whether the process at the other end of a UNIX socket may give the command with these
 * arguments; a refusal is in the log.
 */
struct failure *access_check(const struct access *access, int socket,
                             const struct command_info *command, const json_t *params);

#endif

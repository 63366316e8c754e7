/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_FILES_H
#define XENVM_MONITOR_FILES_H

/*
 * What a monitor has in its directory (/run/xenvm, or XENVM_SOCKET_DIR): the lock that keeps a
 * second one out, the socket, the link by its name, and the configuration as it was read; and its
 * trace.
 */

#include "monitor/failure.h"
#include "monitor/vm.h"

/* Sets vm->directory, made where it is missing. */
struct failure *files_open_directory(struct vm *vm);

/* Takes the VM's lock, to be held until the process ends. Says who holds it where it can't. */
struct failure *files_lock(struct vm *vm);

/* Binds the socket and makes the link; the descriptor is the caller's. */
struct failure *files_listen(struct vm *vm, int *listener);

/* Lets those use the VM's socket that its configuration allows to. */
void files_set_access(struct vm *vm, const struct config_texts *allow);

/* Listens on a UNIX socket at `path`, in the place of what is there; the descriptor is the
 * caller's. */
struct failure *files_listen_at(const char *path, int *listener);

/* Opens the trace that this configuration of the VM wants, or ends it where it wants none. */
struct failure *files_open_trace(const struct vm *vm, const struct vm_config *config);

/* Keeps a copy of the configuration's file as it was read; a failure is logged. */
void files_keep_read(const struct vm *vm);

/*
 * The path of that copy, malloc'd, where the monitor of the VM with this name (may be NULL) has
 * died before it could remove it; else NULL.
 */
char *files_last_read(const char *name);

/* Removes link, socket, copy and lock. */
void files_remove(struct vm *vm);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_STOP_IMAGE_H
#define XENVM_MONITOR_STOP_IMAGE_H

/*
 * The image that a stop suspends a VM to, and that its next start restores and removes, also after
 * the host has been down.
 */

#include <stdbool.h>

#include "monitor/vm.h"

/* Chooses a path for a new image, in a folder with room for it: `path` is the caller's. */
struct failure *stop_image_prepare(const struct vm *vm, char **path);

/* Whether this path, which may be NULL, is that of an image of a stop. */
bool stop_image_is(const struct vm *vm, const char *path);

#endif

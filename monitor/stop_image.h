/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_STOP_IMAGE_H
#define XENVM_MONITOR_STOP_IMAGE_H

/*
 * The image that a stop suspends a VM to, and that its next start restores, also after the host
 * has been down. A symbolic link, /var/lib/xenvm/<uuid>/suspended, leads to it. The worker makes
 * it when the image is whole, and the disk has both before the domain goes. It is gone from the
 * disk before the guest takes its next step.
 */

#include <stdbool.h>

#include "monitor/vm.h"

/* Chooses a path for a new image, in a folder with room for it: `path` is the caller's. */
struct failure *stop_image_prepare(const struct vm *vm, char **path);

/* Removes the link, where there is one, and the VM's folder. */
void stop_image_forget(const struct vm *vm);

/* Whether there is a link, be it one that leads nowhere. */
bool stop_image_is_linked(const struct vm *vm);

/* The link's path, malloc'd. */
char *stop_image_link(const struct vm *vm);

/* The image that it leads to, malloc'd; NULL where there is none. */
char *stop_image_find(const struct vm *vm);

/* Makes the link where it is missing: for a start that came to nothing, or its worker died. */
void stop_image_keep(const struct vm *vm);

/*
 * Why a VM that has no image must not be started anew, or NULL: the link leads to a place that an
 * administrator chose, where there is no image now.
 */
struct failure *stop_image_check(const struct vm *vm);

/* Whether this path, which may be NULL, is that of an image of a stop. */
bool stop_image_is(const struct vm *vm, const char *path);

#endif

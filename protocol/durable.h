/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_PROTOCOL_DURABLE_H
#define XENVM_PROTOCOL_DURABLE_H

/*
 * Files that the disk has when these return, even if the host loses power in the next moment; and
 * if it does so before, they are what they were, or whole. Paths are absolute. All of them wait
 * for the disk, and return 0 or a negative errno.
 */

/* Writes a text to a file. Its folder, and the one above that, are made for root where missing. */
int durable_write(const char *path, const char *text);

/* Gives the file at `fresh` this path, in place of what was there. */
int durable_replace(const char *path, const char *fresh);

/* Removes a file, which need not be there. */
int durable_remove(const char *path);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_UNLINK_H
#define XENVM_MONITOR_UNLINK_H

/*
 * unlink() of a file that may be as large as a guest's memory. Its name is gone at once; what it
 * holds goes back to the file system beside the event loop, which may take a second for a gigabyte:
 * until then, the room is not free, and the file system in use. 0 or -errno.
 */
int unlink_large(const char *path);

/* Waits until what such files held has been given back. */
void unlink_wait(void);

#endif

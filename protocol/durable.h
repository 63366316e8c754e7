/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_PROTOCOL_DURABLE_H
#define XENVM_PROTOCOL_DURABLE_H

/*
 * Has the disk have this text in a file, an absolute path. The file is what it was before, or
 * whole, even if the host loses power meanwhile. Its folder, and the one above that, are made
 * where they are missing, for root only. Waits for the disk. 0 or a negative errno.
 */
int durable_write(const char *path, const char *text);

#endif

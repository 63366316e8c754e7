/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_WORKER_IMAGE_H
#define XENVM_WORKER_IMAGE_H

/*
 * The container of a suspend image, the one that `xl save` writes (xen/tools/xl/xl.h, struct
 * save_file_header): a header, then optional data, then a libxl migration stream of version 2
 * (xen/docs/specs/libxl-migration-stream.pandoc). The optional data hold the length of a
 * configuration for xl, that configuration, and behind it what xl does not look at: here our own
 * facts, a JSON object.
 */

#include <stdbool.h>
#include <stddef.h>

enum { IMAGE_UUID = 37, IMAGE_NAME = 128, IMAGE_TYPE = 8, IMAGE_WHY = 160 };

struct image_facts {
    char uuid[IMAGE_UUID];
    char name[IMAGE_NAME];
    char type[IMAGE_TYPE];         /* pv, pvh or hvm */
    char token[IMAGE_UUID];        /* empty in an image of xl's */
    unsigned long long generation; /* of the VM's images; 0 in one of xl's */
    bool checkpoint;               /* its guest went on in its domain */
    unsigned long long memory;     /* MiB, what the guest had */
    unsigned long long memory_max; /* MiB */
    unsigned long long vcpus;
};

/*
 * Writes everything up to where libxenguest's own stream begins. `xl_config` is the text that xl
 * builds the domain from. 0 or a negative errno.
 */
int image_write_head(int fd, const struct image_facts *facts, const char *xl_config);

/*
 * Writes what stands behind libxenguest's stream: the device model's state, from the beginning of
 * that file, -1 for none. 0 or a negative errno.
 */
int image_write_tail(int fd, int model_fd);

/*
 * Reads up to where libxenguest's stream begins, and what the image says of its guest. 0, or -1
 * with the reason in `why`.
 */
int image_read_head(int fd, struct image_facts *facts, char why[IMAGE_WHY]);

/*
 * Reads what has to stand behind libxenguest's stream; the device model's state, if there is any,
 * goes to that file. 0, or -1 with the reason in `why`.
 */
int image_read_tail(int fd, int model_fd, char why[IMAGE_WHY]);

#endif

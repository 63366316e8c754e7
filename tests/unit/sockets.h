/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_TESTS_UNIT_SOCKETS_H
#define XENVM_TESTS_UNIT_SOCKETS_H

/* The sockets of monitors, and a monitor's end of a call, for the client's tests. */

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/rpc.h"

/* A listening socket with its name's link; through the working directory, as paths are short. */
static inline int listen_as(const char *uuid, const char *name, int backlog)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "vm-%s", uuid);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(symlink(address.sun_path, name), 0);
    return fd;
}

/* Accepts the client that waits, and reads its request. */
static inline int accept_request(int listener, struct rpc_request *request)
{
    int fd = accept(listener, NULL, NULL);
    uint8_t header[FRAME_HEADER];
    char text[1024];
    const char *why;
    size_t size;

    assert_true(fd >= 0);
    assert_int_equal(recv(fd, header, sizeof(header), MSG_WAITALL), FRAME_HEADER);
    size = frame_length(header);
    assert_true(size <= sizeof(text));
    assert_int_equal(recv(fd, text, size, MSG_WAITALL), size);
    assert_int_equal(rpc_request_parse(text, size, request, &why), 0);
    return fd;
}

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-client/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void set_error(char **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (vasprintf(error, format, args) < 0)
        *error = NULL;
    va_end(args);
}

const char *socket_directory(void)
{
    const char *dir = getenv("XENVM_SOCKET_DIR");

    return dir && *dir ? dir : "/run/xenvm";
}

/*
 * A path longer than a socket address can hold is reached through a descriptor of its directory,
 * and a name too long even then through the link that it is, whose target is short.
 */
static int connect_through(int fd, int dirfd, struct sockaddr_un *address, const char *file)
{
    const size_t room = sizeof(address->sun_path);
    char target[sizeof(address->sun_path)];
    ssize_t length;

    if ((size_t)snprintf(address->sun_path, room, "/proc/self/fd/%d/%s", dirfd, file) >= room) {
        length = readlinkat(dirfd, file, target, sizeof(target));
        if (length < 0)
            return errno == EINVAL ? -ENAMETOOLONG : -errno;
        if ((size_t)length == sizeof(target))
            return -ENAMETOOLONG;
        target[length] = '\0';
        if ((size_t)snprintf(address->sun_path, room, "/proc/self/fd/%d/%s", dirfd, target) >= room)
            return -ENAMETOOLONG;
    }
    return connect(fd, (struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
}

static int connect_to(int fd, const char *dir, const char *file)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const size_t room = sizeof(address.sun_path);
    int dirfd, result;

    if ((size_t)snprintf(address.sun_path, room, "%s/%s", dir, file) < room)
        return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;

    dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dirfd < 0)
        return -errno;
    result = connect_through(fd, dirfd, &address, file);
    close(dirfd);
    return result;
}

int above_standard(int fd)
{
    int high;

    if (fd < 0)
        return -errno;
    if (fd > STDERR_FILENO)
        return fd;
    high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (high < 0)
        high = -errno;
    close(fd);
    return high;
}

int client_open(struct client *client, const char *dir, const char *file)
{
    int result;

    *client = (struct client){ .fd = -1, .deadline = NO_DEADLINE };
    result = above_standard(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (result < 0)
        return result;
    client->fd = result;
    result = connect_to(client->fd, dir, file);
    if (result < 0)
        client_close(client);
    return result;
}

void client_close(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    free(client->buffer);
    client->buffer = NULL;
    client->used = client->size = 0;
}

/* Waits until the socket is ready: 0, -ETIMEDOUT or another negative errno. */
static int wait_ready(const struct client *client, short events)
{
    for (;;) {
        struct pollfd fd = { .fd = client->fd, .events = events };
        int64_t left = -1;
        int ready;

        if (client->deadline != NO_DEADLINE) {
            left = client->deadline - now_ms();
            if (left <= 0)
                return -ETIMEDOUT;
        }
        ready = poll(&fd, 1, left > 1000000 ? 1000000 : (int)left);
        if (ready > 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return -errno;
    }
}

/*
 * A monitor that refuses a client (because it has too many) answers and closes without reading:
 * so a broken pipe is no failure here, the answer may lie there already.
 */
static int send_all(struct client *client, const uint8_t *header, const char *body, size_t size)
{
    size_t sent = 0;

    while (sent < FRAME_HEADER + size) {
        size_t from_body = sent > FRAME_HEADER ? sent - FRAME_HEADER : 0;
        struct iovec parts[2] = {
            { .iov_base = (void *)(uintptr_t)header, .iov_len = FRAME_HEADER },
            { .iov_base = (void *)(uintptr_t)(body + from_body), .iov_len = size - from_body },
        };
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

        if (sent < FRAME_HEADER) {
            parts[0].iov_base = (void *)(uintptr_t)(header + sent);
            parts[0].iov_len = FRAME_HEADER - sent;
        } else {
            message.msg_iov = &parts[1];
            message.msg_iovlen = 1;
        }
        ssize_t count = sendmsg(client->fd, &message, MSG_NOSIGNAL);
        if (count >= 0) {
            sent += (size_t)count;
        } else if (errno == EAGAIN) {
            int result = wait_ready(client, POLLOUT);
            if (result < 0)
                return result;
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return 0;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

int client_call(struct client *client, const char *method, json_t *params, bool stream)
{
    char *text = rpc_request_text(method, params, stream);
    uint8_t header[FRAME_HEADER];
    size_t size;
    int result;

    if (!text)
        return -ENOMEM;
    size = strlen(text);
    client->stream = stream;
    if (size > FRAME_MAX) {
        result = -EMSGSIZE;
    } else {
        frame_header(header, (uint32_t)size);
        result = send_all(client, header, text, size);
    }
    free(text);
    return result;
}

static int take(struct client *client, size_t skip, size_t size, struct rpc_answer *answer)
{
    if (rpc_answer_parse(client->buffer + skip, size, answer) < 0)
        return -EPROTO;
    client->used -= skip + size;
    memmove(client->buffer, client->buffer + skip + size, client->used);
    return 1;
}

int client_next(struct client *client, struct rpc_answer *answer)
{
    uint32_t length;

    /* No frame begins with a brace (it would be one of 2 GB), but the bare answer of a monitor
     * that knows no streams, or that could not read the request, does. */
    if (client->stream && client->used && client->buffer[0] == '{')
        client->stream = false;
    if (!client->stream) {
        if (client->used > ANSWER_MAX)
            return -EPROTO;
        return client->ended && client->used ? take(client, 0, client->used, answer) : 0;
    }
    if (client->used < FRAME_HEADER)
        return client->ended && client->used ? -EPROTO : 0;
    length = frame_length((const uint8_t *)client->buffer);
    if (length == 0 || length > ANSWER_MAX)
        return -EPROTO;
    if (client->used - FRAME_HEADER < length)
        return client->ended ? -EPROTO : 0;
    return take(client, FRAME_HEADER, length, answer);
}

static int make_room(struct client *client)
{
    size_t size = client->size ? client->size * 2 : 4096;
    char *buffer;

    if (client->used < client->size)
        return 0;
    buffer = realloc(client->buffer, size);
    if (!buffer)
        return -ENOMEM;
    client->buffer = buffer;
    client->size = size;
    return 0;
}

int client_fill(struct client *client)
{
    /* One byte over the limit is enough for client_next() to refuse it. */
    while (!client->ended && client->used <= ANSWER_MAX + FRAME_HEADER) {
        int result = make_room(client);
        ssize_t count;

        if (result < 0)
            return result;
        count = recv(client->fd, client->buffer + client->used, client->size - client->used, 0);
        if (count > 0)
            client->used += (size_t)count;
        else if (count == 0 || errno == ECONNRESET)
            client->ended = true;
        else if (errno == EAGAIN)
            return 0;
        else if (errno != EINTR)
            return -errno;
    }
    return 0;
}

int client_receive(struct client *client, struct rpc_answer *answer)
{
    for (;;) {
        int result = client_next(client, answer);

        if (result != 0)
            return result;
        if (client->ended)
            return 0;
        result = wait_ready(client, POLLIN);
        if (result == 0)
            result = client_fill(client);
        if (result < 0)
            return result;
    }
}

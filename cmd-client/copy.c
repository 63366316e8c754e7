/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-client/console.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "cmd-client/client.h"

/*
 * Of one read or write. A pipe that poll() calls writable has room for so much (PIPE_BUF): `in`
 * and `out` are shared with other processes, so they are not made non-blocking.
 */
enum { CHUNK = 4096 };

static size_t room(const struct copy_buffer *buffer)
{
    return sizeof(buffer->bytes) - buffer->used;
}

static void add(struct copy_buffer *buffer, const char *bytes, size_t count)
{
    memcpy(buffer->bytes + buffer->used, bytes, count);
    buffer->used += count;
}

static void drop(struct copy_buffer *buffer, size_t count)
{
    buffer->used -= count;
    memmove(buffer->bytes, buffer->bytes + count, buffer->used);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

void copy_take_input(struct copy *copy, const char *bytes, size_t count)
{
    const char *leave = copy->terminal ? memchr(bytes, LEAVE_BYTE, count) : NULL;

    if (leave) {
        copy->left = true;
        count = (size_t)(leave - bytes);
    }
    add(&copy->to_tty, bytes, least(count, room(&copy->to_tty)));
}

size_t copy_input_room(const struct copy *copy)
{
    if (copy->in < 0 || copy->in_ended || copy->left)
        return 0;
    if (copy->terminal)
        return CHUNK;
    /* What comes out of a pipe can wait there, for the next domain too. */
    return copy->tty < 0 ? 0 : least(room(&copy->to_tty), CHUNK);
}

static bool not_now(void)
{
    return errno == EAGAIN || errno == EINTR;
}

static enum copy_end read_input(struct copy *copy)
{
    char bytes[CHUNK];
    ssize_t count = read(copy->in, bytes, copy_input_room(copy));

    if (count > 0)
        copy_take_input(copy, bytes, (size_t)count);
    else if (count == 0 || !not_now())
        copy->in_ended = true;
    /* A terminal ends by hanging up. */
    return copy->terminal && copy->in_ended ? COPY_USER_GONE : COPY_GOES_ON;
}

static enum copy_end write_tty(struct copy *copy)
{
    ssize_t count = write(copy->tty, copy->to_tty.bytes, least(copy->to_tty.used, CHUNK));

    if (count < 0)
        return not_now() ? COPY_GOES_ON : COPY_TTY_GONE;
    drop(&copy->to_tty, (size_t)count);
    return COPY_GOES_ON;
}

static enum copy_end read_tty(struct copy *copy)
{
    char bytes[CHUNK];
    ssize_t count = read(copy->tty, bytes, least(room(&copy->to_out), CHUNK));

    if (count == 0 || (count < 0 && !not_now()))
        return COPY_TTY_GONE;
    if (count > 0)
        add(&copy->to_out, bytes, (size_t)count);
    return COPY_GOES_ON;
}

static enum copy_end write_output(struct copy *copy)
{
    ssize_t count = write(copy->out, copy->to_out.bytes, least(copy->to_out.used, CHUNK));

    if (count < 0 && !not_now()) {
        copy->error = errno;
        return COPY_USER_GONE;
    }
    if (count > 0) {
        copy->last = copy->to_out.bytes[count - 1];
        drop(&copy->to_out, (size_t)count);
    }
    return COPY_GOES_ON;
}

enum { FD_IN, FD_OUT, FD_TTY, FD_SIGNALS, FDS };

/*
 * What there is to wait for. A descriptor that nothing is wanted of is left out: poll() would
 * return at once for as long as it is hung up. But `out` stays: that its reader went away is to
 * be noticed before there is something to write.
 */
static void choose(const struct copy *copy, struct pollfd fds[FDS])
{
    short tty = 0;

    if (room(&copy->to_out))
        tty |= POLLIN;
    if (copy->to_tty.used)
        tty |= POLLOUT;
    fds[FD_IN] = (struct pollfd){ .fd = copy_input_room(copy) ? copy->in : -1, .events = POLLIN };
    fds[FD_OUT] = (struct pollfd){ .fd = copy->out, .events = copy->to_out.used ? POLLOUT : 0 };
    fds[FD_TTY] = (struct pollfd){ .fd = tty ? copy->tty : -1, .events = tty };
    fds[FD_SIGNALS] = (struct pollfd){ .fd = copy->signals, .events = POLLIN };
}

static enum copy_end move(struct copy *copy, const struct pollfd fds[FDS])
{
    enum copy_end end = COPY_GOES_ON;

    if (fds[FD_SIGNALS].revents)
        return COPY_INTERRUPTED;
    if (fds[FD_IN].revents)
        end = read_input(copy);
    if (copy->left) {
        /* What was typed before goes to the guest, if it takes it at once. */
        if (copy->tty >= 0)
            write_tty(copy);
        return COPY_LEFT;
    }
    if (end == COPY_GOES_ON && (fds[FD_OUT].revents & POLLOUT))
        end = write_output(copy);
    else if (end == COPY_GOES_ON && fds[FD_OUT].revents)
        end = COPY_USER_GONE;
    if (end == COPY_GOES_ON && (fds[FD_TTY].revents & POLLOUT))
        end = write_tty(copy);
    if (end == COPY_GOES_ON && (fds[FD_TTY].revents & ~POLLOUT) && room(&copy->to_out))
        end = read_tty(copy);
    return end;
}

static enum copy_end step(struct copy *copy, int64_t deadline)
{
    struct pollfd fds[FDS];
    int64_t left = -1;

    if (deadline != NO_DEADLINE) {
        left = deadline - now_ms();
        if (left <= 0)
            return COPY_TIMED_OUT;
    }
    choose(copy, fds);
    /* EINTR is for the next round; nothing else can go wrong with four descriptors. */
    if (poll(fds, FDS, left > 1000000 ? 1000000 : (int)left) <= 0)
        return COPY_GOES_ON;
    return move(copy, fds);
}

enum copy_end copy_console(struct copy *copy, int64_t deadline)
{
    enum copy_end end;

    while ((end = step(copy, deadline)) == COPY_GOES_ON)
        ;
    return end;
}

enum copy_end copy_drain(struct copy *copy, int64_t deadline)
{
    enum copy_end end = COPY_GOES_ON;

    while (end == COPY_GOES_ON && copy->to_out.used)
        end = step(copy, deadline);
    return end;
}

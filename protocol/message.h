/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_PROTOCOL_MESSAGE_H
#define XENVM_PROTOCOL_MESSAGE_H

/*
 * What the monitor and its worker say to each other: a verb and some key=value pairs, one packet
 * of a SOCK_SEQPACKET pair each. In the packet they are strings that end in a NUL: the verb, then
 * keys and values in turn.
 *
 *   monitor -> worker   build | restore | save | resume | destroy | note | keep | forget
 *                       (the order, once)
 *                       suspended | refused    (answers to `suspend`)
 *                       go domid= …            (answer to `image`)
 *   worker -> monitor   progress done= total= [pass=]
 *                       image uuid= …          (restore: what the image's header says)
 *                       suspend                (save: make the guest stop now)
 *                       done [key=value…]
 *                       failed text=
 */

#include <stdbool.h>
#include <stddef.h>

enum { MESSAGE_MAX = 64 * 1024 };

/* The descriptors that a worker is started with. */
enum { WORKER_CHANNEL_FD = 3, WORKER_FIRST_FD = 4 };

struct message {
    size_t size;   /* of what is used, all NULs included */
    bool overflow; /* something did not fit: not to be sent */
    char data[MESSAGE_MAX];
};

void message_start(struct message *message, const char *verb);
void message_add(struct message *message, const char *key, const char *value);
void message_add_number(struct message *message, const char *key, unsigned long long value);

const char *message_verb(const struct message *message);
/* NULL where there is no such key. */
const char *message_get(const struct message *message, const char *key);
/* `missing` where there is no such key or it is no number. */
unsigned long long message_number(const struct message *message, const char *key,
                                  unsigned long long missing);

/* 0, or a negative errno (-EMSGSIZE for one that overflowed). */
int message_send(int fd, const struct message *message);

/* 1 for a message, 0 at the end of the channel, or a negative errno (-EAGAIN, -EBADMSG, …). */
int message_receive(int fd, struct message *message, int flags);

#endif

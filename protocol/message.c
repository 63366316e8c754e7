/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void append(struct message *message, const char *text)
{
    size_t length = strlen(text) + 1;

    if (length > sizeof(message->data) - message->size) {
        message->overflow = true;
        return;
    }
    memcpy(message->data + message->size, text, length);
    message->size += length;
}

void message_start(struct message *message, const char *verb)
{
    message->size = 0;
    message->overflow = false;
    append(message, verb);
}

void message_add(struct message *message, const char *key, const char *value)
{
    append(message, key);
    append(message, value);
}

void message_add_number(struct message *message, const char *key, unsigned long long value)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", value);
    message_add(message, key, text);
}

const char *message_verb(const struct message *message)
{
    return message->data;
}

static const char *next_string(const struct message *message, const char *text)
{
    text += strlen(text) + 1;
    return text < message->data + message->size ? text : NULL;
}

const char *message_get(const struct message *message, const char *key)
{
    const char *text = next_string(message, message->data);

    while (text) {
        const char *value = next_string(message, text);

        if (!value)
            return NULL;
        if (!strcmp(text, key))
            return value;
        text = next_string(message, value);
    }
    return NULL;
}

unsigned long long message_number(const struct message *message, const char *key,
                                  unsigned long long missing)
{
    const char *text = message_get(message, key);
    char *end;

    if (!text || *text < '0' || *text > '9')
        return missing;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    return *end || errno ? missing : value;
}

int message_send(int fd, const struct message *message)
{
    if (message->overflow)
        return -EMSGSIZE;
    if (send(fd, message->data, message->size, MSG_NOSIGNAL) < 0)
        return -errno;
    return 0;
}

int message_receive(int fd, struct message *message, int flags)
{
    ssize_t got;

    do
        got = recv(fd, message->data, sizeof(message->data), flags);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    if (got == 0)
        return 0;
    message->size = (size_t)got;
    message->overflow = false;
    if (message->data[got - 1] != '\0')
        return -EBADMSG;
    return 1;
}

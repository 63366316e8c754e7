/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/allow.h"
#include "monitor/log.h"
#include "monitor/util.h"

struct access {
    struct allow_rule *rules;
    size_t count;
};

/* Who is at the other end, as it was when it connected. */
struct peer {
    struct ucred credentials;
    gid_t *groups; /* besides its own */
    size_t count;
};

struct access *access_new(const struct config_texts *allow)
{
    struct access *access = need(calloc(1, sizeof(*access)));

    if (allow->count == 0)
        return access;
    access->rules = need(calloc(allow->count, sizeof(*access->rules)));
    for (size_t i = 0; i < allow->count; i++) {
        char *wrong = allow_read(allow->list[i], &access->rules[access->count]);

        if (wrong)
            log_warning("allow = %s: %s: nobody is allowed that", allow->list[i], wrong);
        else
            access->count++;
        free(wrong);
    }
    return access;
}

void access_free(struct access *access)
{
    if (!access)
        return;
    free(access->rules);
    free(access);
}

bool access_is_open(const struct access *access)
{
    return access->count > 0;
}

bool access_is_root(uid_t uid)
{
    return uid == 0 || uid == geteuid();
}

/* Where they can't be had, it has none. */
static void find_groups(int socket, struct peer *peer)
{
    socklen_t size = 0;

    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0 || errno != ERANGE)
        return;
    peer->groups = need(malloc(size));
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &size) == 0)
        peer->count = size / sizeof(*peer->groups);
}

static bool is_in_group(const struct peer *peer, gid_t group)
{
    bool found = peer->credentials.gid == group;

    for (size_t i = 0; i < peer->count && !found; i++)
        found = peer->groups[i] == group;
    return found;
}

static bool may(const struct access *access, const struct peer *peer, enum command_id id)
{
    for (size_t i = 0; i < access->count; i++) {
        const struct allow_rule *rule = &access->rules[i];

        if ((rule->commands & UINT64_C(1) << id) &&
            (rule->group ? is_in_group(peer, rule->id) : peer->credentials.uid == rule->id))
            return true;
    }
    return false;
}

/* The first argument that has a file opened, or NULL. */
static const char *path_among(const struct command_info *command, const json_t *params)
{
    for (size_t i = 0; i < MAX_ARGS && command->args[i].name; i++)
        if (command->args[i].type == ARG_PATH && json_object_get(params, command->args[i].name))
            return command->args[i].name;
    return NULL;
}

static struct failure *judge(const struct access *access, const struct peer *peer,
                             const struct command_info *command, const json_t *params)
{
    uid_t uid = peer->credentials.uid;

    if (access_is_root(uid))
        return NULL;
    if (!may(access, peer, (enum command_id)(command - command_table)))
        return fail(RPC_DENIED, "%s: user %u may not do that (allow in the VM's configuration)",
                    command->name, uid);
    const char *path = path_among(command, params);
    if (path)
        return fail(RPC_DENIED, "%s: %s= is for root alone", command->name, path);
    return NULL;
}

struct failure *access_check(const struct access *access, int socket,
                             const struct command_info *command, const json_t *params)
{
    struct peer peer = { 0 };
    socklen_t size = sizeof(peer.credentials);

    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer.credentials, &size) < 0)
        return fail(RPC_DENIED, "cannot tell who asks: %s", strerror(errno));
    if (!access_is_root(peer.credentials.uid))
        find_groups(socket, &peer);
    struct failure *failure = judge(access, &peer, command, params);
    if (failure)
        log_warning("refused to user %u (process %d): %s", peer.credentials.uid,
                    (int)peer.credentials.pid, failure->text);
    free(peer.groups);
    return failure;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/worker.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct order {
    const char *verb;
    int (*carry_out)(struct worker *worker);
    bool without_xen;
} orders[] = {
    { "build", build_domain, false },     { "save", save_domain, false },
    { "restore", restore_domain, false }, { "resume", resume_domain, false },
    { "destroy", destroy_domain, false }, { "note", note, true },
    { "keep", keep_file, true },          { "forget", forget_file, true },
};

static const struct order *find_order(const char *verb)
{
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
        if (!strcmp(orders[i].verb, verb))
            return &orders[i];
    return NULL;
}

/*
 * Whether the monitor died before prctl() below: Xen's interface must not be touched then. Its end
 * of the channel is closed before its children get their signal.
 */
static bool is_orphan(void)
{
    char byte;

    return recv(WORKER_CHANNEL_FD, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

int main(int argc, char **argv)
{
    static struct message order;
    struct worker worker = { .order = &order };
    int type;
    socklen_t size = sizeof(type);

    if (getsockopt(WORKER_CHANNEL_FD, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
        type != SOCK_SEQPACKET) {
        fprintf(stderr, "xenvm-worker: started by xenvm only; it takes no arguments\n");
        return 2;
    }
    /* Never at work on a domain that a new monitor has begun to look after. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

    channel_receive(&order);
    if (is_orphan())
        return 1;
    const struct order *found = find_order(message_verb(&order));
    if (!found) {
        report_own_failure("xenvm-worker does not know '%s'", message_verb(&order));
        return 1;
    }
    if (!found->without_xen)
        worker.xch = report_open_xen();
    if (!found->without_xen && !worker.xch) {
        report_failure("cannot open Xen's control interface");
        return 1;
    }
    worker.domid = (uint32_t)message_number(&order, "domid", DOMID_INVALID);
    return found->carry_out(&worker) ? 1 : 0;
}

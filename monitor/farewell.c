/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/farewell.h"

#include <stdlib.h>

#include "monitor/util.h"

enum { FIRST_US = 1000, LONGEST_US = 100 * 1000, ALL_US = 2 * 1000 * 1000 };

struct farewell {
    xc_interface *xch;
    domid_t domid;
    evtchn_port_t port;
    struct event *again;
    long pause, waited; /* in microseconds */
    farewell_done *done;
    void *arg;
};

/* Of a frontend's channels, the one that is named first. They end together. */
static long long find_port(struct store *store, const char *frontend)
{
    static const char *const nodes[] = { "event-channel", "event-channel-tx",
                                         "queue-0/event-channel", "queue-0/event-channel-tx" };
    long long port = -1;

    for (size_t i = 0; port < 0 && i < sizeof(nodes) / sizeof(nodes[0]); i++)
        port = store_number(store, -1, "%s/%s", frontend, nodes[i]);
    return port;
}

/* With nobody at its other end, a channel waits for somebody until it is closed. */
static bool guest_has_it(const struct farewell *farewell)
{
    xc_evtchn_status_t status = { .dom = farewell->domid, .port = farewell->port };

    return xc_evtchn_status(farewell->xch, &status) == 0 && status.status == EVTCHNSTAT_unbound;
}

static void look(evutil_socket_t fd, short what, void *arg)
{
    struct farewell *farewell = arg;
    struct timeval wait = { .tv_usec = farewell->pause };

    if (farewell->waited >= ALL_US || !guest_has_it(farewell)) {
        farewell->done(farewell->arg);
        return;
    }
    evtimer_add(farewell->again, &wait);
    farewell->waited += farewell->pause;
    farewell->pause = farewell->pause * 2 < LONGEST_US ? farewell->pause * 2 : LONGEST_US;
}

struct farewell *farewell_new(struct event_base *base, xc_interface *xch, struct store *store,
                              uint32_t domid, const char *frontend)
{
    long long port = find_port(store, frontend);

    if (port < 0 || port > UINT32_MAX)
        return NULL;
    struct farewell *farewell = need(calloc(1, sizeof(*farewell)));
    farewell->xch = xch;
    farewell->domid = (domid_t)domid;
    farewell->port = (evtchn_port_t)port;
    farewell->pause = FIRST_US;
    farewell->again = need(evtimer_new(base, look, farewell));
    return farewell;
}

void farewell_wait(struct farewell *farewell, farewell_done *done, void *arg)
{
    static const struct timeval now = { 0 };

    farewell->done = done;
    farewell->arg = arg;
    evtimer_add(farewell->again, &now);
}

void farewell_free(struct farewell *farewell)
{
    if (!farewell)
        return;
    event_free(farewell->again);
    free(farewell);
}

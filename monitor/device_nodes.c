/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/device_nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>

enum { FOREIGN_LEVELS = 4 }; /* of a driver domain: what was its last may be there for us alone */

struct nodes {
    const struct device *device;
    const void *about;
};

static void write_nodes(struct writing *writing, const void *arg)
{
    const struct nodes *nodes = arg;
    const struct device *device = nodes->device;
    const struct device_place *place = device_place(device);
    char frontend[STORE_PATH_SIZE], backend[STORE_PATH_SIZE];

    device_frontend_path(device, frontend);
    device_backend_path(device, backend);
    snprintf(writing->root, sizeof(writing->root), "%s", frontend);
    writing_remove(writing);
    writing_make(writing, "", place->domid, place->backend_domid);
    writing_put(writing, "backend", "%s", backend);
    writing_put(writing, "backend-id", "%u", place->backend_domid);
    writing_put(writing, "state", "%d", XenbusStateInitialising);
    device_kind(device)->write_frontend(writing, nodes->about);

    snprintf(writing->root, sizeof(writing->root), "%s", backend);
    writing_remove(writing);
    writing_make(writing, "", place->backend_domid, place->domid);
    writing_put(writing, "frontend", "%s", frontend);
    writing_put(writing, "frontend-id", "%u", place->domid);
    writing_put(writing, "online", "1");
    writing_put(writing, "toolstack", "xenvm");
    writing_put(writing, "script", XENVM_LIBEXECDIR "/%s", device_kind(device)->script);
    device_kind(device)->write_backend(writing, nodes->about);
    /* A backend begins when it sees its state. */
    if (!device_kind(device)->called)
        writing_put(writing, "state", "%d", XenbusStateInitialising);
}

/* The nodes of one end, and of the `levels` folders above those whose last it was. */
static void remove_end(struct store *store, char path[STORE_PATH_SIZE], int levels)
{
    unsigned int others = 0;

    store_remove(store, path);
    while (levels-- > 0 && others == 0) {
        *strrchr(path, '/') = '\0';
        free(store_list(store, path, &others));
        if (others == 0)
            store_remove(store, path);
    }
}

void device_nodes_remove(const struct device *device)
{
    char path[STORE_PATH_SIZE];

    device_frontend_path(device, path);
    remove_end(device_store(device), path, 1);
    device_backend_path(device, path);
    remove_end(device_store(device), path,
               device_place(device)->backend_domid == 0 ? 1 : FOREIGN_LEVELS);
}

/* Nothing for a backend that has gone with its domain, whose folder this would make anew. */
static void write_closing(struct writing *writing, const void *arg)
{
    const struct device *device = arg;

    device_backend_path(device, writing->root);
    char *frontend = writing_read(writing, "frontend");
    if (frontend) {
        writing_put(writing, "online", "0");
        writing_put(writing, "state", "%d", XenbusStateClosing);
    }
    free(frontend);
}

/*
 * The same on behalf of a guest that is not asked. Xenstored has removed the nodes of one that is
 * dead without telling the backend: made anew, they do. It hears only of what it may read.
 */
static void write_closed(struct writing *writing, const void *arg)
{
    write_closing(writing, arg);
    device_frontend_path(arg, writing->root);
    char *backend = writing_read(writing, "backend");
    if (!backend)
        writing_make(writing, "", 0, device_place(arg)->backend_domid);
    writing_put(writing, "state", "%d", XenbusStateClosed);
    free(backend);
}

static void write_open(struct writing *writing, const void *arg)
{
    const struct device *device = arg;

    device_backend_path(device, writing->root);
    writing_put(writing, "online", "1");
    writing_put(writing, "state", "%d", XenbusStateConnected);
}

static void write_begin(struct writing *writing, const void *arg)
{
    device_backend_path(arg, writing->root);
    writing_put(writing, "state", "%d", XenbusStateInitialising);
}

struct failure *device_nodes_write(const struct device *device, const void *about)
{
    const struct nodes nodes = { device, about };

    return store_transact(device_store(device), write_nodes, &nodes, device_label(device));
}

static void change(const struct device *device, void (*write)(struct writing *, const void *))
{
    failure_free(store_transact(device_store(device), write, device, device_label(device)));
}

void device_nodes_begin(const struct device *device)
{
    change(device, write_begin);
}

void device_nodes_open(const struct device *device)
{
    change(device, write_open);
}

void device_nodes_close(const struct device *device, bool for_guest)
{
    change(device, for_guest ? write_closed : write_closing);
}

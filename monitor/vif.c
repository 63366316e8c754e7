/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/vif.h"

#include <dirent.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "monitor/util.h"

static bool is_bridge(const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "/sys/class/net/%s/bridge", name);
    return access(path, F_OK) == 0;
}

/* The bridge that was made first; empty where there is none. */
static void first_bridge(char bridge[NIC_BRIDGE_SIZE])
{
    DIR *directory = opendir("/sys/class/net");
    unsigned int first = 0;
    const struct dirent *entry;

    bridge[0] = '\0';
    while (directory && (entry = readdir(directory))) {
        const char *name = entry->d_name;

        if (name[0] == '.' || strlen(name) >= NIC_BRIDGE_SIZE || !is_bridge(name))
            continue;
        unsigned int index = if_nametoindex(name);
        if (index != 0 && (first == 0 || index < first)) {
            first = index;
            snprintf(bridge, NIC_BRIDGE_SIZE, "%.15s", name);
        }
    }
    if (directory)
        closedir(directory);
}

struct failure *vif_check_bridge(const char *deed, int id, const char *bridge)
{
    if (is_bridge(bridge))
        return NULL;
    return fail(RPC_FAILED, "cannot %s nic %d: %s: %s", deed, id, bridge,
                if_nametoindex(bridge) ? "is no bridge" : "this host has no such bridge");
}

struct failure *vif_prepare(struct vif *vif, const struct nic *nic, const uuid_t vm)
{
    vif->nic = nic;
    nic_mac(nic, vm, vif->mac);
    snprintf(vif->bridge, sizeof(vif->bridge), "%s", nic->bridge);
    if (nic->backend_domid != 0)
        return NULL; /* the bridges are that domain's */
    if (!vif->bridge[0])
        first_bridge(vif->bridge);
    if (!vif->bridge[0])
        return fail(RPC_FAILED, "cannot attach nic %d: this host has no bridge", nic->id);
    return vif_check_bridge("attach", nic->id, vif->bridge);
}

char *vif_label(const struct vif *vif)
{
    return text("nic %d (%s)", vif->nic->id, vif->bridge[0] ? vif->bridge : "no bridge");
}

/* What both ends have. */
static void write_frontend(struct writing *writing, const void *about)
{
    const struct vif *vif = about;
    char mac[NIC_MAC_TEXT_SIZE];

    nic_mac_text(vif->mac, mac);
    writing_put(writing, "handle", "%d", vif->nic->id);
    writing_put(writing, "mac", "%s", mac);
}

static void write_backend(struct writing *writing, const void *about)
{
    const struct vif *vif = about;
    const struct nic_rate *rate = &vif->nic->rate;

    write_frontend(writing, about);
    writing_put(writing, "type", "vif");
    if (vif->bridge[0])
        writing_put(writing, "bridge", "%s", vif->bridge);
    if (rate->interval_us)
        writing_put(writing, "rate", "%llu,%u", (unsigned long long)rate->bytes_per_interval,
                    rate->interval_us);
}

const struct device_kind vif_kind = {
    .name = "nic",
    .frontend = "vif",
    .backend = "vif",
    .script = "vif",
    .write_frontend = write_frontend,
    .write_backend = write_backend,
};

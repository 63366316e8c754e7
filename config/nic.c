/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/nic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/fields.h"
#include "config/text.h"

enum { MODEL_MAX = 31 };

/* The first byte of a MAC address, IEEE 802. */
enum { MAC_GROUP = 0x01, MAC_LOCAL = 0x02 };

/* What Linux takes as the name of an interface: dev_valid_name() in net/core/dev.c. */
static bool is_interface(const char *name)
{
    if (!*name || strlen(name) >= NIC_BRIDGE_SIZE || !strcmp(name, ".") || !strcmp(name, ".."))
        return false;
    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;

        /* White space there is that of Latin-1, with its no-break space. */
        if (c == '/' || c == ':' || c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0)
            return false;
    }
    return true;
}

char *nic_set_bridge(struct nic *nic, const char *bridge)
{
    char *bad = config_bad_text(bridge, strlen(bridge)), *message;

    if (bad) {
        message = config_format("bridge: %s", bad);
        free(bad);
        return message;
    }
    /* A comma would end it in nic_text(). */
    if (!is_interface(bridge) || strchr(bridge, ','))
        return fields_wrong("bridge", bridge, "is no name of an interface",
                            "1 to 15 bytes without / : , and white space, and not . or ..");
    snprintf(nic->bridge, sizeof(nic->bridge), "%s", bridge);
    return NULL;
}

static char *set_bridge(void *nic, const char *name, const char *text)
{
    return nic_set_bridge(nic, text);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool read_mac(const char *text, unsigned char mac[NIC_MAC_SIZE])
{
    if (strlen(text) != NIC_MAC_TEXT_SIZE - 1)
        return false;
    for (size_t i = 0; i < NIC_MAC_SIZE; i++, text += 3) {
        int high = hex_digit(text[0]), low = hex_digit(text[1]);

        if (high < 0 || low < 0 || text[2] != (i + 1 < NIC_MAC_SIZE ? ':' : '\0'))
            return false;
        mac[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static char *set_mac(void *device, const char *name, const char *text)
{
    static const unsigned char zero[NIC_MAC_SIZE];
    struct nic *nic = device;
    const char *what = NULL;

    nic->mac_kind = NIC_MAC_GIVEN;
    if (strcmp(text, "random") == 0)
        nic->mac_kind = NIC_MAC_RANDOM;
    else if (!read_mac(text, nic->mac))
        what = "is no MAC address";
    else if (nic->mac[0] & MAC_GROUP)
        what = "is a multicast address";
    else if (memcmp(nic->mac, zero, NIC_MAC_SIZE) == 0)
        what = "is all zero";
    if (!what)
        return NULL;
    return fields_wrong(name, text, what,
                        "random, or six bytes as 02:16:3e:0a:0b:0c, not all zero and the first "
                        "one even");
}

static char *set_id(void *device, const char *name, const char *text)
{
    struct nic *nic = device;
    unsigned int id = 0;
    char *wrong = fields_number(name, text, 0, NIC_ID_MAX, &id);

    if (!wrong)
        nic->id = (int)id;
    return wrong;
}

static char *set_model(void *nic, const char *name, const char *text)
{
    return fields_name(name, text, MODEL_MAX, "-_.", &((struct nic *)nic)->model);
}

static char *set_backend_domid(void *nic, const char *name, const char *text)
{
    return fields_number(name, text, 0, FIELDS_DOMID_MAX, &((struct nic *)nic)->backend_domid);
}

static char *set_rate(void *nic, const char *name, const char *text)
{
    return rate_parse(name, text, &((struct nic *)nic)->rate);
}

static const struct field_option options[] = {
    { "bridge", set_bridge },
    { "mac", set_mac },
    { "id", set_id },
    { "model", set_model },
    { "backend-domid", set_backend_domid },
    { "rate", set_rate },
    { NULL, NULL },
};

struct nic *nic_parse(const char *value, char **error)
{
    struct nic *nic = config_alloc(1, sizeof(*nic));
    struct fields fields;

    nic->id = NIC_NO_ID;
    *error = fields_split(&fields, value, ',', false);
    if (!*error && *value)
        *error = fields_options(fields.parts, fields.count, options, nic);
    fields_free(&fields);
    if (!*error)
        return nic;
    nic_free(nic);
    return NULL;
}

void nic_mac_text(const unsigned char mac[NIC_MAC_SIZE], char text[NIC_MAC_TEXT_SIZE])
{
    snprintf(text, NIC_MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
             mac[3], mac[4], mac[5]);
}

static void write_mac(FILE *out, const struct nic *nic)
{
    char text[NIC_MAC_TEXT_SIZE] = "random";

    if (nic->mac_kind == NIC_MAC_DERIVED)
        return;
    if (nic->mac_kind == NIC_MAC_GIVEN)
        nic_mac_text(nic->mac, text);
    fprintf(out, ",mac=%s", text);
}

static void write_rate(FILE *out, const struct nic_rate *rate)
{
    char *text;

    if (rate->bytes_per_interval == 0)
        return;
    text = rate_text(rate);
    fprintf(out, ",rate=%s", text);
    free(text);
}

char *nic_text(const struct nic *nic)
{
    struct fields_writer writer;
    FILE *out = fields_write(&writer);
    char *text;

    if (*nic->bridge)
        fprintf(out, ",bridge=%s", nic->bridge);
    write_mac(out, nic);
    if (nic->id != NIC_NO_ID)
        fprintf(out, ",id=%d", nic->id);
    if (nic->model)
        fprintf(out, ",model=%s", nic->model);
    if (nic->backend_domid)
        fprintf(out, ",backend-domid=%u", nic->backend_domid);
    write_rate(out, &nic->rate);
    text = fields_written(&writer);
    /* Each part has a comma before it. */
    if (*text)
        memmove(text, text + 1, strlen(text));
    return text;
}

void nic_free(struct nic *nic)
{
    if (!nic)
        return;
    free(nic->model);
    free(nic);
}

static void make_local(unsigned char mac[NIC_MAC_SIZE])
{
    mac[0] = (unsigned char)((mac[0] & ~(unsigned int)MAC_GROUP) | MAC_LOCAL);
}

void nic_mac_derive(const uuid_t vm, unsigned int id, unsigned char mac[NIC_MAC_SIZE])
{
    char *name = config_format("nic-%u", id);
    uuid_t hash;

    /* None of the UUID's fixed bits is in its first six bytes. */
    uuid_generate_sha1(hash, vm, name, strlen(name));
    free(name);
    memcpy(mac, hash, NIC_MAC_SIZE);
    make_local(mac);
}

void nic_mac(const struct nic *nic, const uuid_t vm, unsigned char mac[NIC_MAC_SIZE])
{
    switch (nic->mac_kind) {
    case NIC_MAC_DERIVED:
        nic_mac_derive(vm, (unsigned int)nic->id, mac);
        break;
    case NIC_MAC_GIVEN:
        memcpy(mac, nic->mac, NIC_MAC_SIZE);
        break;
    case NIC_MAC_RANDOM:
        /* It fails only where the kernel has no such call. */
        if (getentropy(mac, NIC_MAC_SIZE) != 0)
            abort();
        make_local(mac);
        break;
    }
}

/* The address that a card has at every start; false where there is none, or it isn't known. */
static bool lasting_mac(const struct nic *nic, const uuid_t vm, unsigned char mac[NIC_MAC_SIZE])
{
    if (nic->mac_kind == NIC_MAC_RANDOM)
        return false;
    if (nic->mac_kind == NIC_MAC_DERIVED && (uuid_is_null(vm) || nic->id == NIC_NO_ID))
        return false;
    nic_mac(nic, vm, mac);
    return true;
}

char *nic_conflict(const struct nic *nic, const struct nic *other, const uuid_t vm)
{
    unsigned char mac[NIC_MAC_SIZE], taken[NIC_MAC_SIZE];
    char text[NIC_MAC_TEXT_SIZE];

    if (nic->id != NIC_NO_ID && nic->id == other->id)
        return config_format("id '%d' is that of another nic, accepted: one that no other nic has",
                             nic->id);
    if (!lasting_mac(nic, vm, mac) || !lasting_mac(other, vm, taken) ||
        memcmp(mac, taken, NIC_MAC_SIZE) != 0)
        return NULL;
    nic_mac_text(mac, text);
    return fields_wrong("mac", text, "is that of another nic", "one that no other nic has");
}

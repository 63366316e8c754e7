/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/pci.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/fields.h"
#include "config/text.h"

/* One of an address's four numbers. */
struct number {
    unsigned int digits, max;
    char end; /* the character behind it */
};

/* As lspci -D writes an address: xl-pci-configuration(5) of Xen. */
static const struct number numbers[] = {
    { 4, 0xffff, ':' },
    { 2, 0xff, ':' },
    { 2, 0x1f, '.' },
    { 1, 7, '\0' },
};

enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

/* Reads hexadecimal digits up to the number's end. Returns what is behind that, or NULL. */
static const char *read_number(const char *text, const struct number *number, unsigned int *value)
{
    size_t digits = strspn(text, "0123456789abcdefABCDEF");

    if (digits == 0 || digits > number->digits || text[digits] != number->end)
        return NULL;
    *value = (unsigned int)strtoul(text, NULL, 16);
    return *value <= number->max ? text + digits + 1 : NULL;
}

bool pci_read_address(const char *text, struct pci_device *pci)
{
    unsigned int *values[NUMBERS] = { &pci->domain, &pci->bus, &pci->device, &pci->function };

    for (size_t i = 0; text && i < NUMBERS; i++)
        text = read_number(text, &numbers[i], values[i]);
    return text != NULL;
}

static char *set_address(struct pci_device *pci, const char *text)
{
    if (pci_read_address(text, pci))
        return NULL;
    return fields_wrong("address", text, "is none of a PCI device",
                        "domain:bus:device.function, hexadecimal, 0000:00:00.0 to ffff:ff:1f.7");
}

static char *set_choice(enum pci_choice *choice, const char *name, const char *text)
{
    bool value = false;
    char *wrong = fields_bool(name, text, &value);

    if (!wrong)
        *choice = value ? PCI_ON : PCI_OFF;
    return wrong;
}

static char *set_msitranslate(void *pci, const char *name, const char *text)
{
    return set_choice(&((struct pci_device *)pci)->msitranslate, name, text);
}

static char *set_power_mgmt(void *pci, const char *name, const char *text)
{
    return set_choice(&((struct pci_device *)pci)->power_mgmt, name, text);
}

static char *set_permissive(void *pci, const char *name, const char *text)
{
    return fields_bool(name, text, &((struct pci_device *)pci)->permissive);
}

static const struct field_option options[] = {
    { "msitranslate", set_msitranslate },
    { "power_mgmt", set_power_mgmt },
    { "permissive", set_permissive },
    { NULL, NULL },
};

static char *set_pci(struct pci_device *pci, const struct fields *fields)
{
    size_t next = 1;
    char *wrong;

    if (fields->count == 1 && !*fields->parts[0])
        return config_format("has no value, accepted: " PCI_FORMAT);
    wrong = fields_number("id", fields->parts[0], 0, PCI_ID_MAX, &pci->id);
    if (wrong)
        return wrong;
    pci->bind = fields->count > next && strcmp(fields->parts[next], "bind") == 0;
    next += pci->bind;
    if (fields->count <= next)
        return config_format("has no address, accepted: " PCI_FORMAT);
    wrong = set_address(pci, fields->parts[next++]);
    if (wrong)
        return wrong;
    return fields_options(fields->parts + next, fields->count - next, options, pci);
}

struct pci_device *pci_parse(const char *value, char **error)
{
    struct pci_device *pci = config_alloc(1, sizeof(*pci));
    struct fields fields;

    *error = fields_split(&fields, value, ',', false);
    if (!*error)
        *error = set_pci(pci, &fields);
    fields_free(&fields);
    if (!*error)
        return pci;
    pci_free(pci);
    return NULL;
}

void pci_address(const struct pci_device *pci, char text[PCI_ADDRESS_SIZE])
{
    snprintf(text, PCI_ADDRESS_SIZE, "%04x:%02x:%02x.%x", pci->domain & 0xffff, pci->bus & 0xff,
             pci->device & 0x1f, pci->function & 7);
}

static void write_choice(FILE *out, const char *name, enum pci_choice choice)
{
    if (choice != PCI_DEFAULT)
        fprintf(out, ",%s=%s", name, choice == PCI_ON ? "1" : "0");
}

char *pci_text(const struct pci_device *pci)
{
    char address[PCI_ADDRESS_SIZE];
    struct fields_writer writer;
    FILE *out = fields_write(&writer);

    pci_address(pci, address);
    fprintf(out, "%u,%s%s", pci->id, pci->bind ? "bind," : "", address);
    write_choice(out, "msitranslate", pci->msitranslate);
    write_choice(out, "power_mgmt", pci->power_mgmt);
    write_choice(out, "permissive", pci->permissive ? PCI_ON : PCI_DEFAULT);
    return fields_written(&writer);
}

void pci_free(struct pci_device *pci)
{
    free(pci);
}

bool pci_is_same(const struct pci_device *pci, const struct pci_device *other)
{
    return pci->domain == other->domain && pci->bus == other->bus && pci->device == other->device &&
           pci->function == other->function;
}

char *pci_conflict(const struct pci_device *pci, const struct pci_device *other)
{
    char address[PCI_ADDRESS_SIZE];

    if (!pci_is_same(pci, other))
        return NULL;
    pci_address(pci, address);
    return fields_wrong("address", address, "is given twice", "each device of the host once");
}

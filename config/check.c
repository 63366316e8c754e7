/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether the keys of a configuration get along with each other. */
#include <stdlib.h>

#include "config/devices.h"
#include "config/disk.h"
#include "config/keys.h"
#include "config/parser.h"

static const struct seen *seen_of(const struct parser *parser, const char *name)
{
    return &parser->seen[config_key_find(name) - config_keys];
}

/* Both keys say what the guest is; one of them is enough. */
static void check_type(struct parser *parser)
{
    const struct seen *type = seen_of(parser, "type"), *hvm = seen_of(parser, "hvm");
    struct vm_config *config = parser->config;

    if (type->valid && hvm->valid && config->hvm != (config->type == GUEST_HVM))
        parser_say(parser, CONFIG_ERROR, &hvm->at, "hvm",
                   "%s disagrees with type = %s (line %u), accepted: one of the two, or both alike",
                   config->hvm ? "true" : "false", guest_type_name(config->type), type->at.line);
    if (!type->valid && hvm->valid)
        config->type = config->hvm ? GUEST_HVM : GUEST_PV;
    config->hvm = config->type == GUEST_HVM;
}

/* Whether it is known what the guest is meant to be. */
static bool knows_type(const struct parser *parser)
{
    const struct seen *type = seen_of(parser, "type"), *hvm = seen_of(parser, "hvm");

    return (!type->at.line || type->valid) && (!hvm->at.line || hvm->valid);
}

/* A key that does nothing for this kind of guest is a misunderstanding. */
static void check_guests(struct parser *parser)
{
    if (!knows_type(parser))
        return;
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];

        if (!parser->seen[i].at.line || key->guests & parser->config->type)
            continue;
        char *guests = config_key_guests(key);
        parser_say(parser, CONFIG_ERROR, &parser->seen[i].at, parser->seen[i].as,
                   "means nothing to a %s guest, accepted: for %s",
                   guest_type_name(parser->config->type), guests);
        free(guests);
    }
}

static bool has_disk(const struct vm_config *config)
{
    for (size_t i = 0; i < config->disk_count; i++)
        if (config->disks[i]->physpath)
            return true;
    return false;
}

/* Whether it is known what was meant, by a value that was taken or by the key's absence. */
static bool is_clear(const struct parser *parser, const char *name)
{
    const struct seen *seen = seen_of(parser, name);

    return !seen->at.line || seen->valid;
}

/* A guest without firmware that is to be built needs a kernel, or a disk to find one in. */
static void check_kernel(struct parser *parser)
{
    static const char *const said[] = { "kernel", "bootloader", "disk", "startup" };
    const struct seen *kernel = seen_of(parser, "kernel");
    const struct vm_config *config = parser->config;

    /* What these were meant to say may well be that no kernel is needed. */
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
        if (!is_clear(parser, said[i]))
            return;
    if (!knows_type(parser) || config->type == GUEST_HVM || config->kernel || has_disk(config))
        return;
    if (config->startup != STARTUP_STARTED && config->startup != STARTUP_PAUSED)
        return;
    parser_say(
        parser, CONFIG_ERROR, &kernel->at, "kernel",
        "%s, accepted: the absolute path of a %s kernel, or a disk to find one in (neither is "
        "needed with startup = shutdown, restore and restore-del)",
        kernel->at.line ? "has no value" : "missing", config->type == GUEST_PVH ? "PVH" : "PV");
}

static void check_memory(struct parser *parser)
{
    const struct seen *memory = seen_of(parser, "memory"), *most = seen_of(parser, "memory-max");
    const struct vm_config *config = parser->config;

    if ((memory->at.line && !memory->valid) || !most->valid || config->memory_max == 0 ||
        config->memory_max >= config->memory)
        return;
    parser_say(
        parser, CONFIG_ERROR, &most->at, "memory-max",
        "%lld MiB is less than memory, which is %lld MiB%s, accepted: 0 or at least %lld MiB",
        config->memory_max, config->memory, memory->at.line ? "" : " by default", config->memory);
}

/* Sockets that are not full can't be told to a guest. */
static void check_sockets(struct parser *parser)
{
    const struct seen *sockets = seen_of(parser, "cores-per-socket"),
                      *vcpus = seen_of(parser, "vcpus");
    const struct vm_config *config = parser->config;

    if (!sockets->valid || (vcpus->at.line && !vcpus->valid) ||
        config->vcpus % config->cores_per_socket == 0)
        return;
    parser_say(parser, CONFIG_ERROR, &sockets->at, "cores-per-socket",
               "%d does not divide vcpus, which is %lld%s, accepted: a power of two that does",
               config->cores_per_socket, config->vcpus, vcpus->at.line ? "" : " by default");
}

/* Pieces of the host that there would be nothing to show in. */
static void check_tables(struct parser *parser)
{
    const struct seen *oem = seen_of(parser, "smbios-oem-type-pt"),
                      *smbios = seen_of(parser, "smbios-pt"), *acpi_pt = seen_of(parser, "acpi-pt");
    const struct vm_config *config = parser->config;

    if (oem->valid && !config->smbios_pt && (!smbios->at.line || smbios->valid))
        parser_say(parser, CONFIG_ERROR, &oem->at, "smbios-oem-type-pt",
                   "means nothing without smbios-pt = true, accepted: with it");
    if (config->acpi_pt && !config->acpi)
        parser_say(parser, CONFIG_ERROR, &acpi_pt->at, "acpi-pt",
                   "means nothing with acpi = false, accepted: with acpi = true");
}

/* The video card's memory is taken from the guest's. */
static void check_video(struct parser *parser)
{
    const struct seen *memory = seen_of(parser, "memory"), *video = seen_of(parser, "videoram");
    const struct vm_config *config = parser->config;

    if (config->type != GUEST_HVM || (memory->at.line && !memory->valid) ||
        (video->at.line && !video->valid) || config->memory > config->videoram)
        return;
    parser_say(parser, CONFIG_ERROR, memory->at.line ? &memory->at : &video->at, "memory",
               "%lld MiB%s is no more than videoram, which is %d MiB%s, accepted: at least %d MiB",
               config->memory, memory->at.line ? "" : " by default", config->videoram,
               video->at.line ? "" : " by default", config->videoram + 1);
}

/* Devices of a kind must get along with each other. */
static void check_devices(struct parser *parser, const struct config_key *key)
{
    const struct given *given = parser->seen[key - config_keys].given;
    size_t count = parser->seen[key - config_keys].given_count, other;

    for (size_t i = 0; i < count; i++) {
        char *what = key->devices->conflict(parser->config, i, &other);

        if (what && other != i)
            parser_say(parser, CONFIG_ERROR, &given[i].at, given[i].as, "%s (the other: line %u)",
                       what, given[other].at.line);
        else if (what)
            parser_say(parser, CONFIG_ERROR, &given[i].at, given[i].as, "%s", what);
        free(what);
        what = knows_type(parser) ? key->devices->misfit(parser->config, i) : NULL;
        if (what)
            parser_say(parser, CONFIG_ERROR, &given[i].at, given[i].as, "%s", what);
        free(what);
    }
}

void parser_check(struct parser *parser)
{
    check_type(parser);
    config_nics_number(parser->config);
    if (parser->flags & CONFIG_PIECEMEAL)
        return;
    check_guests(parser);
    check_kernel(parser);
    check_memory(parser);
    check_video(parser);
    check_sockets(parser);
    check_tables(parser);
    for (size_t i = 0; i < config_key_count; i++)
        check_devices(parser, &config_keys[i]);
}

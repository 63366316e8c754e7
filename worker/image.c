/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/image.h"

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

enum {
    BYTE_ORDER_MARK = 0x01020304,
    CONFIG_IS_JSON = 1 << 0,
    STREAM_IS_V2 = 1 << 1,
    OPTIONAL_MAX = 1 << 20,
};

static const char container_magic[32] = "Xen saved domain, xl format\n \0 \r";

struct container_header {
    char magic[32];
    uint32_t byte_order;
    uint32_t mandatory_flags;
    uint32_t optional_flags;
    uint32_t optional_size;
};

struct stream_header {
    uint64_t ident;
    uint32_t version;
    uint32_t options;
};

struct record_header {
    uint32_t type;
    uint32_t size;
};

#define STREAM_IDENT UINT64_C(0x4c6962786c466d74) /* "LibxlFmt" */
enum { STREAM_VERSION = 2, STREAM_BIG_ENDIAN = 1 << 0, STREAM_LEGACY = 1 << 1 };
enum {
    RECORD_END = 0,
    RECORD_LIBXC_CONTEXT = 1,
    RECORD_MODEL_NODES = 2, /* EMULATOR_XENSTORE_DATA: of no use to the qemu of today */
    RECORD_MODEL_STATE = 3, /* EMULATOR_CONTEXT */
    RECORD_ALIGNMENT = 8,
    MODEL_QEMU = 2,
    MODEL_STATE_MAX = 256 * 1024 * 1024,
    COPY_SIZE = 64 * 1024,
};

/* What a record about a device model begins with. */
struct model_header {
    uint32_t kind;
    uint32_t index;
};

static int write_all(int fd, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        ssize_t written = write(fd, at, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        at += written;
        size -= (size_t)written;
    }
    return 0;
}

/* 0, -ENODATA where the file ends early, or a negative errno. */
static int read_all(int fd, void *data, size_t size)
{
    char *at = data;

    while (size > 0) {
        ssize_t got = read(fd, at, size);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            return -ENODATA;
        at += got;
        size -= (size_t)got;
    }
    return 0;
}

static char *facts_text(const struct image_facts *facts)
{
    json_t *object =
        json_pack("{s:i, s:s, s:s, s:s, s:s, s:I, s:b, s:I, s:I, s:I}", "xenvm-image", 1, "uuid",
                  facts->uuid, "type", facts->type, "name", facts->name, "token", facts->token,
                  "generation", (json_int_t)facts->generation, "checkpoint", facts->checkpoint,
                  "memory", (json_int_t)facts->memory, "memory-max", (json_int_t)facts->memory_max,
                  "vcpus", (json_int_t)facts->vcpus);
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

    json_decref(object);
    return text;
}

int image_write_head(int fd, const struct image_facts *facts, const char *xl_config)
{
    uint32_t config_size = (uint32_t)strlen(xl_config);
    char *own = facts_text(facts);
    struct container_header header = {
        .byte_order = BYTE_ORDER_MARK,
        .mandatory_flags = STREAM_IS_V2,
    };
    struct {
        struct stream_header stream;
        struct record_header context;
    } start = {
        .stream = { htobe64(STREAM_IDENT), htobe32(STREAM_VERSION), htobe32(0) },
        .context = { RECORD_LIBXC_CONTEXT, 0 },
    };

    if (!own)
        return -ENOMEM;
    memcpy(header.magic, container_magic, sizeof(header.magic));
    header.optional_size = (uint32_t)(sizeof(config_size) + config_size + strlen(own));

    int result = write_all(fd, &header, sizeof(header));
    if (!result)
        result = write_all(fd, &config_size, sizeof(config_size));
    if (!result)
        result = write_all(fd, xl_config, config_size);
    if (!result)
        result = write_all(fd, own, strlen(own));
    if (!result)
        result = write_all(fd, &start, sizeof(start));
    free(own);
    return result;
}

/* Bytes that are missing to a whole number of units. */
static size_t padding(size_t size)
{
    return (RECORD_ALIGNMENT - size % RECORD_ALIGNMENT) % RECORD_ALIGNMENT;
}

/* 0, -ENODATA where `from` ends early, or a negative errno. */
static int copy(int from, int to, size_t size)
{
    static char buffer[COPY_SIZE];

    while (size > 0) {
        size_t part = size < sizeof(buffer) ? size : sizeof(buffer);
        int error = read_all(from, buffer, part);

        if (!error && to >= 0)
            error = write_all(to, buffer, part);
        if (error)
            return error;
        size -= part;
    }
    return 0;
}

static int write_model_state(int fd, int model_fd)
{
    static const char zeros[RECORD_ALIGNMENT];
    off_t size = lseek(model_fd, 0, SEEK_END);
    struct {
        struct record_header record;
        struct model_header model;
    } start = {
        .record = { RECORD_MODEL_STATE, (uint32_t)(sizeof(start.model) + (size_t)size) },
        .model = { MODEL_QEMU, 0 },
    };

    if (size <= 0 || size > MODEL_STATE_MAX || lseek(model_fd, 0, SEEK_SET) != 0)
        return -EIO;
    int error = write_all(fd, &start, sizeof(start));
    if (!error)
        error = copy(model_fd, fd, (size_t)size);
    return error ? error : write_all(fd, zeros, padding((size_t)size));
}

int image_write_tail(int fd, int model_fd)
{
    struct record_header end = { RECORD_END, 0 };
    int error = model_fd >= 0 ? write_model_state(fd, model_fd) : 0;

    return error ? error : write_all(fd, &end, sizeof(end));
}

static void copy_string(char *to, size_t size, const json_t *value)
{
    const char *text = json_string_value(value);

    snprintf(to, size, "%s", text ? text : "");
}

/* What stands behind the configuration, if it is ours. */
static bool read_own_facts(const char *text, size_t size, struct image_facts *facts)
{
    json_t *object = json_loadb(text, size, 0, NULL);
    bool ours = json_integer_value(json_object_get(object, "xenvm-image")) == 1;

    if (ours) {
        copy_string(facts->uuid, sizeof(facts->uuid), json_object_get(object, "uuid"));
        copy_string(facts->name, sizeof(facts->name), json_object_get(object, "name"));
        copy_string(facts->token, sizeof(facts->token), json_object_get(object, "token"));
        copy_string(facts->type, sizeof(facts->type), json_object_get(object, "type"));
        if (!*facts->type)
            memcpy(facts->type, "pv", sizeof("pv")); /* once there were no others */
        facts->generation =
            (unsigned long long)json_integer_value(json_object_get(object, "generation"));
        facts->checkpoint = json_is_true(json_object_get(object, "checkpoint"));
        facts->memory = (unsigned long long)json_integer_value(json_object_get(object, "memory"));
        facts->memory_max =
            (unsigned long long)json_integer_value(json_object_get(object, "memory-max"));
        facts->vcpus = (unsigned long long)json_integer_value(json_object_get(object, "vcpus"));
    }
    json_decref(object);
    return ours;
}

static unsigned long long mib(const json_t *kib)
{
    json_int_t value = json_integer_value(kib);

    return value > 0 ? (unsigned long long)value / 1024 : 0;
}

/* A libxl_domain_config as xl writes it (xen/tools/libs/light/libxl_types.idl). */
static int read_xl_facts(const char *text, size_t size, struct image_facts *facts,
                         char why[IMAGE_WHY])
{
    /* xl counts the NUL behind its text. */
    json_t *config = json_loadb(text, strnlen(text, size), 0, NULL);
    const json_t *create = json_object_get(config, "c_info");
    const json_t *build = json_object_get(config, "b_info");
    const char *type = json_string_value(json_object_get(create, "type"));
    int result = -1;

    if (!type)
        snprintf(why, IMAGE_WHY, "damaged: xl's configuration in it cannot be read");
    else {
        snprintf(facts->type, sizeof(facts->type), "%s", type);
        copy_string(facts->uuid, sizeof(facts->uuid), json_object_get(create, "uuid"));
        copy_string(facts->name, sizeof(facts->name), json_object_get(create, "name"));
        facts->memory_max = mib(json_object_get(build, "max_memkb"));
        facts->memory = mib(json_object_get(build, "target_memkb"));
        if (!facts->memory)
            facts->memory = facts->memory_max;
        facts->vcpus = (unsigned long long)json_integer_value(json_object_get(build, "max_vcpus"));
        if (!facts->vcpus)
            facts->vcpus = 1;
        result = 0;
    }
    json_decref(config);
    return result;
}

static int read_optional(const char *data, size_t size, bool is_json, struct image_facts *facts,
                         char why[IMAGE_WHY])
{
    uint32_t config_size;

    if (size < sizeof(config_size)) {
        snprintf(why, IMAGE_WHY, "damaged: it does not say which guest it holds");
        return -1;
    }
    memcpy(&config_size, data, sizeof(config_size));
    if (config_size > size - sizeof(config_size)) {
        snprintf(why, IMAGE_WHY, "damaged: its configuration is cut off");
        return -1;
    }
    data += sizeof(config_size);
    size -= sizeof(config_size);
    if (read_own_facts(data + config_size, size - config_size, facts))
        return 0;
    if (is_json)
        return read_xl_facts(data, config_size, facts, why);
    snprintf(why, IMAGE_WHY, "does not say which guest it holds");
    return -1;
}

static int read_failed(int error, const char *what, char why[IMAGE_WHY])
{
    if (error == -ENODATA)
        snprintf(why, IMAGE_WHY, "cut off in %s", what);
    else
        snprintf(why, IMAGE_WHY, "%s", strerror(-error));
    return -1;
}

static int read_container(int fd, struct image_facts *facts, char why[IMAGE_WHY])
{
    struct container_header header;
    int error = read_all(fd, &header, sizeof(header));

    if (error && error != -ENODATA)
        return read_failed(error, "", why);
    if (error || memcmp(header.magic, container_magic, sizeof(header.magic)) != 0) {
        snprintf(why, IMAGE_WHY, "not a suspend image");
        return -1;
    }
    if (header.byte_order != BYTE_ORDER_MARK ||
        (header.mandatory_flags & ~(uint32_t)CONFIG_IS_JSON) != STREAM_IS_V2) {
        snprintf(why, IMAGE_WHY, "of another version: byte order %#x, flags %#x", header.byte_order,
                 header.mandatory_flags);
        return -1;
    }
    if (header.optional_size > OPTIONAL_MAX) {
        snprintf(why, IMAGE_WHY, "damaged: %u bytes of configuration", header.optional_size);
        return -1;
    }

    char *data = malloc(header.optional_size + 1u);
    if (!data)
        return read_failed(-ENOMEM, "", why);
    error = read_all(fd, data, header.optional_size);
    int result = error ? read_failed(error, "its configuration", why)
                       : read_optional(data, header.optional_size,
                                       header.mandatory_flags & CONFIG_IS_JSON, facts, why);
    free(data);
    return result;
}

static int read_record(int fd, uint32_t type, const char *what, char why[IMAGE_WHY])
{
    struct record_header record;
    int error = read_all(fd, &record, sizeof(record));

    if (error)
        return read_failed(error, what, why);
    if (record.type != type || record.size != 0) {
        snprintf(why, IMAGE_WHY, "damaged: record type %#x of %u bytes where %s has to be",
                 record.type, record.size, what);
        return -1;
    }
    return 0;
}

int image_read_head(int fd, struct image_facts *facts, char why[IMAGE_WHY])
{
    struct stream_header stream;

    memset(facts, 0, sizeof(*facts));
    if (read_container(fd, facts, why) < 0)
        return -1;

    int error = read_all(fd, &stream, sizeof(stream));
    if (error)
        return read_failed(error, "its stream's header", why);
    if (be64toh(stream.ident) != STREAM_IDENT || be32toh(stream.version) != STREAM_VERSION ||
        (be32toh(stream.options) & (STREAM_BIG_ENDIAN | STREAM_LEGACY))) {
        snprintf(why, IMAGE_WHY, "damaged: no migration stream of version 2 in it");
        return -1;
    }
    return read_record(fd, RECORD_LIBXC_CONTEXT, "the guest's memory", why);
}

/* One record about the device model, of that size. */
static int read_model(int fd, const struct record_header *record, int model_fd, char why[IMAGE_WHY])
{
    static const char what[] = "the device model's state";
    bool state = record->type == RECORD_MODEL_STATE;
    struct model_header model;

    if (record->size < sizeof(model) || record->size > MODEL_STATE_MAX) {
        snprintf(why, IMAGE_WHY, "damaged: %u bytes of %s", record->size, what);
        return -1;
    }
    int error = read_all(fd, &model, sizeof(model));
    if (!error && model.kind != MODEL_QEMU) {
        snprintf(why, IMAGE_WHY, "made with a device model that is not qemu: number %u",
                 model.kind);
        return -1;
    }
    size_t size = record->size - sizeof(model);
    if (!error)
        error = copy(fd, state ? model_fd : -1, size);
    if (!error)
        error = copy(fd, -1, padding(size));
    return error ? read_failed(error, what, why) : 0;
}

int image_read_tail(int fd, int model_fd, char why[IMAGE_WHY])
{
    struct record_header record;

    for (;;) {
        int error = read_all(fd, &record, sizeof(record));

        if (error)
            return read_failed(error, "its end", why);
        if (record.type == RECORD_END && record.size == 0)
            return 0;
        if (record.type != RECORD_MODEL_NODES && record.type != RECORD_MODEL_STATE) {
            snprintf(why, IMAGE_WHY, "damaged: record type %#x of %u bytes where its end has to be",
                     record.type, record.size);
            return -1;
        }
        if (read_model(fd, &record, model_fd, why) < 0)
            return -1;
    }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/disk.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "config/fields.h"
#include "config/text.h"

/* Of keys in bits, wider than any cipher's; cryptsetup(8) takes whole bytes. */
enum { KEY_SIZE_MIN = 64, KEY_SIZE_MAX = 4096, CIPHER_MAX = 63 };

enum part { PHYSPATH, PHYSTYPE, VIRTPATH, MODE, DEVTYPE, PARTS };

static const struct config_word phystypes[] = {
    { "phy", DISK_PHY },     { "file", DISK_FILE }, { "aio", DISK_AIO }, { "qcow", DISK_QCOW },
    { "qcow2", DISK_QCOW2 }, { "vhd", DISK_VHD },   { NULL, 0 },
};
static const struct config_word modes[] = { { "r", false }, { "w", true }, { NULL, 0 } };
static const struct config_word devtypes[] = { { "disk", false }, { "cdrom", true }, { NULL, 0 } };

static const char virtpath_accepts[] =
    "xvda, xvdb and on to xvdbgqcv, sda to sdp, or hda to hdd, and for a partition its number "
    "after that: xvd to 255, sd to 15, hd to 63";

/* A kind of virtual disk and its limits, by xen-vbd-interface(7). */
struct disk_kind {
    const char *prefix;
    unsigned int disk_max, partition_max;
};

enum kind { XVD, SD, HD, KINDS };

static const struct disk_kind kinds[KINDS] = {
    [XVD] = { "xvd", (1u << 20) - 1, 255 },
    [SD] = { "sd", 15, 15 },
    [HD] = { "hd", 3, 63 },
};

struct virtpath {
    enum kind kind;
    unsigned int disk, partition; /* partition 0: the whole disk */
};

/* a to z are 0 to 25, and aa is 26. Returns what follows the letters, or NULL. */
static const char *read_letters(const char *text, unsigned int max, unsigned int *disk)
{
    unsigned int number = 0; /* one more than the disk's */

    for (; *text >= 'a' && *text <= 'z'; text++) {
        number = number * 26 + (unsigned int)(*text - 'a') + 1;
        if (number > max + 1)
            return NULL;
    }
    *disk = number - 1;
    return number > 0 ? text : NULL;
}

static bool read_virtpath(const char *text, struct virtpath *path)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        size_t length = strlen(kinds[kind].prefix);
        long long partition = 0;
        const char *rest;

        if (strncmp(text, kinds[kind].prefix, length) != 0)
            continue;
        rest = read_letters(text + length, kinds[kind].disk_max, &path->disk);
        if (!rest || (*rest && config_number(rest, 1, kinds[kind].partition_max, &partition)))
            return false;
        path->kind = kind;
        path->partition = (unsigned int)partition;
        return true;
    }
    return false;
}

static uint32_t number_of(const struct virtpath *path)
{
    static const uint32_t xvd_major = 202, sd_major = 8, hd_majors[] = { 3, 22 };

    switch (path->kind) {
    case HD:
        return hd_majors[path->disk / 2] << 8 | (path->disk % 2) << 6 | path->partition;
    case SD:
        return sd_major << 8 | path->disk << 4 | path->partition;
    default:
        if (path->disk < 16 && path->partition < 16)
            return xvd_major << 8 | path->disk << 4 | path->partition;
        return 1u << 28 | path->disk << 8 | path->partition;
    }
}

bool disk_number(const char *virtpath, uint32_t *number)
{
    struct virtpath path;

    if (!read_virtpath(virtpath, &path))
        return false;
    *number = number_of(&path);
    return true;
}

static char *set_backend_domid(void *disk, const char *name, const char *text)
{
    return fields_number(name, text, 0, FIELDS_DOMID_MAX, &((struct disk *)disk)->backend_domid);
}

static char *set_cipher(void *disk, const char *name, const char *text)
{
    /* As dm-crypt takes it: aes-xts-plain64, aes-cbc-essiv:sha256, capi:xts(aes)-plain64. */
    return fields_name(name, text, CIPHER_MAX, "-_.:()", &((struct disk *)disk)->cipher);
}

static char *set_key_size(void *disk, const char *name, const char *text)
{
    unsigned int *size = &((struct disk *)disk)->key_size;
    char *wrong = fields_number(name, text, KEY_SIZE_MIN, KEY_SIZE_MAX, size);

    if (!wrong && *size % 8 != 0)
        wrong = fields_wrong(name, text, "is not a whole number of bytes", "a multiple of 8");
    return wrong;
}

static char *set_key_file(void *disk, const char *name, const char *text)
{
    return fields_path(name, text, &((struct disk *)disk)->key_file);
}

static char *set_share(void *disk, const char *name, const char *text)
{
    return fields_bool(name, text, &((struct disk *)disk)->share);
}

static const struct field_option options[] = {
    { "backend-domid", set_backend_domid }, { "cipher", set_cipher }, { "key-size", set_key_size },
    { "key-file", set_key_file },           { "share", set_share },   { NULL, NULL },
};

static char *set_virtpath(struct disk *disk, const char *text)
{
    if (!disk_number(text, &disk->number))
        return fields_wrong("virtpath", text, "is no virtual disk", virtpath_accepts);
    /* The longest that is a number fits: xvdbgqcv255. */
    snprintf(disk->virtpath, sizeof(disk->virtpath), "%s", text);
    return NULL;
}

/* A path with bare colons falls apart, and its second part stands where the phystype should. */
static char *set_phystype(struct disk *disk, const char *text)
{
    int value = disk->phystype;
    char *wrong = fields_word("phystype", text, phystypes, &value), *longer;

    disk->phystype = (enum disk_phystype)value;
    if (!wrong)
        return NULL;
    longer = config_format("%s (a : in a path is \\:)", wrong);
    free(wrong);
    return longer;
}

static char *set_parts(struct disk *disk, char *const *parts)
{
    int writable = false, cdrom = false;
    char *wrong = NULL;

    if (*parts[PHYSPATH])
        wrong = fields_path("physpath", parts[PHYSPATH], &disk->physpath);
    if (!wrong)
        wrong = set_phystype(disk, parts[PHYSTYPE]);
    if (!wrong)
        wrong = set_virtpath(disk, parts[VIRTPATH]);
    if (!wrong)
        wrong = fields_word("mode", parts[MODE], modes, &writable);
    if (!wrong)
        wrong = fields_word("devtype", parts[DEVTYPE], devtypes, &cdrom);
    disk->writable = writable;
    disk->cdrom = cdrom;
    return wrong;
}

/* Each part is good by itself: whether they are together. */
static char *check_kind(const struct disk *disk)
{
    struct virtpath path;

    if (!disk->physpath && !disk->cdrom)
        return config_format("physpath is empty, accepted: an absolute path (only that of a cdrom "
                             "may be empty)");
    if (disk->cdrom && disk->writable)
        return config_format("mode 'w' is none of a cdrom, accepted: r");
    if (disk->cdrom && read_virtpath(disk->virtpath, &path) && path.partition != 0)
        return fields_wrong("virtpath", disk->virtpath, "is a partition",
                            "for a cdrom, a whole disk");
    return NULL;
}

static char *check_encryption(const struct disk *disk)
{
    if (!disk->cipher && !disk->key_size && !disk->key_file)
        return NULL;
    if (!disk->cipher)
        return config_format("%s is given without cipher, accepted: together with cipher= and "
                             "key-file=",
                             disk->key_size ? "key-size" : "key-file");
    if (!disk->key_file)
        return config_format("cipher is given without key-file, accepted: together with key-file=");
    if (disk->phystype != DISK_PHY && disk->phystype != DISK_FILE)
        return fields_wrong("phystype", disk_phystype_name(disk->phystype),
                            "can't be of an encrypted disk", "with cipher=, phy or file");
    return NULL;
}

static char *set_disk(struct disk *disk, const struct fields *fields)
{
    char *wrong;

    if (fields->count == 1 && !*fields->parts[0])
        return config_format("has no value, accepted: " DISK_FORMAT);
    if (fields->count < PARTS)
        return config_format("has %zu of its %d parts, accepted: " DISK_FORMAT, fields->count,
                             (int)PARTS);
    wrong = set_parts(disk, fields->parts);
    if (!wrong)
        wrong = fields_options(fields->parts + PARTS, fields->count - PARTS, options, disk);
    if (!wrong)
        wrong = check_kind(disk);
    if (!wrong)
        wrong = check_encryption(disk);
    return wrong;
}

struct disk *disk_parse(const char *value, char **error)
{
    struct disk *disk = config_alloc(1, sizeof(*disk));
    struct fields fields;

    *error = fields_split(&fields, value, ':', true);
    if (!*error)
        *error = set_disk(disk, &fields);
    fields_free(&fields);
    if (!*error)
        return disk;
    disk_free(disk);
    return NULL;
}

static void write_escaped(FILE *out, const char *text)
{
    for (; text && *text; text++) {
        if (*text == ':' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void write_option(FILE *out, const char *name, const char *text)
{
    if (!text)
        return;
    fprintf(out, ":%s=", name);
    write_escaped(out, text);
}

char *disk_text(const struct disk *disk)
{
    struct fields_writer writer;
    FILE *out = fields_write(&writer);

    write_escaped(out, disk->physpath);
    fprintf(out, ":%s:%s:%s:%s", disk_phystype_name(disk->phystype), disk->virtpath,
            disk->writable ? "w" : "r", disk->cdrom ? "cdrom" : "disk");
    if (disk->backend_domid)
        fprintf(out, ":backend-domid=%u", disk->backend_domid);
    write_option(out, "cipher", disk->cipher);
    if (disk->key_size)
        fprintf(out, ":key-size=%u", disk->key_size);
    write_option(out, "key-file", disk->key_file);
    /* The shortest word, so that a text is never longer than the value it came from. */
    write_option(out, "share", disk->share ? "1" : NULL);
    return fields_written(&writer);
}

void disk_free(struct disk *disk)
{
    if (!disk)
        return;
    free(disk->physpath);
    free(disk->cipher);
    free(disk->key_file);
    free(disk);
}

const char *disk_phystype_name(enum disk_phystype phystype)
{
    return config_word_of(phystypes, (int)phystype);
}

char *disk_conflict(const struct disk *disk, const struct disk *other)
{
    struct virtpath a, b;

    if (!read_virtpath(disk->virtpath, &a) || !read_virtpath(other->virtpath, &b) ||
        a.kind != b.kind || a.disk != b.disk)
        return NULL;
    if (a.partition == b.partition)
        return fields_wrong("virtpath", disk->virtpath, "is that of another disk",
                            "one that no other disk has");
    /* Frontends make a whole disk with room for its partitions: "either, or" in the document. */
    if (a.partition == 0 || b.partition == 0)
        return config_format("virtpath '%s' is given beside '%s', accepted: a whole disk or its "
                             "partitions",
                             disk->virtpath, other->virtpath);
    return NULL;
}

char *disk_set_medium(struct disk *disk, enum disk_phystype phystype, const char *physpath)
{
    struct disk changed = *disk, *parsed;
    char *text, *error;

    if (!disk->cdrom)
        return fields_wrong("virtpath", disk->virtpath, "is no cdrom", "a cdrom");
    changed.phystype = phystype;
    changed.physpath = (char *)(uintptr_t)physpath;
    /* The rules and limits are those of a value. */
    text = disk_text(&changed);
    parsed = disk_parse(text, &error);
    free(text);
    if (!parsed)
        return error;
    changed = *disk;
    *disk = *parsed;
    *parsed = changed;
    disk_free(parsed);
    return NULL;
}

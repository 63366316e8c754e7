/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/real_disk.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "monitor/util.h"

enum { LAYERS_MAX = 8 };

enum field { VENDOR, MODEL, SERIAL, FIELDS };

/* What udev's rules call it, the best name first (60-persistent-storage.rules of systemd). */
static const struct {
    const char *name;
    enum field field;
} names[] = {
    { "ID_VENDOR_ENC", VENDOR }, { "ID_VENDOR", VENDOR },      { "ID_MODEL_ENC", MODEL },
    { "ID_MODEL", MODEL },       { "ID_SCSI_SERIAL", SERIAL }, { "ID_SERIAL_SHORT", SERIAL },
    { "ID_SERIAL", SERIAL }, /* a disk's model is a part of it, but for virtio's, which have none */
};

enum { NAMES = sizeof(names) / sizeof(names[0]), WHOLE_SERIAL = NAMES - 1 };

static bool is_name(const char *line, size_t length, const char *name)
{
    return strlen(name) == length && !strncmp(line, name, length);
}

/* The byte at `*text`, which is behind it then. udev writes those that mean something as \x20. */
static char next_byte(const char **text)
{
    char digits[3] = { 0 };
    char *end;

    if (!strncmp(*text, "\\x", 2)) {
        memcpy(digits, *text + 2, strnlen(*text + 2, 2));
        long value = strtol(digits, &end, 16);
        if (end == digits + 2) {
            *text += 4;
            return (char)value;
        }
    }
    return *(*text)++;
}

/* At most size - 1 bytes, without blanks at the ends, and a blank for all that is not printable. */
static void take(char *to, size_t size, const char *text)
{
    size_t used = 0;

    while (*text && *text != '\n' && used + 1 < size) {
        char byte = next_byte(&text);

        if (byte < ' ' || byte > '~')
            byte = ' ';
        if (byte != ' ' || used > 0)
            to[used++] = byte;
    }
    while (used > 0 && to[used - 1] == ' ')
        used--;
    to[used] = '\0';
}

void real_disk_read(FILE *entry, struct real_disk *disk)
{
    char *const places[FIELDS] = { disk->vendor, disk->model, disk->serial };
    const size_t sizes[FIELDS] = { sizeof(disk->vendor), sizeof(disk->model),
                                   sizeof(disk->serial) };
    size_t found[FIELDS] = { NAMES, NAMES, NAMES }, size = 0;
    char *line = NULL;

    *disk = (struct real_disk){ 0 };
    while (getline(&line, &size, entry) > 0) {
        const char *equals = strchr(line, '=');

        if (strncmp(line, "E:", 2) != 0 || !equals)
            continue;
        for (size_t i = 0; i < NAMES; i++) {
            enum field field = names[i].field;

            if (i < found[field] && is_name(line + 2, (size_t)(equals - line - 2), names[i].name)) {
                take(places[field], sizes[field], equals + 1);
                found[field] = i;
            }
        }
    }
    free(line);
    if (found[SERIAL] == WHOLE_SERIAL && disk->model[0])
        disk->serial[0] = '\0';
}

/* "8:16", from a file of sysfs. */
static bool read_numbers(const char *path, dev_t *device)
{
    char line[32] = "", *colon, *end;
    FILE *file = fopen(path, "re");
    bool read = file && fgets(line, sizeof(line), file);

    if (file)
        fclose(file);
    unsigned long high = strtoul(line, &colon, 10);
    if (!read || colon == line || *colon != ':')
        return false;
    *device = makedev((unsigned int)high, (unsigned int)strtoul(colon + 1, &end, 10));
    return end > colon + 1;
}

/* The one device that this one is made of. False where it is made of none, or of several. */
static bool go_down(dev_t *device)
{
    char *folder = text("/sys/dev/block/%u:%u/slaves", major(*device), minor(*device));
    DIR *directory = opendir(folder);
    const struct dirent *item;
    char *slave = NULL;
    int count = 0;

    while (directory && (item = readdir(directory)))
        if (item->d_name[0] != '.' && ++count == 1)
            slave = text("%s/%s/dev", folder, item->d_name);
    if (directory)
        closedir(directory);
    bool found = count == 1 && read_numbers(slave, device);
    free(slave);
    free(folder);
    return found;
}

void real_disk_find(const char *path, struct real_disk *disk)
{
    struct stat st;
    int layer = 0;

    *disk = (struct real_disk){ 0 };
    if (stat(path, &st) < 0 || !S_ISBLK(st.st_mode))
        return;
    dev_t device = st.st_rdev;
    do {
        char *name = text("/run/udev/data/b%u:%u", major(device), minor(device));
        FILE *entry = fopen(name, "re");

        if (entry) {
            real_disk_read(entry, disk);
            fclose(entry);
        }
        free(name);
    } while (!disk->model[0] && !disk->serial[0] && ++layer < LAYERS_MAX && go_down(&device));
}

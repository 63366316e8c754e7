/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/report.h"
#include "config/text.h"

enum { FIRST_READ = 4096 };

/*
 * Reads a file into malloc'd `*text`, and stops soon after what a configuration may have. The
 * size, or a negative errno.
 */
static ssize_t read_all(int fd, char **text)
{
    size_t size = 0, room = 0;
    ssize_t got;

    *text = NULL;
    while (size <= CONFIG_FILE_MAX) {
        if (size == room) {
            room = room ? 2 * room : FIRST_READ;
            *text = realloc(*text, room);
            if (!*text)
                abort();
        }
        got = read(fd, *text + size, room - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        size += (size_t)got;
    }
    return (ssize_t)size;
}

/* Opens a regular file; anything else could keep a monitor waiting. Negative errno. */
static int open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat status;
    int error = 0;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) != 0)
        error = errno;
    else if (S_ISDIR(status.st_mode))
        error = EISDIR;
    else if (!S_ISREG(status.st_mode))
        error = EINVAL;
    if (error == 0)
        return fd;
    close(fd);
    return -error;
}

bool config_read(const char *path, bool may_lack, struct config_text *text,
                 struct config_report *report)
{
    char *bytes = NULL;
    int fd = open_file(path);
    ssize_t size = fd < 0 ? fd : read_all(fd, &bytes);

    if (fd >= 0)
        close(fd);
    *text = (struct config_text){ path, bytes, size > 0 ? (size_t)size : 0 };
    *report = (struct config_report){ 0 };
    if (size >= 0 || (may_lack && size == -ENOENT))
        return true;
    free(bytes);
    text->text = NULL;
    config_report_add(report, CONFIG_ERROR, path,
                      config_format("%s: cannot read the configuration: %s", path,
                                    size == -EINVAL ? "Not a regular file" : strerror((int)-size)));
    return false;
}

struct vm_config *config_load(const char *path, unsigned int flags, struct config_report *report)
{
    struct vm_config *config = NULL;
    struct config_text text;

    if (config_read(path, false, &text, report))
        config = config_parse(path, text.text, text.size, flags, report);
    config_text_free(&text);
    return config;
}

void config_text_free(struct config_text *text)
{
    free((char *)(uintptr_t)text->text);
    *text = (struct config_text){ 0 };
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/model_log.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/log.h"
#include "monitor/model_program.h"
#include "monitor/util.h"
#include "monitor/vm.h"

/* Bytes of the file, and of a line in it that is shown though it is no complaint. */
enum { LOG_MAX = 256 * 1024, LINE_SHOWN = 200 };

char *model_log_path(const struct vm *vm)
{
    return text("%s/vm-%s.qemu.log", vm->directory, vm->uuid);
}

/*
 * The cause alone, of "xen-qemu-system-i386: failed to create 'qdisk' device '51728': failed to
 * create drive: CAUSE". Some qemus, 7.2 is one, open the image itself as read-only, and not what is
 * in it.
 */
static const char *cause_of(const char *line)
{
    static const char head[] = "failed to create drive: ";
    const char *cause = strstr(line, head);

    if (strstr(line, "Block node is read-only"))
        return "this qemu can't serve an image for reading only (a raw one can be, as phystype "
               "file)";
    return cause ? cause + strlen(head) : line;
}

/* "WHO: what is wrong"; qemu says other things where all is well. */
static bool is_complaint(const char *line)
{
    return strstr(line, ": ") && !strstr(line, "warning: ");
}

/* What model_log_complaint() returns; in `last`, unless NULL, the last line that is not empty. */
static char *look(const struct vm *vm, const char *sign, char **last)
{
    char *path = model_log_path(vm), *line = NULL, *found = NULL;
    FILE *file = fopen(path, "re");
    size_t size = 0;
    ssize_t length;

    free(path);
    while (file && (length = getline(&line, &size, file)) > 0) {
        while (length > 0 && isspace((unsigned char)line[length - 1]))
            line[--length] = '\0';
        make_line(line);
        if ((!found || sign) && is_complaint(line) && (!sign || strstr(line, sign)))
            set_text(&found, cause_of(line));
        if (last && *line)
            set_text(last, line);
    }
    free(line);
    if (file)
        fclose(file);
    return found;
}

char *model_log_complaint(const struct vm *vm, const char *sign)
{
    return look(vm, sign, NULL);
}

char *model_log_cause(const struct vm *vm)
{
    const char *program;
    char *last = NULL, *cause = look(vm, NULL, &last);

    /* Where it can't be found any more, it is still the one to name. */
    failure_free(model_program_find(vm->config->qemu_dm_path, &program));
    if (!cause)
        cause = last ? text("%s said last: %.*s", program, LINE_SHOWN, last)
                     : text("%s said nothing", program);
    free(last);
    return cause;
}

/* qemu appends: it goes on at the beginning. */
void model_log_bound(const struct vm *vm)
{
    char *path = model_log_path(vm);
    struct stat st;

    if (!stat(path, &st) && st.st_size > LOG_MAX && truncate(path, 0) == 0)
        log_warning("qemu said more than %d KiB, which are gone", LOG_MAX / 1024);
    free(path);
}

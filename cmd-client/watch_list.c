/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-client/many.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
    EVERY = 2000,    /* ms */
    CHANGES_MAX = 5, /* lines under the table */
};

static bool same(const json_t *a, const json_t *b, const char *key)
{
    const json_t *const values[2] = { json_object_get(a, key), json_object_get(b, key) };

    return values[0] && values[1] ? json_equal(values[0], values[1]) : values[0] == values[1];
}

/* `now` is NULL for a VM whose monitor has ended, `old` for one that was not there. */
static json_t *change_of(const json_t *old, const json_t *now)
{
    const json_t *known = now ? now : old;
    json_t *event;

    if (old && now && same(old, now, "state") && same(old, now, "domid"))
        return NULL;
    event = json_pack("{ss,sO?,sO?}", "event", now ? "state" : "gone", "name",
                      json_object_get(known, "name"), "uuid", json_object_get(known, "uuid"));
    if (now && old && !same(old, now, "state"))
        json_object_set(event, "old", json_object_get(old, "state"));
    if (now)
        json_object_set(event, "state", json_object_get(now, "state"));
    if (now && json_object_get(now, "domid"))
        json_object_set(event, "domid", json_object_get(now, "domid"));
    return event;
}

static void add_change(json_t *changes, const json_t *old, const json_t *now)
{
    json_t *event = change_of(old, now);

    if (event)
        json_array_append_new(changes, event);
}

json_t *status_changes(const json_t *before, const json_t *vms)
{
    json_t *old = index_by_uuid(before), *new = index_by_uuid(vms), *changes = json_array();
    const json_t *vm;
    size_t i;

    json_array_foreach(vms, i, vm)
    {
        const char *uuid = json_string_value(json_object_get(vm, "uuid"));

        if (uuid)
            add_change(changes, json_object_get(old, uuid), vm);
    }
    json_array_foreach(before, i, vm)
    {
        const char *uuid = json_string_value(json_object_get(vm, "uuid"));

        if (uuid && !json_object_get(new, uuid))
            add_change(changes, vm, NULL);
    }
    json_decref(old);
    json_decref(new);
    return changes;
}

/* "12:03:59 web: running -> paused, domid 3" */
static void put_change(FILE *out, const json_t *change)
{
    const char *event = json_string_value(json_object_get(change, "event"));
    const char *name = json_string_value(json_object_get(change, "name"));
    time_t now = time(NULL);
    struct tm local;
    char text[16];

    localtime_r(&now, &local);
    strftime(text, sizeof(text), "%H:%M:%S", &local);
    fprintf(out, "%s ", text);
    put_text(out, name ? name : "?", false);
    fputs(": ", out);
    if (event && strcmp(event, "gone") == 0)
        fputs("its monitor has ended", out);
    else
        put_event(out, "state", change);
    putc('\n', out);
}

/* ---- on a terminal ---- */

struct screen {
    int rows, columns;
    char *changes[CHANGES_MAX]; /* the last ones, each with its line feed; the oldest first */
    size_t count;
};

static void measure(struct screen *screen)
{
    struct winsize window;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_row && window.ws_col;

    screen->rows = known ? window.ws_row : 24;
    screen->columns = known ? window.ws_col : 80;
}

static void note_change(struct screen *screen, const json_t *change)
{
    char *line = NULL;
    size_t size;
    FILE *out = open_memstream(&line, &size);

    if (!out)
        return;
    put_change(out, change);
    fclose(out);
    if (screen->count == CHANGES_MAX) {
        free(screen->changes[0]);
        memmove(screen->changes, screen->changes + 1, sizeof(screen->changes[0]) * --screen->count);
    }
    screen->changes[screen->count++] = line;
}

/* One line of the screen out of `text`, cut to its width; returns what follows it. */
static const char *draw_line(const struct screen *screen, const char *text)
{
    int column = 0;

    for (; *text && *text != '\n'; text++) {
        /* What continues a character takes no column. */
        column += ((unsigned char)*text & 0xc0) != 0x80;
        if (column <= screen->columns)
            putchar(*text);
    }
    fputs("\033[K\n", stdout);
    return *text ? text + 1 : text;
}

/* The table as far as there is room, and below it the last changes. */
static void draw(const struct screen *screen, const json_t *vms)
{
    size_t total = json_array_size(vms), shown = 0, size;
    /* Besides the VMs: the heads, "and more", an empty line and the cursor's. */
    int room = screen->rows - 4 - (int)screen->count;
    char *table = NULL;
    FILE *out = open_memstream(&table, &size);

    if (!out)
        return;
    put_status_table(out, vms);
    fclose(out);
    fputs("\033[H", stdout);
    const char *line = draw_line(screen, table);
    for (; *line && (int)shown < room; shown++)
        line = draw_line(screen, line);
    if (shown < total)
        printf("... and %zu more\033[K\n", total - shown);
    fputs("\033[K\n", stdout);
    for (size_t i = 0; i < screen->count; i++)
        draw_line(screen, screen->changes[i]);
    fputs("\033[J", stdout);
    free(table);
}

/* ---- both ---- */

static enum exit_status show_changes(const struct options *options, const json_t *changes)
{
    const json_t *change;
    size_t i;

    json_array_foreach(changes, i, change)
    {
        if (options->json)
            put_json(stdout, change);
        else
            put_change(stdout, change);
    }
    return finish_output();
}

static enum exit_status show_screen(struct screen *screen, bool first, const json_t *changes,
                                    const json_t *vms)
{
    const json_t *change;
    size_t i;

    json_array_foreach(changes, i, change)
    {
        if (!first)
            note_change(screen, change);
    }
    measure(screen);
    if (first)
        fputs("\033[2J", stdout);
    draw(screen, vms);
    return finish_output();
}

static void sleep_until(int64_t time)
{
    int64_t left = time - now_ms();
    struct timespec pause = { .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000 };

    if (left > 0)
        nanosleep(&pause, NULL);
}

enum exit_status watch_list(const struct options *options)
{
    bool terminal = isatty(STDOUT_FILENO) && !options->json;
    struct screen screen = { .count = 0 };
    enum exit_status status = EXIT_DONE;
    json_t *before = NULL, *vms;
    int64_t asked_before = 0;

    while (status == EXIT_DONE) {
        int64_t asked = now_ms();

        vms = list_once(options);
        if (!vms) {
            status = EXIT_FAILED;
            break;
        }
        add_cpu_use(vms, before, before ? asked - asked_before : 0);
        json_t *changes = status_changes(before, vms);
        status =
            terminal ? show_screen(&screen, !before, changes, vms) : show_changes(options, changes);
        json_decref(changes);
        json_decref(before);
        before = vms;
        asked_before = asked;
        if (status == EXIT_DONE)
            sleep_until(asked + EVERY);
    }
    json_decref(before);
    for (size_t i = 0; i < screen.count; i++)
        free(screen.changes[i]);
    return status;
}

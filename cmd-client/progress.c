/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-client/client.h"

#include <string.h>
#include <sys/ioctl.h>

enum {
    REDRAW = 100,       /* ms between two drawings of the bar */
    RATE_AFTER = 300,   /* ms after which a rate means something */
    BAR_MIN = 10,       /* a shorter bar says less than the figures in its place */
    PAGES_PER_MIB = 256 /* Xen's pages are 4 KiB on x86 */
};

static void copy_word(char *to, size_t size, const char *from)
{
    size_t length = 0;

    for (; length + 1 < size && from[length]; length++) {
        char c = from[length];

        if (c <= ' ' || c >= 0x7f)
            c = '?';
        to[length] = c;
    }
    to[length] = '\0';
}

bool read_progress(const json_t *params, struct progress_figures *figures)
{
    const char *operation = json_string_value(json_object_get(params, "operation"));
    const char *unit = json_string_value(json_object_get(params, "unit"));
    const json_t *done = json_object_get(params, "done");

    *figures = (struct progress_figures){ 0 };
    if (!operation || !json_is_integer(done))
        return false;
    copy_word(figures->operation, sizeof(figures->operation), operation);
    copy_word(figures->unit, sizeof(figures->unit), unit ? unit : "pages");
    figures->done = json_integer_value(done);
    figures->total = json_integer_value(json_object_get(params, "total"));
    figures->pass = json_integer_value(json_object_get(params, "pass"));
    if (figures->done < 0 || figures->total < 0)
        return false;
    if (figures->total && figures->done > figures->total)
        figures->done = figures->total;
    return true;
}

int progress_percent(const struct progress_figures *figures)
{
    if (figures->total <= 0)
        return -1;
    return (int)((double)figures->done * 100 / (double)figures->total);
}

/* ", pass 2" from the second pass on: most operations have one only. */
static const char *pass_text(char *text, size_t size, const struct progress_figures *figures)
{
    text[0] = '\0';
    if (figures->pass > 1)
        snprintf(text, size, ", pass %lld", figures->pass);
    return text;
}

void progress_text(char *line, size_t size, const struct progress_figures *figures)
{
    int percent = progress_percent(figures);
    char pass[32];

    pass_text(pass, sizeof(pass), figures);
    if (percent < 0)
        snprintf(line, size, "%s%s: %lld %s", figures->operation, pass, figures->done,
                 figures->unit);
    else
        snprintf(line, size, "%s%s: %d%% (%lld of %lld %s)", figures->operation, pass, percent,
                 figures->done, figures->total, figures->unit);
}

/* What stands right of the bar, most important first; `parts` of them. Returns its length. */
static int figures_text(char *text, size_t size, const struct progress_figures *figures, int parts)
{
    long long left = figures->total - figures->done;
    int length = 0;

    text[0] = '\0';
    if (parts > 0)
        length +=
            snprintf(text, size, " %lld/%lld %s", figures->done, figures->total, figures->unit);
    if (figures->rate <= 0 || strcmp(figures->unit, "pages") != 0)
        return length;
    if (parts > 1)
        length += snprintf(text + length, size - (size_t)length, "  %lld MiB/s",
                           figures->rate / PAGES_PER_MIB);
    if (parts > 2) {
        long long seconds = (left + figures->rate - 1) / figures->rate;

        length += snprintf(text + length, size - (size_t)length, "  %lld:%02lld left", seconds / 60,
                           seconds % 60);
    }
    return length;
}

void progress_bar(char *line, size_t size, int columns, const struct progress_figures *figures)
{
    int percent = progress_percent(figures);
    int room = columns < (int)size ? columns - 1 : (int)size - 1;
    char head[80], tail[128], pass[32];
    int head_length, width = 0;

    if (percent < 0) {
        progress_text(line, room > 0 ? (size_t)room + 1 : 1, figures);
        return;
    }
    pass_text(pass, sizeof(pass), figures);
    head_length = snprintf(head, sizeof(head), "%s%s %3d%%", figures->operation, pass, percent);
    /* The narrower the terminal, the fewer figures beside the bar. */
    for (int parts = 3; parts >= 0; parts--) {
        width = room - head_length - 3 - figures_text(tail, sizeof(tail), figures, parts);
        if (width >= BAR_MIN)
            break;
    }
    if (width < BAR_MIN) {
        snprintf(line, room > 0 ? (size_t)room + 1 : 1, "%s", head);
        return;
    }
    int filled = width * percent / 100;
    int at = snprintf(line, size, "%s [", head);
    for (int i = 0; i < width; i++)
        line[at++] = i < filled ? '#' : '.';
    snprintf(line + at, size - (size_t)at, "]%s", tail);
}

void progress_start(struct progress *progress, FILE *out, bool terminal)
{
    *progress = (struct progress){ .out = out, .terminal = terminal, .tenth = -1, .pass = -1 };
}

static int terminal_columns(FILE *out)
{
    struct winsize window;

    if (ioctl(fileno(out), TIOCGWINSZ, &window) < 0 || window.ws_col == 0)
        return 80;
    return window.ws_col;
}

static void draw_bar(struct progress *progress, const struct progress_figures *figures, int64_t now)
{
    bool whole = figures->total && figures->done == figures->total;
    char line[512];

    if (progress->drawn && now - progress->last_draw < REDRAW && !whole)
        return;
    progress_bar(line, sizeof(line), terminal_columns(progress->out), figures);
    /* Erase to the end of the line after it, as the line before may have been longer. */
    fprintf(progress->out, "\r%s\033[K", line);
    fflush(progress->out);
    progress->drawn = true;
    progress->last_draw = now;
}

static void print_tenth(struct progress *progress, const struct progress_figures *figures)
{
    int percent = progress_percent(figures);
    char line[160];

    if (percent < 0 || percent / 10 == progress->tenth)
        return;
    progress->tenth = percent / 10;
    progress_text(line, sizeof(line), figures);
    fprintf(progress->out, "%s\n", line);
    fflush(progress->out);
}

void progress_show(struct progress *progress, const json_t *params, int64_t now)
{
    struct progress_figures figures;

    if (!read_progress(params, &figures))
        return;
    /* Each pass of a live copy counts anew. */
    if (figures.pass != progress->pass || figures.done < progress->last_done) {
        progress->pass = figures.pass;
        progress->tenth = -1;
        progress->started = now;
        progress->first_done = figures.done;
    }
    progress->last_done = figures.done;
    if (now - progress->started >= RATE_AFTER)
        figures.rate =
            (figures.done - progress->first_done) * 1000 / (long long)(now - progress->started);
    if (progress->terminal)
        draw_bar(progress, &figures, now);
    else
        print_tenth(progress, &figures);
}

void progress_clear(struct progress *progress)
{
    if (!progress->drawn)
        return;
    fputs("\r\033[K", progress->out);
    fflush(progress->out);
    progress->drawn = false;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_CMD_CLIENT_CLIENT_H
#define XENVM_CMD_CLIENT_CLIENT_H

/*
 * The client's end of a VM's socket: find it, connect, call, follow events; and what xenvm-cmd
 * makes of the answers. xenvm-cmd(1) is the document for users.
 *
 * Functions that can fail for a reason that the user should read take a `char **error`: after a
 * failure it holds one malloc'd line without the VM's name (NULL only when memory ran out).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "protocol/commands.h"
#include "protocol/rpc.h"

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NO_MONITOR = 3,
    EXIT_TIMED_OUT = 4,
};

enum {
    UUID_TEXT = 36,
    ANSWER_MAX = 1024 * 1024, /* bytes; a monitor that sends more is not one of ours */
    SHORT_TIMEOUT = 10,       /* seconds, for commands that only ask or flip a switch */
};

enum { NO_DEADLINE = -1 };

/* CLOCK_MONOTONIC in milliseconds. */
int64_t now_ms(void);

/* `error` as in the functions below: one malloc'd line. */
__attribute__((format(printf, 2, 3))) void set_error(char **error, const char *format, ...);

/* ---- a connection (connect.c) ---- */

struct client {
    int fd;           /* -1: closed */
    bool stream;      /* what comes is framed */
    bool ended;       /* the monitor sends no more */
    int64_t deadline; /* in now_ms() time, or NO_DEADLINE */
    char *buffer;     /* what came and is not taken yet */
    size_t used, size;
};

/* $XENVM_SOCKET_DIR or /run/xenvm; not to be freed. */
const char *socket_directory(void);

/*
 * Takes over what open() or its like returned: a descriptor above the standard ones, even where
 * the caller closed some of them, or a negative errno.
 */
int above_standard(int fd);

/*
 * Tries once, without waiting, to connect to the socket `file` in the directory `dir`. Returns 0
 * or a negative errno: -ENOENT and -ECONNREFUSED where no monitor is, -EAGAIN where one has too
 * many clients waiting. `client` is set up in any case and may be closed in any case.
 */
int client_open(struct client *client, const char *dir, const char *file);

/* Sends one request; takes over `params`. Returns 0 or a negative errno (-ETIMEDOUT). */
int client_call(struct client *client, const char *method, json_t *params, bool stream);

/* Takes the next answer or event out of what has come: 1, 0 when it isn't whole yet, -EPROTO. */
int client_next(struct client *client, struct rpc_answer *answer);

/* Reads what has come, without waiting. Returns 0 or a negative errno; the end sets `ended`. */
int client_fill(struct client *client);

/*
 * Waits for the next answer or event. Returns 1 with an answer to be freed, 0 when the monitor
 * closed the connection, -ETIMEDOUT, -EPROTO or another negative errno.
 */
int client_receive(struct client *client, struct rpc_answer *answer);

void client_close(struct client *client);

/* ---- which socket (resolve.c) ---- */

/* "vm-" and a UUID: then true, with the UUID's text in `uuid`. */
bool is_socket_name(const char *file, char uuid[UUID_TEXT + 1]);

/*
 * Connects to the VM that `vm` names: a UUID, a name, or the beginning of one UUID. A monitor
 * with too many clients waiting is waited for until `deadline`.
 */
enum exit_status client_connect(struct client *client, const char *dir, const char *vm,
                                int64_t deadline, char **error);

/* ---- arguments (args.c) ---- */

/* The first word of the long forms of commands, and itself none. */
#define LONG_FORM "device"

/* What may stand at that position of a long form, 1 or 2; the list ends with NULL. */
const char *const *long_form_words(int position);

/*
 * The name, malloc'd, of the command that `words` begin with, be it one word or the long form
 * `device disk add`. Returns how many words it took, or 0 with *error.
 */
int command_words(int count, char *const *words, char **name, char **error);

/* A command by name; NULL with *error naming the nearest for an unknown one. */
const struct command_info *find_command(const char *name, char **error);

/* Whether an argument may be given as its value alone: `disk-del xvdb`, `set memory 512`. */
bool takes_bare_word(const struct command_info *command, size_t index);

/*
 * Checks `key=value` words against the command's row. Returns a new object of strings: booleans
 * as true and false, paths absolute; or NULL.
 */
json_t *parse_arguments(const struct command_info *command, int count, char *const *words,
                        char **error);

/* ---- what is printed (format.c, table.c, help.c) ---- */

/*
 * Text that came from a monitor, safe for a terminal: control characters become question marks;
 * where `lines` is set, line feeds and tabs stay, else they become spaces.
 */
void put_text(FILE *out, const char *text, bool lines);

/* A value as one word or a few, in one line. */
void put_value(FILE *out, const json_t *value);

/* A result as people read it: nothing for null, a string as it is, a table, `key: value` lines. */
void put_result(FILE *out, const json_t *result);

/* One line of JSON. */
void put_json(FILE *out, const json_t *value);

/* An event as one line without its time and line feed. */
void put_event(FILE *out, const char *event, const json_t *params);

struct column {
    const char *key; /* the head is the same in capitals */
    bool right;      /* numbers */
    int width;       /* put_table() finds it */
};

/* Objects (an array) as lines, aligned, under a line of heads. */
void put_table(FILE *out, const json_t *objects, struct column *columns, size_t count);

/*
 * A result whose only member is an array of objects, {"disks": [{…}, {…}]}, as such a table with
 * a column for each key that one of them has; nothing for an empty one. False where it is no list.
 */
bool put_list(FILE *out, const json_t *result);

void put_usage(FILE *out);
void put_help(FILE *out);
void put_command_help(FILE *out, const struct command_info *command);
/* What stands for a value of that type: PATH, BOOL, … */
const char *value_name(enum arg_type type);
/* `suspend file=PATH [live=BOOL]…`, `disk-del [disk=]VALUE…` */
void put_synopsis(FILE *out, const struct command_info *command);

/* ---- progress (progress.c) ---- */

struct progress_figures {
    char operation[32];
    char unit[16];
    long long done, total; /* total is 0 where it isn't known */
    long long pass;        /* 0 where the monitor counts none */
    long long rate;        /* units in a second; 0 where it isn't known */
};

/* False where the event's params are not those of a progress event. */
bool read_progress(const json_t *params, struct progress_figures *figures);

/* 0 to 100, or -1 where the total isn't known. */
int progress_percent(const struct progress_figures *figures);

/* "suspend: 40% (13107 of 32768 pages)" */
void progress_text(char *line, size_t size, const struct progress_figures *figures);

/* A line with a bar in it that fits a terminal of so many columns. */
void progress_bar(char *line, size_t size, int columns, const struct progress_figures *figures);

struct progress {
    FILE *out;
    bool terminal; /* a bar that is drawn over itself; else a line at each tenth */
    bool drawn;    /* there is a bar on the terminal's line */
    int tenth;     /* the last one printed */
    long long pass, first_done, last_done;
    int64_t started, last_draw; /* in now_ms() time */
};

void progress_start(struct progress *progress, FILE *out, bool terminal);
void progress_show(struct progress *progress, const json_t *params, int64_t now);
/* Takes the bar off the terminal. */
void progress_clear(struct progress *progress);

/* ---- whole commands (call.c, console.c) ---- */

struct options {
    bool json;
    bool all;
    bool watch;
    int timeout; /* seconds; 0: none given */
};

/*
 * Each prints its result on stdout and errors on stderr, and returns xenvm-cmd's exit status.
 * `call_vm`, `watch_vm` and `console_vm` take over `params`.
 */
enum exit_status call_vm(const struct options *options, const char *vm,
                         const struct command_info *command, json_t *params);
enum exit_status watch_vm(const struct options *options, const char *vm, json_t *params);
enum exit_status console_vm(const struct options *options, const char *vm, json_t *params);

/* What call_vm() does but for printing the result, which is the caller's to free. */
enum exit_status ask_vm(const struct options *options, const char *vm,
                        const struct command_info *command, json_t *params, json_t **result);

/* Seconds that a command has, 0 for no limit. */
int limit_of(const struct options *options, const struct command_info *command);

/*
 * What client_call() or client_receive() failed with (or 0, the end before the answer), for people:
 * malloc'd. `timeout` are the seconds that it had.
 */
char *failure_text(int result, int timeout, const struct command_info *command);

/* `xenvm-cmd: <vm>: <message>` on stderr, in one line; vm may be NULL. */
void complain(const char *vm, const char *message);

/* Flushes stdout: EXIT_FAILED, with a complaint, where it could not be written. */
enum exit_status finish_output(void);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-client/many.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A command to every VM: a line of result for each, as they come. */

struct broadcast {
    const struct options *options;
    const struct command_info *command;
    size_t last; /* the question that is the command itself */
    enum exit_status status;
    enum exit_status output;
};

static bool has_path(const struct command_info *command, const json_t *params)
{
    for (size_t i = 0; i < MAX_ARGS && command->args[i].name; i++) {
        if (command->args[i].type == ARG_PATH &&
            (command->args[i].required || json_object_get(params, command->args[i].name)))
            return true;
    }
    return false;
}

bool is_for_all(const struct options *options, const struct command_info *command,
                const json_t *params, char **error)
{
    if ((command->flags & CMD_STREAM) ||
        (command == &command_table[CMD_CONSOLE] && !options->json) ||
        command == &command_table[CMD_HELP]) {
        set_error(error, "%s is not for all VMs at once", command->name);
        return false;
    }
    if ((command->flags & CMD_OWN_FILE) && has_path(command, params)) {
        set_error(error, "%s is not for all VMs at once: each needs a file of its own",
                  command->name);
        return false;
    }
    return true;
}

/* Where VMs fail in several ways, it is a failure like any. */
static void note_status(struct broadcast *all, enum exit_status status)
{
    if (all->status == EXIT_DONE)
        all->status = status;
    else if (status != EXIT_DONE && status != all->status)
        all->status = EXIT_FAILED;
}

static void put_json_line(const struct surveyed *vm, const char *key, json_t *value)
{
    json_t *line = json_pack("{ss,ss,so}", "name", vm->name, "uuid", vm->uuid, key, value);

    put_json(stdout, line);
    json_decref(line);
}

/* The error that the monitor answered with, or else what became of the question. */
static void show_failed(struct broadcast *all, const struct surveyed *vm, int result,
                        const struct rpc_answer *answer)
{
    bool refused = result > 0;
    char *message = NULL;
    json_t *error;

    if (!refused && result == -ETIMEDOUT && vm->question < all->last)
        set_error(&message, "the monitor does not answer");
    else if (!refused)
        message = failure_text(result, limit_of(all->options, all->command), all->command);
    complain(vm->name, refused ? answer->message : message);
    if (all->options->json) {
        error = refused ? json_incref(json_object_get(answer->root, "error"))
                        : json_pack("{ss?}", "message", message);
        put_json_line(vm, "error", error);
    }
    if (refused)
        note_status(all, answer->code == RPC_TIMED_OUT ? EXIT_TIMED_OUT : EXIT_FAILED);
    else
        note_status(all, result == -ETIMEDOUT ? EXIT_TIMED_OUT : EXIT_FAILED);
    free(message);
}

static void show_done(const struct broadcast *all, const struct surveyed *vm, json_t *result)
{
    if (all->options->json) {
        put_json_line(vm, "result", json_incref(result));
        return;
    }
    put_text(stdout, vm->name, false);
    fputs(": ", stdout);
    if (json_is_null(result))
        fputs("done", stdout);
    else
        put_value(stdout, result);
    putchar('\n');
}

static void show(void *arg, const struct surveyed *vm, int result, const struct rpc_answer *answer)
{
    struct broadcast *all = arg;

    if (result > 0 && answer->kind == RPC_IS_RESULT)
        show_done(all, vm, answer->result);
    else
        show_failed(all, vm, result, answer);
    /* Each as soon as it is known. What can't be written is said once; the VMs do it anyway. */
    if (all->output == EXIT_DONE)
        all->output = finish_output();
}

enum exit_status command_all(const struct options *options, const struct command_info *command,
                             json_t *params)
{
    const int limit = limit_of(options, command) * 1000;
    /*
     * A monitor that hangs would hold up a command without a limit for ever. One that answers
     * this keeps the limits of its long operations itself.
     */
    const struct question questions[] = {
        { .method = "status", .within = SHORT_TIMEOUT * 1000 },
        { .method = command->name, .params = params, .within = limit },
    };
    struct broadcast all = { .options = options, .command = command, .last = limit ? 0 : 1 };
    const struct survey survey = {
        .dir = socket_directory(),
        .questions = limit ? questions + 1 : questions,
        .count = limit ? 1 : 2,
        .answered = show,
        .arg = &all,
    };
    int result = survey_vms(&survey);

    json_decref(params);
    if (result < 0) {
        char *message = NULL;

        set_error(&message, "%s: %s", survey.dir, strerror(-result));
        complain(NULL, message);
        free(message);
        return EXIT_FAILED;
    }
    return all.status == EXIT_DONE ? all.output : all.status;
}

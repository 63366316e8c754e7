/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-client/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void complain(const char *vm, const char *message)
{
    char *text = NULL;
    size_t size;
    /* Put together first, so that it is written in one piece. */
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return;
    fputs("xenvm-cmd: ", out);
    if (vm) {
        put_text(out, vm, false);
        fputs(": ", out);
    }
    put_text(out, message ? message : "out of memory", false);
    putc('\n', out);
    if (fclose(out) == 0)
        fputs(text, stderr);
    free(text);
}

enum exit_status finish_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_DONE;
    /* Whoever read our output and went away needs no explanation. */
    if (errno != EPIPE) {
        char *message = NULL;

        set_error(&message, "cannot write the output: %s", strerror(errno));
        complain(NULL, message);
        free(message);
    }
    return EXIT_FAILED;
}

struct call {
    const struct options *options;
    const char *vm;
    const struct command_info *command;
    int timeout; /* seconds, 0 for none */
    struct client client;
    struct progress progress;
};

/* An error answer: one line on stderr, and with --json the whole of it on stdout. */
static enum exit_status show_error(const struct call *call, const struct rpc_answer *answer)
{
    complain(call->vm, answer->message);
    if (call->options->json) {
        json_t *whole = json_pack("{sO}", "error", json_object_get(answer->root, "error"));

        put_json(stdout, whole);
        json_decref(whole);
        finish_output();
    }
    return answer->code == RPC_TIMED_OUT ? EXIT_TIMED_OUT : EXIT_FAILED;
}

char *failure_text(int result, int timeout, const struct command_info *command)
{
    char *message = NULL;

    switch (result) {
    case 0:
        set_error(&message, "the monitor closed the connection before answering");
        break;
    case -ETIMEDOUT:
        set_error(&message, "no answer within %d s; the %s may still go on", timeout,
                  command->name);
        break;
    case -EPROTO:
        set_error(&message, "the monitor sent something that is no answer");
        break;
    default:
        set_error(&message, "cannot talk to the monitor: %s", strerror(-result));
        break;
    }
    return message;
}

int limit_of(const struct options *options, const struct command_info *command)
{
    if (options->timeout || (command->flags & CMD_LONG))
        return options->timeout;
    return SHORT_TIMEOUT;
}

/* What client_call() or client_receive() failed with. */
static enum exit_status show_failure(const struct call *call, int result)
{
    char *message = failure_text(result, call->timeout, call->command);

    complain(call->vm, message);
    free(message);
    return result == -ETIMEDOUT ? EXIT_TIMED_OUT : EXIT_FAILED;
}

/* Connects and sends the request; takes over `params`. */
static enum exit_status begin(struct call *call, json_t *params, bool stream)
{
    int64_t deadline = call->timeout ? now_ms() + call->timeout * INT64_C(1000) : NO_DEADLINE;
    char *error = NULL;
    enum exit_status status =
        client_connect(&call->client, socket_directory(), call->vm, deadline, &error);
    int result;

    if (status != EXIT_DONE) {
        complain(call->vm, error);
        free(error);
        json_decref(params);
        return status;
    }
    result = client_call(&call->client, call->command->name, params, stream);
    return result < 0 ? show_failure(call, result) : EXIT_DONE;
}

/* Events on the way to the answer of a long command. */
static void show_on_the_way(struct call *call, const struct rpc_answer *answer)
{
    if (strcmp(answer->event, "progress") == 0) {
        progress_show(&call->progress, answer->params, now_ms());
    } else if (strcmp(answer->event, "message") == 0) {
        progress_clear(&call->progress);
        put_event(stderr, answer->event, answer->params);
        putc('\n', stderr);
    }
}

static enum exit_status await_answer(struct call *call, json_t **answered)
{
    struct rpc_answer answer;
    enum exit_status status = EXIT_DONE;
    int result;

    while ((result = client_receive(&call->client, &answer)) > 0 && answer.kind == RPC_IS_EVENT) {
        show_on_the_way(call, &answer);
        rpc_answer_free(&answer);
    }
    progress_clear(&call->progress);
    if (result <= 0)
        return show_failure(call, result);
    if (answer.kind == RPC_IS_ERROR)
        status = show_error(call, &answer);
    else
        *answered = json_incref(answer.result);
    rpc_answer_free(&answer);
    return status;
}

enum exit_status ask_vm(const struct options *options, const char *vm,
                        const struct command_info *command, json_t *params, json_t **result)
{
    struct call call = { .options = options, .vm = vm, .command = command };
    bool stream = (command->flags & CMD_PROGRESS) && !options->json;
    enum exit_status status;

    call.timeout = limit_of(options, command);
    progress_start(&call.progress, stderr, stream && isatty(STDERR_FILENO));
    status = begin(&call, params, stream);
    if (status == EXIT_DONE)
        status = await_answer(&call, result);
    client_close(&call.client);
    return status;
}

enum exit_status call_vm(const struct options *options, const char *vm,
                         const struct command_info *command, json_t *params)
{
    json_t *result = NULL;
    enum exit_status status = ask_vm(options, vm, command, params, &result);

    if (status != EXIT_DONE)
        return status;
    if (options->json)
        put_json(stdout, result);
    else
        put_result(stdout, result);
    json_decref(result);
    return finish_output();
}

static enum exit_status print_event(const struct options *options, const struct rpc_answer *answer)
{
    if (options->json) {
        put_json(stdout, answer->params);
    } else {
        time_t now = time(NULL);
        struct tm local;
        char text[16];

        localtime_r(&now, &local);
        strftime(text, sizeof(text), "%H:%M:%S", &local);
        printf("%s ", text);
        put_event(stdout, answer->event, answer->params);
        putchar('\n');
    }
    return finish_output();
}

enum exit_status watch_vm(const struct options *options, const char *vm, json_t *params)
{
    struct call call = { .options = options,
                         .vm = vm,
                         .command = &command_table[CMD_WATCH],
                         .timeout = options->timeout };
    enum exit_status status = begin(&call, params, true);
    struct rpc_answer answer;
    bool any = false;
    int result = 0;

    while (status == EXIT_DONE && (result = client_receive(&call.client, &answer)) > 0) {
        any = true;
        if (answer.kind == RPC_IS_ERROR)
            status = show_error(&call, &answer);
        else if (answer.kind == RPC_IS_EVENT)
            status = print_event(options, &answer);
        rpc_answer_free(&answer);
    }
    /* The end of the monitor is the end of a watch, unless it never began. */
    if (status == EXIT_DONE && (result < 0 || !any))
        status = show_failure(&call, result);
    client_close(&call.client);
    return status;
}

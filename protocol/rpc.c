/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/rpc.h"

#include <stdlib.h>
#include <string.h>

void frame_header(uint8_t header[FRAME_HEADER], uint32_t length)
{
    for (int i = 0; i < FRAME_HEADER; i++)
        header[i] = (uint8_t)(length >> (24 - 8 * i));
}

uint32_t frame_length(const uint8_t header[FRAME_HEADER])
{
    return (uint32_t)header[0] << 24 | (uint32_t)header[1] << 16 | (uint32_t)header[2] << 8 |
           header[3];
}

/*
 * Text to JSON, for both directions: one object or array and nothing behind it, no key twice, no
 * NUL in any string (so that C strings are the whole of them), and nested no deeper than
 * jansson's own bound of 2048. NULL with *why set when it isn't that.
 */
static json_t *load(const char *text, size_t size, const char **why)
{
    json_error_t error;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);

    if (root)
        return root;
    switch (json_error_code(&error)) {
    case json_error_stack_overflow:
        *why = "the JSON is nested too deeply";
        break;
    case json_error_duplicate_key:
        *why = "a key is given twice in one object";
        break;
    case json_error_end_of_input_expected:
        *why = "something follows the JSON object";
        break;
    case json_error_null_character:
        *why = "a string holds a NUL character";
        break;
    case json_error_invalid_utf8:
        *why = "the text is not valid UTF-8";
        break;
    case json_error_premature_end_of_input:
        *why = "the JSON ends too early";
        break;
    case json_error_out_of_memory:
        *why = "out of memory";
        break;
    default:
        *why = "the text is not JSON";
        break;
    }
    return NULL;
}

static bool is_version_2(const json_t *root)
{
    const char *version = json_string_value(json_object_get(root, "jsonrpc"));

    return version && strcmp(version, "2.0") == 0;
}

static int check_params(json_t *params, const char **why)
{
    const char *key;
    json_t *value;

    if (!json_is_object(params)) {
        *why = "params must be an object";
        return RPC_INVALID_PARAMS;
    }
    json_object_foreach(params, key, value)
    {
        if (!json_is_string(value)) {
            *why = "every member of params must be a string";
            return RPC_INVALID_PARAMS;
        }
    }
    return 0;
}

/* Fills in the request from request->root, which stays the caller's to free. */
static int read_request(struct rpc_request *request, const char **why)
{
    json_t *root = request->root;
    const json_t *stream = json_object_get(root, "stream");

    *why = "the request must be one JSON object";
    if (!json_is_object(root))
        return RPC_INVALID_REQUEST;
    *why = "jsonrpc must be \"2.0\"";
    if (!is_version_2(root))
        return RPC_INVALID_REQUEST;
    *why = "method must be a string";
    request->method = json_string_value(json_object_get(root, "method"));
    if (!request->method || !*request->method)
        return RPC_INVALID_REQUEST;
    *why = "id must be a string, a number or null";
    request->id = json_object_get(root, "id");
    if (!request->id)
        request->id = json_null();
    if (!json_is_string(request->id) && !json_is_number(request->id) && !json_is_null(request->id))
        return RPC_INVALID_REQUEST;
    *why = "stream must be true or false";
    if (stream && !json_is_boolean(stream))
        return RPC_INVALID_REQUEST;
    request->stream = json_is_true(stream);

    request->params = json_object_get(root, "params");
    if (!request->params) {
        *why = "out of memory";
        request->params = json_object();
        if (json_object_set_new_nocheck(root, "params", request->params) < 0)
            return RPC_INTERNAL;
    }
    return check_params(request->params, why);
}

int rpc_request_parse(const char *text, size_t size, struct rpc_request *request, const char **why)
{
    int code;

    *request = (struct rpc_request){ 0 };
    if (size > FRAME_MAX) {
        *why = "the request is longer than 64 KiB";
        return RPC_INVALID_REQUEST;
    }
    request->root = load(text, size, why);
    if (!request->root)
        return RPC_PARSE_ERROR;
    code = read_request(request, why);
    if (code)
        rpc_request_free(request);
    else
        *why = NULL;
    return code;
}

void rpc_request_free(struct rpc_request *request)
{
    json_decref(request->root);
    *request = (struct rpc_request){ 0 };
}

/*
 * A JSON string of any text. Messages may quote file names and what guests wrote, which need not
 * be UTF-8: then everything beyond ASCII becomes a question mark.
 */
static json_t *any_string(const char *text)
{
    json_t *string = json_string(text);
    char *ascii;

    if (string)
        return string;
    ascii = strdup(text);
    if (!ascii)
        return NULL;
    for (char *c = ascii; *c; c++) {
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    }
    string = json_string(ascii);
    free(ascii);
    return string;
}

/* The text of `root`, which is freed; NULL where `broken` says that building it went wrong. */
static char *finish(json_t *root, bool broken)
{
    char *text = broken ? NULL : json_dumps(root, JSON_COMPACT);

    json_decref(root);
    return text;
}

static json_t *start(void)
{
    json_t *root = json_object();

    if (json_object_set_new_nocheck(root, "jsonrpc", json_string_nocheck("2.0")) == 0)
        return root;
    json_decref(root);
    return NULL;
}

/* Takes over `value`; a NULL root or value counts as broken, so that one check at the end does. */
static bool put(json_t *root, const char *key, json_t *value)
{
    return json_object_set_new_nocheck(root, key, value) < 0;
}

static json_t *copy_id(const json_t *id)
{
    return id ? json_deep_copy(id) : json_null();
}

char *rpc_request_text(const char *method, json_t *params, bool stream)
{
    json_t *root = start();
    bool broken = put(root, "method", any_string(method));

    broken |= put(root, "params", params ? params : json_object());
    broken |= put(root, "id", json_integer(1));
    if (stream)
        broken |= put(root, "stream", json_true());
    return finish(root, broken);
}

char *rpc_result_text(const json_t *id, json_t *result)
{
    json_t *root = start();
    bool broken = put(root, "result", result ? result : json_null());

    broken |= put(root, "id", copy_id(id));
    return finish(root, broken);
}

char *rpc_error_text(const json_t *id, int code, const char *message, json_t *data)
{
    json_t *root = start();
    json_t *error = json_object();
    bool broken = put(error, "code", json_integer(code));

    broken |= put(error, "message", any_string(message));
    if (data)
        broken |= put(error, "data", data);
    broken |= put(root, "error", error);
    broken |= put(root, "id", copy_id(id));
    return finish(root, broken);
}

char *rpc_event_text(const char *event, json_t *params)
{
    json_t *root = start();
    json_t *all = json_object();
    bool broken = put(root, "method", json_string_nocheck("event"));

    /* The event's name stands first: people read these lines too. */
    broken |= put(all, "event", any_string(event));
    if (params)
        broken |= json_object_update_missing(all, params) < 0;
    json_decref(params);
    broken |= put(root, "params", all);
    return finish(root, broken);
}

static int read_error(const json_t *error, struct rpc_answer *answer)
{
    const json_t *code = json_object_get(error, "code");

    answer->kind = RPC_IS_ERROR;
    answer->code = (int)json_integer_value(code);
    answer->message = json_string_value(json_object_get(error, "message"));
    answer->data = json_object_get(error, "data");
    return json_is_integer(code) && answer->message ? 0 : -1;
}

static int read_answer(struct rpc_answer *answer)
{
    json_t *root = answer->root;
    const char *method = json_string_value(json_object_get(root, "method"));
    const json_t *error = json_object_get(root, "error");

    if (!is_version_2(root))
        return -1;
    answer->result = json_object_get(root, "result");
    answer->params = json_object_get(root, "params");
    if (method) {
        answer->kind = RPC_IS_EVENT;
        answer->event = json_string_value(json_object_get(answer->params, "event"));
        return strcmp(method, "event") == 0 && answer->event ? 0 : -1;
    }
    if (error)
        return answer->result ? -1 : read_error(error, answer);
    answer->kind = RPC_IS_RESULT;
    return answer->result ? 0 : -1;
}

int rpc_answer_parse(const char *text, size_t size, struct rpc_answer *answer)
{
    const char *why;

    *answer = (struct rpc_answer){ 0 };
    answer->root = load(text, size, &why);
    if (!answer->root)
        return -1;
    if (read_answer(answer) < 0) {
        rpc_answer_free(answer);
        return -1;
    }
    return 0;
}

void rpc_answer_free(struct rpc_answer *answer)
{
    json_decref(answer->root);
    *answer = (struct rpc_answer){ 0 };
}

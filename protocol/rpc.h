/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_PROTOCOL_RPC_H
#define XENVM_PROTOCOL_RPC_H

/*
 * The wire format of a VM's socket: frames of a 4-byte big-endian length and as many bytes of
 * JSON, holding JSON-RPC 2.0 objects (https://www.jsonrpc.org/specification). Request params are
 * an object of strings. An answer to a request without `"stream": true` is bare JSON text, and
 * the server closes after it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum { FRAME_HEADER = 4, FRAME_MAX = 64 * 1024 };

/* JSON-RPC's own codes, then xenvm's. */
enum rpc_code {
    RPC_PARSE_ERROR = -32700,
    RPC_INVALID_REQUEST = -32600,
    RPC_METHOD_NOT_FOUND = -32601,
    RPC_INVALID_PARAMS = -32602,
    RPC_INTERNAL = -32603,
    RPC_WRONG_STATE = -32000, /* data: state, needs (array), operation */
    RPC_BUSY = -32001,        /* data: operation */
    RPC_TIMED_OUT = -32002,   /* data: stage, seconds */
    RPC_DENIED = -32003,
    RPC_GUEST_REFUSED = -32004, /* data: stage */
    RPC_XEN = -32005,           /* Xen said no, or isn't there */
    RPC_FAILED = -32006,        /* everything else: files, the worker */
    RPC_CANCELLED = -32007,     /* data: by */
};

void frame_header(uint8_t header[FRAME_HEADER], uint32_t length);
uint32_t frame_length(const uint8_t header[FRAME_HEADER]);

struct rpc_request {
    const char *method; /* points into root */
    json_t *params;     /* an object of strings, maybe empty; owned by root */
    json_t *id;         /* owned by root; JSON null when there is none */
    bool stream;
    json_t *root;
};

/*
 * Parses one frame's body. Returns 0, or the RPC code of what is wrong with *why set to a
 * constant text; after a failure nothing is to be freed.
 */
int rpc_request_parse(const char *text, size_t size, struct rpc_request *request, const char **why);
void rpc_request_free(struct rpc_request *request);

/*
 * All of these return malloc'd text, or NULL when memory runs out; they take over `result`, `data`
 * and `params` (may be NULL). A method, message or event need not be UTF-8: if it isn't, what is
 * beyond ASCII is sent as question marks.
 */
char *rpc_request_text(const char *method, json_t *params, bool stream);
char *rpc_result_text(const json_t *id, json_t *result);
char *rpc_error_text(const json_t *id, int code, const char *message, json_t *data);
/* A notification: {"jsonrpc": "2.0", "method": "event", "params": {"event": <name>, …}}. */
char *rpc_event_text(const char *event, json_t *params);

/* What a server sent: an answer with a result, one with an error, or an event. */
struct rpc_answer {
    enum { RPC_IS_RESULT, RPC_IS_ERROR, RPC_IS_EVENT } kind;
    json_t *result;      /* RPC_IS_RESULT */
    int code;            /* RPC_IS_ERROR */
    const char *message; /* RPC_IS_ERROR */
    json_t *data;        /* RPC_IS_ERROR, may be NULL */
    const char *event;   /* RPC_IS_EVENT */
    json_t *params;      /* RPC_IS_EVENT */
    json_t *root;        /* owns all of the above */
};

/* 0, or -1 when the text is no such thing. */
int rpc_answer_parse(const char *text, size_t size, struct rpc_answer *answer);
void rpc_answer_free(struct rpc_answer *answer);

#endif

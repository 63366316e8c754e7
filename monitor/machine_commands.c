/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands that are about an HVM guest's machine: its display, its keyboard, its buttons. */
#include <stdlib.h>
#include <string.h>

#include "monitor/device_model.h"
#include "monitor/handlers.h"
#include "monitor/machine.h"
#include "monitor/qmp.h"
#include "monitor/screenshot.h"
#include "monitor/sequences.h"
#include "monitor/util.h"

/* The device model, or NULL with an answer. */
static struct qmp *need_model(struct vm *vm, struct call *call)
{
    struct qmp *qmp = device_model_qmp(vm);

    if (vm->config->type != GUEST_HVM)
        refuse(call, fail(RPC_FAILED, "a %s guest has no device model",
                          guest_type_name(vm->config->type)));
    else if (!qmp)
        refuse(call, fail(RPC_FAILED, "the device model does not answer"));
    return vm->config->type == GUEST_HVM ? qmp : NULL;
}

void cmd_get_vnc(struct vm *vm, struct call *call, const json_t *params)
{
    char *host = store_read(vm->store, "/local/domain/%u/console/vnc-listen", vm->domid);
    long long port = store_number(vm->store, 0, "/local/domain/%u/console/vnc-port", vm->domid);

    if (!host || port == 0)
        refuse(call, fail(RPC_FAILED, "the VM has no display (display = vnc)"));
    else
        call_result(call, json_pack("{s:s, s:I}", "host", host, "port", (json_int_t)port));
    free(host);
}

void cmd_get_acpi_state(struct vm *vm, struct call *call, const json_t *params)
{
    char state[2] = "0";

    if (vm->config->type == GUEST_HVM)
        state[0] = (char)('0' + machine_acpi_state(vm->xch, vm->domid));
    call_result(call, json_string(state));
}

/* Device models have no domain of their own here. */
void cmd_get_stubdomid(struct vm *vm, struct call *call, const json_t *params)
{
    call_result(call, json_string("-1"));
}

static void begin_sleep(struct vm *vm, struct call *call, const json_t *params, const char *state)
{
    if (vm->config->type != GUEST_HVM) {
        refuse(call, fail(RPC_FAILED, "a %s guest has no ACPI state to go to",
                          guest_type_name(vm->config->type)));
        return;
    }
    vm_begin(vm, OP_SLEEP, call)->timeout = param_timeout(params);
    stop_sleep(vm, state);
}

void cmd_s3suspend(struct vm *vm, struct call *call, const json_t *params)
{
    begin_sleep(vm, call, params, "s3");
}

void cmd_s4suspend(struct vm *vm, struct call *call, const json_t *params)
{
    begin_sleep(vm, call, params, "s4");
}

/* The call, when qemu has answered. */
static void answered(void *arg, const json_t *result, struct failure *failure)
{
    struct call *call = arg;

    if (failure)
        refuse(call, failure);
    else
        call_result(call, NULL);
}

static void wake(struct vm *vm, struct call *call)
{
    struct qmp *qmp = need_model(vm, call);

    if (qmp)
        qmp_send(qmp, "system_wakeup", NULL, answered, call);
}

void cmd_trigger(struct vm *vm, struct call *call, const json_t *params)
{
    static const struct {
        const char *name;
        uint32_t trigger;
    } triggers[] = {
        { "nmi", XEN_DOMCTL_SENDTRIGGER_NMI },
        { "power", XEN_DOMCTL_SENDTRIGGER_POWER },
        { "sleep", XEN_DOMCTL_SENDTRIGGER_SLEEP },
    };
    const char *event = param(params, "event");
    struct failure *failure = NULL;
    size_t i = 0;

    if (!strcmp(event, "s3resume")) {
        wake(vm, call);
        return;
    }
    while (i < sizeof(triggers) / sizeof(triggers[0]) && strcmp(triggers[i].name, event) != 0)
        i++;
    if (vm->config->type != GUEST_HVM)
        failure = fail(RPC_FAILED, "a %s guest has no buttons", guest_type_name(vm->config->type));
    else if (!strcmp(event, "reset"))
        /* That of qemu, where the guest has not asked for it, is one of its devices alone. */
        failure = domain_reset(vm->xch, vm->domid);
    else if (i < sizeof(triggers) / sizeof(triggers[0]))
        failure = domain_trigger(vm->xch, vm->domid, triggers[i].trigger);
    else
        failure = fail(RPC_INVALID_PARAMS,
                       "event: '%s' is none of s3resume, power, sleep, nmi and reset", event);
    answered(call, NULL, failure);
}

void cmd_screenshot(struct vm *vm, struct call *call, const json_t *params)
{
    struct qmp *qmp = need_model(vm, call);

    if (!qmp)
        return;
    struct failure *failure = screenshot_take(vm, qmp, call, param(params, "file"));
    if (failure)
        refuse(call, failure);
}

/* "ctrl-alt-delete" as qemu wants it; an empty array where there is something between hyphens. */
static json_t *chord(const char *text, size_t size)
{
    json_t *keys = json_array();

    while (size > 0) {
        const char *hyphen = memchr(text, '-', size);
        size_t length = hyphen ? (size_t)(hyphen - text) : size;

        json_array_append_new(keys,
                              json_pack("{s:s, s:s%}", "type", "qcode", "data", text, length));
        text += length + (hyphen != NULL);
        size -= length + (hyphen != NULL);
    }
    return keys;
}

/* Chords on their way, one after the other. */
struct chords {
    struct qmp *qmp;
    struct call *call;
    char *text;       /* of all of them */
    const char *next; /* what has not been sent yet, without blanks before it */
    const char *sent; /* the last one that was, and what follows it */
};

static void on_chord(void *arg, const json_t *result, struct failure *failure);

static void send_chord(struct chords *chords)
{
    size_t length = strcspn(chords->next, " ");

    chords->sent = chords->next;
    chords->next += length;
    chords->next += strspn(chords->next, " ");
    qmp_send(chords->qmp, "send-key", json_pack("{s:o}", "keys", chord(chords->sent, length)),
             on_chord, chords);
}

/* With the first that qemu refuses, the others are not pressed either. */
static void on_chord(void *arg, const json_t *result, struct failure *failure)
{
    struct chords *chords = arg;

    if (!failure && *chords->next) {
        send_chord(chords);
        return;
    }
    if (failure) {
        refuse(chords->call,
               fail(failure->code, "%s (not pressed: %s)", failure->text, chords->sent));
        failure_free(failure);
    } else {
        call_result(chords->call, NULL);
    }
    free(chords->text);
    free(chords);
}

void cmd_sendkey(struct vm *vm, struct call *call, const json_t *params)
{
    const char *text = param(params, "keys");
    struct qmp *qmp = need_model(vm, call);

    text += strspn(text, " ");
    if (qmp && !*text)
        refuse(call, fail(RPC_INVALID_PARAMS, "keys: names no key"));
    if (!qmp || !*text)
        return;
    struct chords *chords = need(calloc(1, sizeof(*chords)));
    *chords = (struct chords){ .qmp = qmp, .call = call, .text = copy_text(text) };
    chords->next = chords->text;
    send_chord(chords);
}

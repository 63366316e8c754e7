/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/model_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "monitor/device_model.h"
#include "monitor/process.h"
#include "monitor/qmp.h"
#include "monitor/util.h"
#include "monitor/vm.h"

struct transfer {
    struct vm *vm;
    json_int_t set; /* qemu's number of the file */
    model_state_done *done;
};

bool model_state_matters(const struct vm *vm)
{
    return vm->config->type == GUEST_HVM;
}

bool model_state_comes(const struct vm *vm)
{
    return model_state_matters(vm) && vm->operation && vm->operation->kind == OP_RESTORE;
}

struct failure *model_state_open(struct vm *vm, int *fd)
{
    struct operation *operation = vm->operation;
    int low = memfd_create("device-model-state", MFD_CLOEXEC);

    operation->model_fd = low < 0 ? -1 : process_high_fd(low);
    *fd = low;
    if (operation->model_fd >= 0)
        return NULL;
    struct failure *failure =
        fail(RPC_FAILED, "no room for the device model's state: %s", strerror(errno));
    if (low >= 0)
        close(low);
    return failure;
}

static struct transfer *new_request(struct vm *vm, model_state_done *done)
{
    struct transfer *request = need(calloc(1, sizeof(*request)));

    request->vm = vm;
    request->done = done;
    return request;
}

static void on_end(void *arg, const json_t *result, struct failure *failure)
{
    struct transfer request = *(struct transfer *)arg;

    free(arg);
    request.done(request.vm, failure);
}

static void on_written(void *arg, const json_t *result, struct failure *failure)
{
    const struct transfer *request = arg;

    if (device_model_qmp(request->vm))
        qmp_drop_file(device_model_qmp(request->vm), request->set);
    on_end(arg, result, failure);
}

static void on_file(void *arg, const json_t *result, struct failure *failure)
{
    struct transfer *request = arg;

    if (failure) {
        on_end(request, NULL, failure);
        return;
    }
    char *name = qmp_file_name(result, &request->set);
    /* Not live: it keeps its disks, in case that the guest goes on here. */
    qmp_send(device_model_qmp(request->vm), "xen-save-devices-state",
             json_pack("{s:s, s:b}", "filename", name, "live", 0), on_written, request);
    free(name);
}

void model_state_save(struct vm *vm, int fd, model_state_done *done)
{
    struct qmp *qmp = device_model_qmp(vm);

    if (!qmp) {
        done(vm, fail(RPC_FAILED, "the device model does not answer"));
        return;
    }
    char *path = text("/proc/self/fd/%d", fd);
    struct transfer *request = new_request(vm, done);
    qmp_send(qmp, "stop", NULL, NULL, NULL);
    struct failure *failure = qmp_send_file(qmp, path, O_WRONLY, on_file, request);
    free(path);
    if (failure)
        on_end(request, NULL, failure);
}

static void set_log(struct qmp *qmp, bool enable, qmp_answered *answered, void *arg)
{
    qmp_send(qmp, "xen-set-global-dirty-log", json_pack("{s:b}", "enable", enable), answered, arg);
}

void model_state_go_on(struct vm *vm, bool logs)
{
    struct qmp *qmp = device_model_qmp(vm);

    if (qmp && logs)
        set_log(qmp, false, NULL, NULL);
    if (qmp)
        qmp_send(qmp, "cont", NULL, NULL, NULL);
}

void model_state_log_dirty(struct vm *vm, bool enable, model_state_done *done)
{
    struct qmp *qmp = device_model_qmp(vm);

    if (!qmp)
        done(vm, fail(RPC_FAILED, "the device model does not answer"));
    else
        set_log(qmp, enable, on_end, new_request(vm, done));
}

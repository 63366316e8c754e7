/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands that are about the guest's devices, its console, and how much it has of things. */
#include <stdlib.h>
#include <string.h>

#include "config/disk.h"
#include "config/nic.h"
#include "config/pci.h"
#include "monitor/handlers.h"
#include "monitor/plug.h"
#include "monitor/resize.h"

/* Takes the call where there is a failure. */
static void end(struct call *call, struct failure *failure)
{
    if (failure)
        refuse(call, failure);
}

void cmd_console(struct vm *vm, struct call *call, const json_t *params)
{
    bool serial = vm->config->type == GUEST_HVM;
    char *tty = store_read(vm->store, "/local/domain/%u/%s/tty", vm->domid,
                           serial ? "serial/0" : "console");

    if (!tty || !*tty)
        refuse(call, fail(RPC_XEN, "the console has no terminal (%s)",
                          serial ? "serial = pty gives it one" : "is xenconsoled running?"));
    else
        call_result(call, json_pack("{s:s, s:I}", "tty", tty, "domid", (json_int_t)vm->domid));
    free(tty);
}

void cmd_vcpu_set(struct vm *vm, struct call *call, const json_t *params)
{
    end(call, resize_vcpus(vm, call, (unsigned int)parse_number(param(params, "n")),
                           param_timeout(params)));
}

void cmd_set_mem_target(struct vm *vm, struct call *call, const json_t *params)
{
    end(call, resize_memory(vm, call, (unsigned long long)parse_number(param(params, "mb")),
                            param_timeout(params)));
}

static void detach(struct vm *vm, struct call *call, const json_t *params,
                   const struct config_devices *list, size_t index)
{
    end(call, plug_detach(vm, call, list, index, param_bool(params, "force", false),
                          param_timeout(params)));
}

/* disks */

/* By virtpath; both names of one number are the same disk. False with an answer. */
static bool find_disk(struct vm *vm, struct call *call, const json_t *params, size_t *index)
{
    const char *name = param(params, "disk");
    uint32_t number;

    if (!disk_number(name, &number)) {
        refuse(call, fail(RPC_INVALID_PARAMS, "disk: '%s' is no virtpath like xvda", name));
        return false;
    }
    for (*index = 0; *index < vm->config->disk_count; (*index)++)
        if (vm->config->disks[*index]->number == number)
            return true;
    refuse(call, fail(RPC_FAILED, "the VM has no disk %s", name));
    return false;
}

void cmd_disk_list(struct vm *vm, struct call *call, const json_t *params)
{
    call_result(call, plug_list_disks(vm));
}

void cmd_disk_add(struct vm *vm, struct call *call, const json_t *params)
{
    end(call, plug_attach(vm, call, &config_disks, param(params, "disk"), 0));
}

void cmd_disk_del(struct vm *vm, struct call *call, const json_t *params)
{
    size_t index;

    if (find_disk(vm, call, params, &index))
        detach(vm, call, params, &config_disks, index);
}

static void insert(struct vm *vm, struct call *call, const json_t *params,
                   enum disk_phystype phystype, const char *path)
{
    size_t index;

    if (find_disk(vm, call, params, &index))
        end(call, plug_insert(vm, call, index, phystype, path, param_bool(params, "force", false),
                              param_timeout(params)));
}

void cmd_cd_insert_file(struct vm *vm, struct call *call, const json_t *params)
{
    insert(vm, call, params, DISK_FILE, param(params, "file"));
}

void cmd_cd_insert_real(struct vm *vm, struct call *call, const json_t *params)
{
    insert(vm, call, params, DISK_PHY, param(params, "device"));
}

void cmd_cd_eject(struct vm *vm, struct call *call, const json_t *params)
{
    insert(vm, call, params, DISK_FILE, NULL);
}

/* network cards */

static bool find_nic(struct vm *vm, struct call *call, const json_t *params, size_t *index)
{
    int id = parse_number(param(params, "id"));

    for (*index = 0; *index < vm->config->nic_count; (*index)++)
        if (vm->config->nics[*index]->id == id)
            return true;
    refuse(call, fail(RPC_FAILED, "the VM has no nic %d", id));
    return false;
}

void cmd_nic_list(struct vm *vm, struct call *call, const json_t *params)
{
    call_result(call, plug_list_nics(vm));
}

void cmd_nic_add(struct vm *vm, struct call *call, const json_t *params)
{
    const char *nic = param(params, "nic");

    end(call, plug_attach(vm, call, &config_nics, nic ? nic : "", 0));
}

void cmd_nic_del(struct vm *vm, struct call *call, const json_t *params)
{
    size_t index;

    if (find_nic(vm, call, params, &index))
        detach(vm, call, params, &config_nics, index);
}

void cmd_nic_network_switch(struct vm *vm, struct call *call, const json_t *params)
{
    size_t index;

    if (find_nic(vm, call, params, &index))
        end(call, plug_switch(vm, call, index, param(params, "network")));
}

/* PCI devices of the host */

static bool find_pci(struct vm *vm, struct call *call, const json_t *params, size_t *index)
{
    const char *address = param(params, "pci");
    struct pci_device pci = { 0 };

    if (!pci_read_address(address, &pci)) {
        refuse(call,
               fail(RPC_INVALID_PARAMS, "pci: '%s' is no address like 0000:00:1b.0", address));
        return false;
    }
    for (*index = 0; *index < vm->config->pci_count; (*index)++)
        if (pci_is_same(&pci, vm->config->pcis[*index]))
            return true;
    refuse(call, fail(RPC_FAILED, "the VM has no PCI device %s", address));
    return false;
}

void cmd_pci_list(struct vm *vm, struct call *call, const json_t *params)
{
    call_result(call, plug_list_pcis(vm));
}

void cmd_pci_add(struct vm *vm, struct call *call, const json_t *params)
{
    end(call, plug_attach(vm, call, &config_pcis, param(params, "pci"), param_timeout(params)));
}

void cmd_pci_del(struct vm *vm, struct call *call, const json_t *params)
{
    size_t index;

    if (find_pci(vm, call, params, &index))
        detach(vm, call, params, &config_pcis, index);
}

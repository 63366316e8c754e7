/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_HANDLERS_H
#define XENVM_MONITOR_HANDLERS_H

/* The handlers of commands, for the table in commands.c, and what they have in common. */

#include "monitor/control.h"
#include "monitor/vm.h"

/* Takes over the call. `params` have been checked against the command's row. */
typedef void handler(struct vm *vm, struct call *call, const json_t *params);

/* An argument, or NULL, `missing`, 60 s where it is not given. */
const char *param(const json_t *params, const char *key);
bool param_bool(const json_t *params, const char *key, bool missing);
int param_timeout(const json_t *params);

/* Answers with the failure and frees it. */
void refuse(struct call *call, struct failure *failure);

/* config_commands.c */
handler cmd_read_config, cmd_get, cmd_set, cmd_unset, cmd_config;

/* device_commands.c */
handler cmd_console, cmd_vcpu_set, cmd_set_mem_target;
handler cmd_disk_list, cmd_disk_add, cmd_disk_del;
handler cmd_nic_list, cmd_nic_add, cmd_nic_del, cmd_nic_network_switch;
handler cmd_pci_list, cmd_pci_add, cmd_pci_del;
handler cmd_cd_insert_file, cmd_cd_insert_real, cmd_cd_eject;

/* machine_commands.c */
handler cmd_get_vnc, cmd_screenshot, cmd_sendkey, cmd_trigger;
handler cmd_s3suspend, cmd_s4suspend, cmd_get_acpi_state, cmd_get_stubdomid;

#endif

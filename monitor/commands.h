/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_COMMANDS_H
#define XENVM_MONITOR_COMMANDS_H

#include "monitor/control.h"
#include "monitor/vm.h"

/* Carries out one request; takes over the call. `params` is an object of strings. */
void command_run(struct vm *vm, struct call *call, const char *method, const json_t *params);

#endif

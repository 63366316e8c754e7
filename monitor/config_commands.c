/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/commands.h"
#include "monitor/configs.h"
#include "monitor/handlers.h"

void cmd_read_config(struct vm *vm, struct call *call, const json_t *params)
{
    struct failure *failure = configs_read(vm, param(params, "path"));

    if (failure)
        refuse(call, failure);
    else
        call_result(call, NULL);
}

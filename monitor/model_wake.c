/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/model_wake.h"

#include "monitor/log.h"
#include "monitor/sleep.h"
#include "monitor/vm.h"

/*
 * qemu's reset forgets where the registers of the PIIX4's power management are, through which the
 * guest powers off, and sleeps again (qemu/hw/acpi/piix4.c). The firmware that set them, hvmloader,
 * is not there any more, and SeaBIOS leaves it to that. So this is what hvmloader did
 * (xen/tools/firmware/hvmloader/pci.c), by qemu's own ports of PCI's configuration space.
 */
static const char *const writes[] = {
    "o/w 0xcf8 0x80000b40", /* 00:01.3: the base, */
    "o/w 0xcfc 0xb001",
    "o/w 0xcf8 0x80000b80", /* and that it is there */
    "o/b 0xcfc 0x01",
};

enum { WRITES = sizeof(writes) / sizeof(writes[0]) };

static void written(void *arg, const json_t *result, struct failure *failure)
{
    struct vm *vm = arg;
    const char *said = failure ? failure->text : json_string_value(result);

    if (said && *said)
        log_error("the guest can't power off any more: qemu: %.200s", said);
    failure_free(failure);
    sleep_end(vm);
}

void model_wake(struct vm *vm, struct qmp *qmp)
{
    sleep_ends(vm);
    for (size_t i = 0; i < WRITES; i++)
        qmp_send(qmp, "human-monitor-command", json_pack("{s:s}", "command-line", writes[i]),
                 i + 1 < WRITES ? NULL : written, vm);
}

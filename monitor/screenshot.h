/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_SCREENSHOT_H
#define XENVM_MONITOR_SCREENSHOT_H

/* A picture of the guest's display, as PNG. */

#include "monitor/control.h"
#include "monitor/failure.h"
#include "monitor/qmp.h"

struct vm;

/* Takes over the call, and answers when the file is there; not after a failure here. */
struct failure *screenshot_take(struct vm *vm, struct qmp *qmp, struct call *call,
                                const char *path);

#endif

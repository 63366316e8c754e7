/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_MODEL_PROGRAM_H
#define XENVM_MONITOR_MODEL_PROGRAM_H

#include <stdbool.h>

#include "monitor/failure.h"

/* The qemu to run: `given` and no other, or where that is NULL, the one at hand. Owned by others.
 */
struct failure *model_program_find(const char *given, const char **program);

/*
 * Does a program of 64 bits ask for a shared library whose name begins with `library`? From its
 * dynamic section (ELF, System V ABI, chapter 5); false too where it can't be read.
 */
bool model_program_needs(const char *program, const char *library);

#endif

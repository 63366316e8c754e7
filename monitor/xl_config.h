/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_MONITOR_XL_CONFIG_H
#define XENVM_MONITOR_XL_CONFIG_H

#include "monitor/vm.h"

/*
 * What `xl restore` is to build the domain from, in the language of xl.cfg(5): malloc'd. Disks
 * that xl can't have, encrypted ones, are left out.
 */
char *xl_config(const struct vm *vm, const struct domain_plan *plan);

#endif

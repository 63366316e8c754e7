/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_CONFIG_REPORT_H
#define XENVM_CONFIG_REPORT_H

#include <stdarg.h>

#include "config/config.h"

/* A file that isn't a configuration at all gives this many messages of a level and no more. */
enum { REPORT_MAX = 100 };

/* Takes `text`, which is malloc'd. `name` is the file's, for the message that ends a long report.
 */
void config_report_add(struct config_report *report, enum config_level level, const char *name,
                       char *text);

#endif

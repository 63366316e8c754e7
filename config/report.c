/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/report.h"

#include <stdlib.h>

#include "config/text.h"

void config_report_add(struct config_report *report, enum config_level level, const char *name,
                       char *text)
{
    bool error = level == CONFIG_ERROR;
    size_t before = error ? report->errors : report->count - report->errors;

    if (before > REPORT_MAX) {
        free(text);
        return;
    }
    if (before == REPORT_MAX) {
        free(text);
        text = config_format("%s: more than %d %s, the rest is left out", name, (int)REPORT_MAX,
                             error ? "errors" : "warnings");
    }
    report->messages = reallocarray(report->messages, report->count + 1, sizeof(*report->messages));
    if (!report->messages)
        abort();
    report->messages[report->count++] = (struct config_message){ .level = level, .text = text };
    report->errors += error;
}

void config_report_free(struct config_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        free(report->messages[i].text);
    free(report->messages);
    *report = (struct config_report){ 0 };
}

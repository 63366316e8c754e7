/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd-client/own.h"

/* The candidates' words, separated by commas. */
static void expect(const char *line, const char *expected)
{
    char *words[16], *text = strdup(line), *printed = NULL, *rest = text;
    char got[2048] = "";
    size_t size;
    int count = 0;

    /* An empty word at the end is one. */
    while (count < 16 && rest)
        words[count++] = strsep(&rest, " ");
    FILE *out = open_memstream(&printed, &size);
    put_completions(out, "/nonexistent", count, words);
    fclose(out);
    for (char *at = strtok(printed, "\n"); at; at = strtok(NULL, "\n")) {
        assert_non_null(strchr(at, '\t'));
        if (*at != ':')
            *strchr(at, '\t') = '\0';
        snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", *got ? "," : "", at);
    }
    assert_string_equal(got, expected);
    free(printed);
    free(text);
}

static void test_words(void **unused)
{
    expect("", "list,help");
    expect("h", "help");
    expect("list ", "");
    expect("help unp", "unpause");
    expect("help pause ", "");
    expect("web pau", "pause");
    expect("web PAU", "");
    expect("web reb", "reboot");
    expect("web dev", "device");
    expect("web device ", "disk,nic,pci");
    expect("web device n", "nic");
    expect("web device nic a", "add");
    expect("web device nic add ", "nic=");
    expect("web device zebra add ", "");
    expect("web zebra ", "");
    expect("web help ch", "checkpoint");
}

static void test_arguments(void **unused)
{
    expect("web pause ", "");
    expect("web shutdown ", "force=,timeout=");
    expect("web halt ", "force=,timeout=");
    expect("web shutdown f", "force=");
    expect("web shutdown force", "force=");
    expect("web shutdown force=", "force=false,force=true");
    expect("web shutdown force=t", "force=true");
    expect("web shutdown force=yes", "");
    expect("web shutdown timeout=", "");
    expect("web shutdown force=y ", "timeout=");
    expect("web shutdown timeout=5 force=y ", "");
    expect("web suspend file=", ":path\tfile=");
    expect("web suspend file=/a=b", ":path\tfile=");
    expect("web disk-del ", "disk=,force=,timeout=");
    expect("web disk-add /dev/x:phy", "");
    expect("web disk-del xvdb ", "force=,timeout=");
    expect("web get ", ":key\t");
    expect("web get mem", ":key\t");
    expect("web unset key=mem", ":key\tkey=");
    expect("web get memory ", "");
    expect("web set memory ", "value=,add=");
    expect("web set memory 256 ", "add=");
    expect("web set add=true ", ":key\t,value=");
}

static void test_options(void **unused)
{
    expect("-", "--all,--json,--timeout,--watch,--help,--version");
    expect("--j", "--json");
    expect("web pause --j", "--json");
    expect("--timeout ", "");
    expect("-t ", "");
    expect("-t 5 h", "help");
    expect("--timeout=5 h", "help");
    expect("--json web -t 5 pau", "pause");
    expect("--all pau", "pause");
    expect("-a restar", "restart");
    expect("--all shutdown f", "force=");
    expect("--all list ", "");
    /* What is not for all VMs. */
    expect("--all rest", "restart,restore");
    expect("--all conso", "");
    expect("--all --json conso", "console");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_options),
    };

    return cmocka_run_group_tests_name("completion", tests, NULL, NULL);
}

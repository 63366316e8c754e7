/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values of pci: good ones, bad ones and limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "config/pci.h"
#include "tests/unit/device_rows.h"

static char *rewrite_pci(const char *value, char **error)
{
    struct pci_device *pci = pci_parse(value, error);
    char *text = pci ? pci_text(pci) : NULL;

    pci_free(pci);
    return text;
}

static const struct row pci_rows[] = {
    SAME("0,bind,0000:00:1b.0"),
    SAME("0,0000:00:1b.0"),
    SAME("99,bind,ffff:ff:1f.7"),
    GOOD("1,0:0:0.0", "1,0000:00:00.0"),
    GOOD("1,bind,000A:B:1C.3,permissive=1,power_mgmt=0,msitranslate=Yes",
         "1,bind,000a:0b:1c.3,msitranslate=1,power_mgmt=0,permissive=1"),
    GOOD("0,0000:00:1b.0,permissive=0", "0,0000:00:1b.0"),

    BAD("", "has no value, accepted: id,[bind,]domain:bus:device.function[,k=v...]"),
    BAD("0", "has no address, accepted: id,"),
    BAD("0,bind", "has no address"),
    BAD("0000:00:1b.0", "id '0000:00:1b.0' is not a whole decimal number, accepted: a whole"),
    BAD(",0000:00:1b.0", "id '' is not"),
    BAD("100,0000:00:1b.0", "id '100' is too large, accepted: a whole number from 0 to 99"),
    BAD("-1,0000:00:1b.0", "id '-1' is too small"),
    BAD("0,", "address '' is none of a PCI device, accepted: domain:bus:device.function, hexa"),
    BAD("0,unbind,0000:00:1b.0", "address 'unbind' is none"),
    BAD("0,bind,bind,0000:00:1b.0", "address 'bind' is none"),
    BAD("0,00:1b.0", "address '00:1b.0' is none"),
    BAD("0,0000:00 1b.0", "is none"),
    BAD("0,0000:00:1b", "is none"),
    BAD("0,0000:00:1b.", "is none"),
    BAD("0,0000:00:1b.0.", "is none"),
    BAD("0,0000:00:1b.*", "is none"),
    BAD("0,0000:00:1b:0", "is none"),
    BAD("0,10000:00:1b.0", "is none"),
    BAD("0,0000:100:1b.0", "is none"),
    BAD("0,0000:00:20.0", "is none"),
    BAD("0,0000:00:1b.8", "is none"),
    BAD("0,0000:00:1b.00", "is none"),
    BAD("0,0x00:00:1b.0", "is none"),
    BAD("0,000g:00:1b.0", "is none"),
    BAD("0, 0000:00:1b.0", "is none"),
    BAD("0,:00:1b.0", "is none"),
    BAD("0,0000:00:1b.0,", "has an empty part, accepted: msitranslate=, power_mgmt= or permissi"),
    BAD("0,0000:00:1b.0,permissive", "part 'permissive' has no '='"),
    BAD("0,0000:00:1b.0,permissive=2", "permissive '2' is not a boolean"),
    BAD("0,0000:00:1b.0,power_mgmt=", "power_mgmt '' is not a boolean"),
    BAD("0,0000:00:1b.0,power-mgmt=1", "part 'power-mgmt=1' is not known"),
    BAD("0,0000:00:1b.0,seize=1", "part 'seize=1' is not known"),
    BAD("0,0000:00:1b.0,msitranslate=1,msitranslate=1", "msitranslate is given twice"),
};

static void test_pci_values(void **state)
{
    check_rows(rewrite_pci, pci_rows, sizeof(pci_rows) / sizeof(pci_rows[0]));
}

static void test_pci_fields(void **state)
{
    char address[PCI_ADDRESS_SIZE], *error;
    struct pci_device *pci = pci_parse("3,bind,0001:02:03.4,msitranslate=0", &error);

    assert_int_equal(pci->id, 3);
    assert_true(pci->bind);
    assert_int_equal(pci->domain, 1);
    assert_int_equal(pci->bus, 2);
    assert_int_equal(pci->device, 3);
    assert_int_equal(pci->function, 4);
    assert_int_equal(pci->msitranslate, PCI_OFF);
    assert_int_equal(pci->power_mgmt, PCI_DEFAULT);
    assert_false(pci->permissive);
    pci_address(pci, address);
    assert_string_equal(address, "0001:02:03.4");
    pci_free(pci);
    pci_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pci_values),
        cmocka_unit_test(test_pci_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/build.h"
#include "worker/tables.h"

#define SMBIOS_FILE "/sys/firmware/dmi/tables/DMI"
#define ACPI_FOLDER "/sys/firmware/acpi/tables"

enum { HOST_TABLE_MAX = 256 * 1024 };

/* All of a file of sysfs, behind what `blob` has already. 0, or a negative errno. */
static int append_file(const char *path, struct blob *blob)
{
    size_t began = blob->size;
    ssize_t got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    do {
        unsigned char *data = realloc(blob->data, blob->size + XC_PAGE_SIZE);

        if (data)
            blob->data = data;
        else
            errno = ENOMEM;
        got = data ? read(fd, data + blob->size, XC_PAGE_SIZE) : -1;
        if (got > 0)
            blob->size += (size_t)got;
    } while (got > 0 && blob->size - began <= HOST_TABLE_MAX);
    int error = got < 0 ? -errno : got > 0 ? -EFBIG : 0;
    close(fd);
    return error;
}

static int hand_over_smbios(struct worker *worker, struct xc_dom_image *dom)
{
    static unsigned char room[TABLES_SMBIOS_ROOM];
    unsigned int oem_type = (unsigned int)message_number(worker->order, "smbios-oem-type-pt", 0);
    struct blob host = { NULL, 0 };
    size_t used = 0;
    int error = append_file(SMBIOS_FILE, &host);
    const char *wrong = error < 0
                            ? strerror(-error)
                            : tables_choose_smbios(host.data, host.size, oem_type, room, &used);

    free(host.data);
    if (wrong)
        return report_own_failure("smbios-pt: " SMBIOS_FILE ": %s", wrong);
    dom->smbios_module.data = room;
    dom->smbios_module.length = (uint32_t)used;
    return 0;
}

/*
 * The tables that say what was bought with the host. The others tell of its devices, which the
 * guest has not.
 */
static int hand_over_acpi(struct xc_dom_image *dom)
{
    static const char *const paths[] = { ACPI_FOLDER "/SLIC", ACPI_FOLDER "/MSDM" };
    struct blob host = { NULL, 0 };
    int result = 0;

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]) && result == 0; i++) {
        size_t began = host.size;
        int error = append_file(paths[i], &host);

        if (error == -ENOENT)
            continue;
        if (error < 0)
            result = report_own_failure("acpi-pt: %s: %s", paths[i], strerror(-error));
        else if (!tables_is_acpi((unsigned char *)host.data + began, host.size - began))
            result = report_own_failure("acpi-pt: %s: damaged", paths[i]);
    }
    if (result == 0 && host.size == 0)
        result = report_own_failure("acpi-pt: the host has no ACPI table SLIC and no MSDM");
    if (result < 0) {
        free(host.data);
        return result;
    }
    dom->acpi_modules[0].data = host.data;
    dom->acpi_modules[0].length = (uint32_t)host.size;
    return 0;
}

int build_host_tables(struct worker *worker, struct xc_dom_image *dom)
{
    if (message_number(worker->order, "smbios-pt", 0) && hand_over_smbios(worker, dom) < 0)
        return -1;
    return message_number(worker->order, "acpi-pt", 0) ? hand_over_acpi(dom) : 0;
}

static void tell(struct message *done, const char *address, const char *size,
                 const struct xc_hvm_firmware_module *module)
{
    message_add_number(done, address, module->guest_addr_out);
    message_add_number(done, size, module->length);
}

void build_tell_tables(struct worker *worker, const struct xc_dom_image *dom, struct message *done)
{
    if (message_number(worker->order, "smbios-pt", 0))
        tell(done, "smbios-address", "smbios-size", &dom->smbios_module);
    if (message_number(worker->order, "acpi-pt", 0))
        tell(done, "acpi-address", "acpi-size", &dom->acpi_modules[0]);
}

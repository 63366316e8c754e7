/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/vbd.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <xen/io/xenbus.h>

#include "monitor/domain.h"
#include "monitor/util.h"

bool vbd_is_qemus(const struct disk *disk)
{
    switch (disk->phystype) {
    case DISK_PHY:
    case DISK_FILE:
        return false;
    case DISK_AIO: /* what is only read, the kernel does as well, and qemu 7.2 not at all */
        return disk->writable;
    default:
        return true;
    }
}

char *vbd_label(const struct disk *disk)
{
    return text("%s %s (%s)", disk->cdrom ? "cdrom" : "disk", disk->virtpath, disk->physpath);
}

static struct failure *wrong(const struct disk *disk, const char *path, const char *what)
{
    return fail(RPC_FAILED, "cannot attach %s %s: %s: %s", disk->cdrom ? "cdrom" : "disk",
                disk->virtpath, path, what);
}

static struct failure *check_key(const struct disk *disk)
{
    struct stat st;

    if (stat(disk->key_file, &st) < 0)
        return wrong(disk, disk->key_file, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return wrong(disk, disk->key_file, "not a regular file");
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return wrong(disk, disk->key_file, "others than its owner can use the key: chmod 600");
    return NULL;
}

struct failure *vbd_check(const struct disk *disk)
{
    struct stat st;

    if (disk->backend_domid != 0)
        return NULL; /* the files are that domain's */
    if (stat(disk->physpath, &st) < 0)
        return wrong(disk, disk->physpath, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return wrong(disk, disk->physpath, strerror(EISDIR));
    if (disk->phystype == DISK_PHY && !S_ISBLK(st.st_mode))
        return wrong(disk, disk->physpath,
                     S_ISREG(st.st_mode) ? "not a block device (a file is phystype file)"
                                         : "not a block device");
    if (disk->phystype == DISK_FILE && !S_ISREG(st.st_mode))
        return wrong(disk, disk->physpath,
                     S_ISBLK(st.st_mode) ? "not a file (a block device is phystype phy)"
                                         : "not a regular file");
    return disk->cipher ? check_key(disk) : NULL;
}

bool vbd_is_emulated(const struct disk *disk)
{
    const char *name = disk->virtpath;

    if (strlen(name) != 3)
        return false;
    return (!strncmp(name, "hd", 2) && name[2] <= 'd') ||
           (!strncmp(name, "sd", 2) && name[2] <= 'g');
}

static void write_frontend(struct writing *writing, const void *about)
{
    const struct disk *disk = about;

    writing_put(writing, "virtual-device", "%u", disk->number);
    writing_put(writing, "device-type", "%s", disk->cdrom ? "cdrom" : "disk");
}

/* What is nobody's business but the host's; all of it always, so that the script can read it at
 * once. */
static void write_host(struct writing *writing, const struct disk *disk)
{
    writing_make(writing, "host", disk->backend_domid, DOMID_INVALID);
    writing_put(writing, "host/params", "%s", disk->physpath);
    writing_put(writing, "host/share", "%d", disk->share);
    writing_put(writing, "host/cipher", "%s", disk->cipher ? disk->cipher : "");
    writing_put(writing, "host/key-file", "%s", disk->cipher ? disk->key_file : "");
    writing_put(writing, "host/key-size", "%u", disk->cipher ? disk->key_size : 0);
}

const char *vbd_qemu_format(const struct disk *disk)
{
    switch (disk->phystype) {
    case DISK_QCOW:
        return "qcow";
    case DISK_QCOW2:
        return "qcow2";
    case DISK_VHD:
        return "vpc";
    default:
        return "raw";
    }
}

static void write_backend(struct writing *writing, const void *about)
{
    const struct disk *disk = about;

    writing_put(writing, "dev", "%s", disk->virtpath);
    writing_put(writing, "mode", "%s", disk->writable ? "w" : "r");
    writing_put(writing, "device-type", "%s", disk->cdrom ? "cdrom" : "disk");
    writing_put(writing, "removable", "%d", disk->cdrom);
    writing_put(writing, "bootable", "1");
    if (vbd_is_qemus(disk)) {
        writing_put(writing, "type", "qdisk");
        writing_put(writing, "discard-enable", "%d", disk->writable);
        writing_make(writing, "params", disk->backend_domid, DOMID_INVALID);
        writing_put(writing, "params", "%s:%s", vbd_qemu_format(disk), disk->physpath);
    } else {
        writing_put(writing, "type", "%s", disk->phystype == DISK_PHY ? "phy" : "file");
    }
    write_host(writing, disk);
}

const struct device_kind vbd_kind = {
    .name = "disk",
    .frontend = "vbd",
    .backend = "vbd",
    .script = "block",
    .write_frontend = write_frontend,
    .write_backend = write_backend,
};

const struct device_kind qdisk_kind = {
    .name = "disk",
    .frontend = "vbd",
    .backend = "qdisk",
    .script = "block",
    .called = true,
    .ready = XenbusStateInitWait,
    .write_frontend = write_frontend,
    .write_backend = write_backend,
};

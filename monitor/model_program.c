/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/model_program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEADERS_MAX = 64, ENTRIES_MAX = 512, NAME_SIZE = 64 };

struct failure *model_program_find(const char *given, const char **program)
{
    /* Of Debian's package qemu-system-xen; of Xen's own; any. */
    const char *const known[] = { given ? given : getenv("XENVM_QEMU"),
                                  "/usr/libexec/xen-qemu-system-i386",
                                  "/usr/lib/xen/bin/qemu-system-i386",
                                  "/usr/bin/qemu-system-i386" };

    for (size_t i = 0; i < (given ? 1 : sizeof(known) / sizeof(known[0])); i++) {
        *program = known[i];
        if (*program && access(*program, X_OK) == 0)
            return NULL;
    }
    return given ? fail(RPC_FAILED, "cannot start qemu: %s: %s", given, strerror(errno))
                 : fail(RPC_FAILED, "cannot start qemu: there is none for Xen (apt-get install "
                                    "qemu-system-xen)");
}

struct elf {
    int fd;
    size_t header_count;
    Elf64_Phdr headers[HEADERS_MAX];
    Elf64_Dyn entries[ENTRIES_MAX];
};

static bool get(const struct elf *elf, uint64_t offset, void *buffer, size_t size)
{
    return pread(elf->fd, buffer, size, (off_t)offset) == (ssize_t)size;
}

static bool read_headers(struct elf *elf)
{
    Elf64_Ehdr head;

    if (!get(elf, 0, &head, sizeof(head)) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
        head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_phentsize != sizeof(Elf64_Phdr) ||
        head.e_phnum > HEADERS_MAX)
        return false;
    elf->header_count = head.e_phnum;
    return get(elf, head.e_phoff, elf->headers, elf->header_count * sizeof(Elf64_Phdr));
}

/* How many entries the dynamic section has: 0 for a program that is linked statically. */
static size_t read_entries(struct elf *elf)
{
    for (size_t i = 0; i < elf->header_count; i++) {
        const Elf64_Phdr *header = &elf->headers[i];

        if (header->p_type == PT_DYNAMIC)
            return header->p_filesz <= sizeof(elf->entries) &&
                           get(elf, header->p_offset, elf->entries, header->p_filesz)
                       ? header->p_filesz / sizeof(Elf64_Dyn)
                       : 0;
    }
    return 0;
}

/* Where in the file that is which is at this address of the program's, or 0. */
static uint64_t offset_of(const struct elf *elf, uint64_t address)
{
    for (size_t i = 0; i < elf->header_count; i++) {
        const Elf64_Phdr *header = &elf->headers[i];

        if (header->p_type == PT_LOAD && address >= header->p_vaddr &&
            address - header->p_vaddr < header->p_filesz)
            return header->p_offset + (address - header->p_vaddr);
    }
    return 0;
}

static bool names(const struct elf *elf, size_t count, uint64_t strings, const char *library)
{
    size_t length = strlen(library);
    char name[NAME_SIZE];

    if (!strings || length > sizeof(name))
        return false;
    for (size_t i = 0; i < count && elf->entries[i].d_tag != DT_NULL; i++)
        if (elf->entries[i].d_tag == DT_NEEDED &&
            get(elf, strings + elf->entries[i].d_un.d_val, name, length) &&
            memcmp(name, library, length) == 0)
            return true;
    return false;
}

bool model_program_needs(const char *program, const char *library)
{
    struct elf elf = { .fd = open(program, O_RDONLY | O_CLOEXEC) };
    size_t count = elf.fd >= 0 && read_headers(&elf) ? read_entries(&elf) : 0;
    uint64_t strings = 0;

    for (size_t i = 0; i < count && elf.entries[i].d_tag != DT_NULL; i++)
        if (elf.entries[i].d_tag == DT_STRTAB)
            strings = offset_of(&elf, elf.entries[i].d_un.d_ptr);
    bool needs = names(&elf, count, strings, library);
    if (elf.fd >= 0)
        close(elf.fd);
    return needs;
}

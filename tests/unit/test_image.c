/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The container of a suspend image: what is written, what is read, and every way to be damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "worker/image.h"

#define UUID      "3f2a9c04-5b1e-4f6d-8a77-0c1d2e3f4a5b"
#define TOKEN     "0badcafe-0000-4000-8000-000000000001"
#define XL_CONFIG "type = \"pv\"\nname = \"web\"\n"

/* Where things stand: xen/tools/xl/xl.h, xen/docs/specs/libxl-migration-stream.pandoc. */
enum {
    AT_BYTE_ORDER = 32,
    AT_MANDATORY = 36,
    AT_OPTIONAL = 40,
    AT_OPTIONAL_SIZE = 44,
    AT_CONFIG_SIZE = 48,
    AT_CONFIG = 52,
    STREAM_SIZE = 24, /* its header, and that of the record in front of libxenguest's stream */
};

static const struct image_facts web = { .uuid = UUID,
                                        .name = "web",
                                        .type = "pvh",
                                        .token = TOKEN,
                                        .memory = 128,
                                        .memory_max = 256,
                                        .vcpus = 2 };

struct bytes {
    size_t size;
    unsigned char at[4096];
};

static int file_of(const void *data, size_t size)
{
    int fd = memfd_create("image", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static struct bytes written_head(void)
{
    struct bytes head;
    int fd = file_of("", 0);

    assert_int_equal(image_write_head(fd, &web, XL_CONFIG), 0);
    ssize_t size = pread(fd, head.at, sizeof(head.at), 0);
    assert_in_range(size, AT_CONFIG, sizeof(head.at) - 1);
    head.size = (size_t)size;
    close(fd);
    return head;
}

static void put32(struct bytes *to, size_t at, uint32_t value)
{
    memcpy(to->at + at, &value, sizeof(value));
}

static uint32_t get32(const struct bytes *from, size_t at)
{
    uint32_t value;

    memcpy(&value, from->at + at, sizeof(value));
    return value;
}

/* What xl makes: its configuration as JSON with the NUL behind it, and nothing of ours. */
static struct bytes xl_head(const char *config)
{
    struct bytes head = written_head(), whole = head;
    size_t size = strlen(config) + 1;

    put32(&head, AT_MANDATORY, 3);
    put32(&head, AT_OPTIONAL_SIZE, (uint32_t)(sizeof(uint32_t) + size));
    put32(&head, AT_CONFIG_SIZE, (uint32_t)size);
    memcpy(head.at + AT_CONFIG, config, size);
    memcpy(head.at + AT_CONFIG + size, whole.at + whole.size - STREAM_SIZE, STREAM_SIZE);
    head.size = AT_CONFIG + size + STREAM_SIZE;
    return head;
}

/* The bytes are read; `says` is how the refusal begins, NULL where they are to be taken. */
static struct image_facts reads(const struct bytes *head, const char *says)
{
    char why[IMAGE_WHY] = "";
    struct image_facts facts;
    int fd = file_of(head->at, head->size);
    int result = image_read_head(fd, &facts, why);

    if (says) {
        assert_int_equal(result, -1);
        assert_memory_equal(why, says, strlen(says));
    } else {
        assert_string_equal(why, "");
        assert_int_equal(result, 0);
        /* What follows is for libxenguest, which reads from here. */
        assert_int_equal(lseek(fd, 0, SEEK_CUR), head->size);
    }
    close(fd);
    return facts;
}

static void damaged(size_t at, uint32_t value, const char *says)
{
    struct bytes head = written_head();

    put32(&head, at, value);
    reads(&head, says);
}

static void test_layout(void **state)
{
    struct bytes head = written_head();
    size_t stream = head.size - STREAM_SIZE;
    static const unsigned char stream_bytes[STREAM_SIZE] = "LibxlFmt\0\0\0\2\0\0\0\0\1\0\0\0\0\0\0";

    assert_memory_equal(head.at, "Xen saved domain, xl format\n \0 \r", 32);
    assert_int_equal(get32(&head, AT_BYTE_ORDER), 0x01020304);
    assert_int_equal(get32(&head, AT_MANDATORY), 2);
    assert_int_equal(get32(&head, AT_OPTIONAL), 0);
    assert_int_equal(get32(&head, AT_OPTIONAL_SIZE), stream - AT_CONFIG_SIZE);
    assert_int_equal(get32(&head, AT_CONFIG_SIZE), strlen(XL_CONFIG));
    assert_memory_equal(head.at + AT_CONFIG, XL_CONFIG, strlen(XL_CONFIG));
    assert_memory_equal(head.at + stream, stream_bytes, STREAM_SIZE);
}

static void test_round_trip(void **state)
{
    struct bytes head = written_head();
    struct image_facts facts = reads(&head, NULL);

    assert_string_equal(facts.uuid, UUID);
    assert_string_equal(facts.name, "web");
    assert_string_equal(facts.token, TOKEN);
    assert_string_equal(facts.type, "pvh");
    assert_int_equal(facts.memory, 128);
    assert_int_equal(facts.memory_max, 256);
    assert_int_equal(facts.vcpus, 2);
}

static void test_cut_off(void **state)
{
    struct bytes head = written_head();
    size_t whole = head.size;

    for (head.size = 0; head.size < whole; head.size++) {
        if (head.size < AT_CONFIG_SIZE)
            reads(&head, "not a suspend image");
        else if (head.size < whole - STREAM_SIZE)
            reads(&head, "cut off in its configuration");
        else if (head.size < whole - STREAM_SIZE + 16)
            reads(&head, "cut off in its stream's header");
        else
            reads(&head, "cut off in the guest's memory");
    }
}

static void test_damaged(void **state)
{
    size_t stream = written_head().size - STREAM_SIZE;

    damaged(0, 0, "not a suspend image");
    damaged(28, 0, "not a suspend image");
    damaged(AT_BYTE_ORDER, 0x04030201, "of another version: byte order 0x4030201, flags 0x2");
    damaged(AT_MANDATORY, 0, "of another version: byte order 0x1020304, flags 0");
    damaged(AT_MANDATORY, 6, "of another version: byte order 0x1020304, flags 0x6");
    damaged(AT_OPTIONAL_SIZE, UINT32_MAX, "damaged: 4294967295 bytes of configuration");
    damaged(AT_OPTIONAL_SIZE, (1 << 20) + 1, "damaged: 1048577 bytes of configuration");
    damaged(AT_OPTIONAL_SIZE, 1 << 20, "cut off in its configuration");
    damaged(AT_OPTIONAL_SIZE, 0, "damaged: it does not say which guest it holds");
    damaged(AT_OPTIONAL_SIZE, 3, "damaged: it does not say which guest it holds");
    damaged(AT_OPTIONAL_SIZE, 4, "damaged: its configuration is cut off");
    damaged(AT_CONFIG_SIZE, UINT32_MAX, "damaged: its configuration is cut off");
    damaged(AT_CONFIG_SIZE, 0, "does not say which guest it holds");
    damaged(stream, 0, "damaged: no migration stream of version 2 in it");
    damaged(stream + 8, 0x01000000, "damaged: no migration stream of version 2 in it");
    damaged(stream + 12, 0x01000000,
            "damaged: no migration stream of version 2 in it"); /* big-endian */
    damaged(stream + 12, 0x02000000,
            "damaged: no migration stream of version 2 in it"); /* converted */
    damaged(stream + 16, 2,
            "damaged: record type 0x2 of 0 bytes where the guest's memory has to be");
    damaged(stream + 20, 8,
            "damaged: record type 0x1 of 8 bytes where the guest's memory has to be");
    damaged(AT_OPTIONAL, UINT32_MAX, NULL); /* may be anything */
}

/* Nothing reads beyond what there is, whatever one byte says. */
static void test_each_byte(void **state)
{
    struct bytes whole = written_head(), head;

    for (size_t at = 0; at < whole.size; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            char why[IMAGE_WHY] = "";
            struct image_facts facts;

            head = whole;
            head.at[at] ^= (unsigned char)(1u << bit);
            int fd = file_of(head.at, head.size);
            int result = image_read_head(fd, &facts, why);

            assert_true(result == 0 || result == -1);
            assert_true(result < 0 ? why[0] != '\0' : why[0] == '\0');
            assert_true(memchr(facts.uuid, '\0', sizeof(facts.uuid)) != NULL);
            assert_true(memchr(facts.name, '\0', sizeof(facts.name)) != NULL);
            close(fd);
        }
}

static void test_of_xl(void **state)
{
    struct bytes head =
        xl_head("{\"c_info\":{\"type\":\"pv\",\"name\":\"db\",\"uuid\":\"" UUID "\"},"
                "\"b_info\":{\"max_vcpus\":3,\"max_memkb\":262144,"
                "\"target_memkb\":131072}}");
    struct image_facts facts = reads(&head, NULL);

    assert_string_equal(facts.uuid, UUID);
    assert_string_equal(facts.name, "db");
    assert_string_equal(facts.token, "");
    assert_int_equal(facts.memory, 128);
    assert_int_equal(facts.memory_max, 256);
    assert_int_equal(facts.vcpus, 3);

    /* xl leaves out what has its default. */
    head = xl_head("{\"c_info\":{\"type\":\"pv\"},\"b_info\":{\"max_memkb\":65536}}");
    facts = reads(&head, NULL);
    assert_string_equal(facts.uuid, "");
    assert_int_equal(facts.memory, 64);
    assert_int_equal(facts.memory_max, 64);
    assert_int_equal(facts.vcpus, 1);

    head = xl_head("{\"c_info\":{\"type\":\"pvh\"}}");
    assert_string_equal(reads(&head, NULL).type, "pvh");
    head = xl_head("{\"c_info\":{}}");
    reads(&head, "damaged: xl's configuration in it cannot be read");
    head = xl_head("{\"c_info\":");
    reads(&head, "damaged: xl's configuration in it cannot be read");
    head = xl_head("");
    reads(&head, "damaged: xl's configuration in it cannot be read");
    head = xl_head("{\"c_info\":{\"type\":\"pv\"},\"b_info\":{\"max_memkb\":-1024}}");
    assert_int_equal(reads(&head, NULL).memory, 0);

    /* A configuration as text, as in an image of xl's before 4.4: nobody says whose it is. */
    head = xl_head("name = \"db\"");
    put32(&head, AT_MANDATORY, 2);
    reads(&head, "does not say which guest it holds");
}

static int read_tail(const void *data, size_t size, char why[IMAGE_WHY])
{
    int fd = file_of(data, size);
    int result = image_read_tail(fd, -1, why);

    close(fd);
    return result;
}

static void test_tail(void **state)
{
    char why[IMAGE_WHY] = "", bytes[16];
    int fd = file_of("", 0);

    assert_int_equal(image_write_tail(fd, -1), 0);
    assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), 8);
    close(fd);
    assert_memory_equal(bytes, "\0\0\0\0\0\0\0\0", 8);
    assert_int_equal(read_tail(bytes, 8, why), 0);
    assert_string_equal(why, "");
    assert_int_equal(read_tail(bytes, 7, why), -1);
    assert_string_equal(why, "cut off in its end");
    assert_int_equal(read_tail("\2\0\0\0\4\0\0\0", 8, why), -1);
    assert_string_equal(why, "damaged: 4 bytes of the device model's state");
    assert_int_equal(read_tail("\4\0\0\0\0\0\0\0", 8, why), -1);
    assert_string_equal(why, "damaged: record type 0x4 of 0 bytes where its end has to be");
}

/* The device model's state comes back to the byte, whatever its length. */
static void test_model_state(void **state)
{
    static const char text[] = "QEVM and more";

    for (size_t size = 1; size < sizeof(text); size++) {
        char why[IMAGE_WHY] = "", bytes[sizeof(text)] = "";
        int model = file_of(text, size), back = file_of("", 0), image = file_of("", 0);

        assert_int_equal(image_write_tail(image, model), 0);
        assert_int_equal(lseek(image, 0, SEEK_END) % 8, 0);
        assert_int_equal(lseek(image, 0, SEEK_SET), 0);
        assert_int_equal(image_read_tail(image, back, why), 0);
        assert_string_equal(why, "");
        assert_int_equal(pread(back, bytes, sizeof(bytes), 0), size);
        assert_memory_equal(bytes, text, size);
        close(model);
        close(back);
        close(image);
    }
}

/* What an image of xl's may have besides, and what is wrong. */
static void test_model_records(void **state)
{
    static const char other[] = "\3\0\0\0\10\0\0\0\1\0\0\0\0\0\0\0";
    static const char nodes[] = "\2\0\0\0\13\0\0\0\2\0\0\0\0\0\0\0abc\0\0\0\0\0"
                                "\0\0\0\0\0\0\0";
    static const char cut[] = "\3\0\0\0\100\0\0\0\2\0\0\0\0\0\0\0abc";
    static const char huge[] = "\3\0\0\0\0\0\0\377";
    char why[IMAGE_WHY] = "";
    int empty = file_of("", 0), file = file_of("", 0);

    assert_int_equal(image_write_tail(file, empty), -EIO);
    assert_int_equal(read_tail(nodes, sizeof(nodes), why), 0);
    assert_int_equal(read_tail(other, sizeof(other), why), -1);
    assert_string_equal(why, "made with a device model that is not qemu: number 1");
    assert_int_equal(read_tail(cut, sizeof(cut), why), -1);
    assert_string_equal(why, "cut off in the device model's state");
    assert_int_equal(read_tail(huge, sizeof(huge), why), -1);
    assert_memory_equal(why, "damaged: 4278190080 bytes", 25);
    close(empty);
    close(file);
}

static void test_errors(void **state)
{
    char why[IMAGE_WHY];
    struct image_facts facts;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_int_equal(image_write_head(full, &web, XL_CONFIG), -ENOSPC);
    assert_int_equal(image_write_tail(full, -1), -ENOSPC);
    assert_int_equal(image_read_head(folder, &facts, why), -1);
    assert_string_equal(why, "Is a directory");
    close(full);
    close(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),      cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_model_state), cmocka_unit_test(test_model_records),
        cmocka_unit_test(test_cut_off),     cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_each_byte),   cmocka_unit_test(test_of_xl),
        cmocka_unit_test(test_tail),        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

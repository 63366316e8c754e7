/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xenvm-ppm-to-png NAME: makes a picture that qemu wrote, whose pixels are a guest's, a PNG: that
 * of descriptor 3, on descriptor 4; the name is for messages. A process of its own, so that it is
 * not the monitor that has it in its memory.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

enum { FROM_FD = 3, TO_FD = 4, SIDE_MAX = 16384, LINE_SIZE = 32, BYTES_PER_PIXEL = 3 };

static int complain(const char *path, const char *what)
{
    fprintf(stderr, "%s: %s\n", path, what);
    return 1;
}

/* Three lines as qemu writes them: P6, the width and the height, 255 (netpbm's ppm(5)). */
static bool read_head(FILE *file, unsigned int *width, unsigned int *height)
{
    char line[LINE_SIZE], *rest = line;

    if (!fgets(line, sizeof(line), file) || strcmp(line, "P6\n") != 0 ||
        !fgets(line, sizeof(line), file))
        return false;
    unsigned long first = strtoul(rest, &rest, 10), second = strtoul(rest, &rest, 10);
    if (*rest != '\n' || first == 0 || first > SIDE_MAX || second == 0 || second > SIDE_MAX)
        return false;
    *width = (unsigned int)first;
    *height = (unsigned int)second;
    return fgets(line, sizeof(line), file) && !strcmp(line, "255\n");
}

static unsigned char *read_ppm(unsigned int *width, unsigned int *height)
{
    FILE *file = fdopen(FROM_FD, "rb");
    unsigned char *pixels = NULL;

    if (file && read_head(file, width, height)) {
        size_t size = (size_t)*width * *height * BYTES_PER_PIXEL;

        pixels = malloc(size);
        if (pixels && fread(pixels, 1, size, file) != size) {
            free(pixels);
            pixels = NULL;
        }
    }
    if (file)
        fclose(file);
    return pixels;
}

int main(int argc, char **argv)
{
    png_image image = { .version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB };

    if (argc != 2) {
        fprintf(stderr, "usage: xenvm-ppm-to-png NAME\n");
        return 2;
    }
    unsigned char *pixels = read_ppm(&image.width, &image.height);
    if (!pixels)
        return complain(argv[1], "what qemu wrote is no picture");
    FILE *file = fdopen(TO_FD, "wb");
    if (!file)
        return complain(argv[1], strerror(errno));
    bool written = png_image_write_to_stdio(&image, file, 0, pixels, 0, NULL);
    if (fclose(file) != 0 || !written)
        return complain(argv[1], written ? strerror(errno) : image.message);
    free(pixels);
    return 0;
}

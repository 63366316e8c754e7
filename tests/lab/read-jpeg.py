#!/usr/bin/python3
"""read-jpeg.py FILE: writes a JPEG file's picture as a portable greymap, for programs that read no other."""
import ctypes
import sys

jpeg = ctypes.CDLL("libjpeg.so.62")
VERSION, SIZE = 62, 632  # of struct jpeg_decompress_struct, as libjpeg's callers say
# Where in it: err, image_width and image_height, out_color_space.
WIDTH, OUT_SPACE, GREY = 48, 64, 1

errors = ctypes.create_string_buffer(168)
state = ctypes.create_string_buffer(SIZE)
jpeg.jpeg_std_error.restype = ctypes.c_void_p
ctypes.c_void_p.from_buffer(state).value = jpeg.jpeg_std_error(errors)
jpeg.jpeg_CreateDecompress(state, VERSION, ctypes.c_size_t(SIZE))
with open(sys.argv[1], "rb") as file:
    data = file.read()
jpeg.jpeg_mem_src(state, data, ctypes.c_ulong(len(data)))
jpeg.jpeg_read_header(state, 1)
ctypes.c_int.from_buffer(state, OUT_SPACE).value = GREY
jpeg.jpeg_start_decompress(state)
width, height = (ctypes.c_uint * 2).from_buffer(state, WIDTH)
row = ctypes.create_string_buffer(width)
rows = (ctypes.c_void_p * 1)(ctypes.addressof(row))
sys.stdout.buffer.write(b"P5 %d %d 255\n" % (width, height))
for _ in range(height):
    jpeg.jpeg_read_scanlines(state, rows, 1)
    sys.stdout.buffer.write(row.raw)

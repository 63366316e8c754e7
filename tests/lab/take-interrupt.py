#!/usr/bin/python3
"""take-interrupt.py DOMID VECTOR: has an HVM guest's first APIC serve an interrupt, as a firmware that never answers it
does. The guest has to be paused."""
import ctypes
import struct
import sys

LAPIC_REGS = 6  # xen/include/public/arch-x86/hvm/save.h
IN_SERVICE = 0x100  # of the APIC's registers, eight of 32 vectors

xen = ctypes.CDLL("libxenctrl.so.4.17")
xen.xc_interface_open.restype = ctypes.c_void_p
handle = ctypes.c_void_p(xen.xc_interface_open(None, None, 0))
domid, vector = ctypes.c_uint32(int(sys.argv[1])), int(sys.argv[2])
size = xen.xc_domain_hvm_getcontext(handle, domid, None, 0)
context = (ctypes.c_uint8 * size)()
size = xen.xc_domain_hvm_getcontext(handle, domid, context, ctypes.c_uint32(size))
at = 0
while at < size:
    kind, instance, length = struct.unpack_from("<HHI", context, at)
    if (kind, instance) == (LAPIC_REGS, 0):
        context[at + 8 + IN_SERVICE + vector // 32 * 16 + vector % 32 // 8] |= 1 << vector % 8
    at += 8 + length
sys.exit(xen.xc_domain_hvm_setcontext(handle, domid, context, ctypes.c_uint32(size)) != 0)

#!/usr/bin/python3
"""hvm-facts.py DOMID: what Xen has of an HVM guest's machine, a line NAME VALUE of each."""
import ctypes
import glob
import subprocess
import sys

domid = int(sys.argv[1])
control = ctypes.CDLL(glob.glob("/usr/lib/*/libxenctrl.so.4*")[0])
control.xc_interface_open.restype = ctypes.c_void_p
control.xc_map_foreign_range.restype = ctypes.c_void_p
handle = ctypes.c_void_p(control.xc_interface_open(None, None, 0))

# xen/include/public/hvm/params.h
for name, number in (("hpet", 11), ("vpt-align", 16), ("timer-mode", 10), ("viridian", 9)):
    value = ctypes.c_uint64()
    control.xc_hvm_param_get(handle, domid, number, ctypes.byref(value))
    print(name, value.value)

# xen/include/public/hvm/hvm_info_table.h
page = control.xc_map_foreign_range(handle, domid, 4096, 1, 0x9F)
info = ctypes.string_at(page + 0x800, 20)
print("apic", info[13])
print("vcpus", int.from_bytes(info[16:20], "little"))

# Lines "leaf:subleaf -> a:b:c:d", the first policy is the domain's.
policy = subprocess.run(["xen-cpuid", "-p", str(domid)], capture_output=True, text=True, check=True).stdout
registers = {}
for line in policy.splitlines():
    parts = line.split(" -> ")
    if len(parts) == 2 and parts[1].count(":") == 3:
        registers.setdefault(parts[0].strip().split(":")[0], [int(part, 16) for part in parts[1].split(":")])
print("pae", registers["00000001"][3] >> 6 & 1)
print("nx", registers["80000001"][3] >> 20 & 1)

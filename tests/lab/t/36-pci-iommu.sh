#!/bin/bash
# PCI devices of a host with an IOMMU: for PV guests, and for HVM guests through qemu. Without one, HVM guests get none.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
one=0000:00:10.0
world >"$before"
driver() { basename "$(readlink "/sys/bus/pci/devices/$1/driver")"; }
drives() {
    guest_ask "$1" 'load e1000' '^loaded' 60 &&
        vm_shell "$1" 'ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0 && ping -c 3 10.0.2.2 >/dev/null'
}

vm_config hvm hvm=true memory=80 kernel=/lab/guest/vmlinuz cmdline+=lab.quiet pci=0,bind,$one,power_mgmt=1 \
    pci-msitranslate=0
if [ ! -e /lab/host-has-iommu ]; then
    refused 1 "cannot attach pci $one: this host has no IOMMU, which an HVM guest needs for it$" 'no HVM guest' \
        xenvm "$(vm_file hvm)"
    is "$(driver $one)" e1000 'the host has it back'
    world_is "$before" 'nothing is left'
    done_testing
fi

runs 'an HVM guest with a network card of the host' vm_boot hvm
is "$(driver $one)" pciback 'it is with pciback'
like "$(xenvm-cmd hvm pci-list)" "^$one +0 +true +emulated$" 'it is listed'
is "$(xenstore-read "/local/domain/0/backend/pci/$(vm_domid hvm)/0/opts-0")" 'msitranslate=0,power_mgmt=1,permissive=0' \
    'its backend is told what the keys say'
runs 'the guest drives it' drives hvm
refused 1 "a guest with a PCI device of the host can't be suspended" 'no suspend' xenvm-cmd hvm suspend "file=$lab_tmp/image"
refused 1 "an HVM guest's PCI devices stay from its start to its end" 'it stays' xenvm-cmd hvm pci-del $one
kill -9 "$(vm_get hvm pid)"
runs 'a new monitor' xenvm "$(vm_file hvm)"
runs 'can shut it down' xenvm-cmd hvm shutdown
is "$(driver $one)" e1000 'the host has it back'
vm_down hvm
echo 'qemu-dm-user = nobody' >>"$(vm_file hvm)"
refused 1 'a qemu with qemu-dm-user can reach no device of the host$' 'not with a qemu without rights' xenvm "$(vm_file hvm)"
world_is "$before" 'nothing is left'

runs 'a PV guest' vm_up pv pci=0,bind,$one cmdline+=lab.quiet
guest_ask pv 'load xen-pcifront' '^loaded' 60
runs 'drives it, too' drives pv
runs 'it is taken away' xenvm-cmd pv pci-del $one
is "$(driver $one)" e1000 'the host has it back'
runs 'and comes again' xenvm-cmd pv pci-add 0,bind,$one
vm_down pv
runs 'a guest that was started without' vm_tiny none idle
refused 1 'the domain was started without a PCI device, and can have none before its next start$' 'can have none' \
    xenvm-cmd none pci-add 0,bind,$one
is "$(driver $one)" e1000 'the host has it back'
vm_down none
world_is "$before" 'nothing is left'
done_testing

#!/bin/bash
# PCI devices of the host: in the configuration and plugged, driven by the guest, taken from the host's driver and given back.
# The lab's machine has two network cards to spare, at 10.0 and 11.0.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

one=0000:00:10.0
two=0000:00:11.0
rounds=2
[ -z "${LAB_THOROUGH:-}" ] || rounds=50
before=$lab_tmp/before
there=$lab_tmp/there

driver() { basename "$(readlink "/sys/bus/pci/devices/$1/driver")"; }
# What the VM has, and in which state.
devices() { xenvm-cmd --json "$1" pci-list | jq -r '.pcis[] | .pci + " " + .state' | tr '\n' ';'; }
devices_are() { [ "$(devices "$1")" = "$2" ]; }
# How many the guest sees.
# shellcheck disable=SC2016 # the guest's
sees() { guest_ask "$1" 'sh echo it sees $(ls /sys/bus/pci/devices | wc -l)' '^it sees [0-9]+' 60 && [ "${guest_line#it sees }" = "$2" ]; }

# --- what is wrong

world >"$before"
# bad VALUE REGEX NAME
bad() {
    vm_config wrong memory=4 kernel=/lab/guest/initrd initrd= "pci=$1"
    refused 1 "$2" "$3" xenvm "$(vm_file wrong)"
}
bad 0,0000:00:1e.7 'cannot attach pci 0000:00:1e.7: this host has no such device$' 'a device that is not there'
bad 0,bind,00:10.0 "address '00:10.0' is none of a PCI device, accepted: domain:bus:device.function" 'half an address'
bad x,0000:00:10.0 "id 'x'" 'an id that is none'
vm_tiny tiny idle startup=shutdown pci=0,$one
refused 1 "cannot attach pci $one: $one: it belongs to this host, to the driver e1000 .bind takes it.$" 'one that is the host'"'"'s' \
    xenvm-cmd tiny start
vm_down tiny
ip link set eth0 up
vm_tiny tiny idle startup=shutdown pci=0,bind,$one
refused 1 "$one: in use: eth0 is up$" 'a card that the host uses' xenvm-cmd tiny start
ip link set eth0 down
root=$(basename "$(readlink -f "/sys/dev/block/$(stat -c %Hd:%Ld /lab)/device/..")")
is "$(driver "$root")" virtio-pci 'the disk of the host is a PCI device'
runs 'without the card' xenvm-cmd tiny start
runs 'which goes' xenvm-cmd tiny pci-del $one
refused 1 "cannot attach pci $root: .*in use: mounted on " 'the disk that the host runs from' xenvm-cmd tiny pci-add "0,bind,$root"
is "$(driver "$root") $(driver $one)" 'virtio-pci e1000' 'both are still with their drivers'
refused 1 "pci: '10.0' is no address" 'no address' xenvm-cmd tiny pci-del 10.0
refused 1 "the VM has no PCI device $two" 'one that it has not' xenvm-cmd tiny pci-del $two
is "$(devices tiny)" '' 'it has none'

# --- plugged into a guest that does not look at it

world >"$there"
trouble=
for ((i = 1; i <= rounds; i++)); do
    for device in $one $two; do
        xenvm-cmd tiny pci-add "0,bind,$device" || trouble+=" $i: cannot add $device;"
        [ "$(driver "$device")" = pciback ] || trouble+=" $i: $device is with $(driver "$device");"
    done
    devices_are tiny "$one waiting for the guest;$two waiting for the guest;" || trouble+=" $i: it has $(devices tiny)"
    for device in $one $two; do
        xenvm-cmd tiny pci-del "$device" || trouble+=" $i: cannot take $device;"
        [ "$(driver "$device")" = e1000 ] || trouble+=" $i: $device is with $(driver "$device");"
    done
done
is "$trouble" '' "$rounds times two devices come and go"
world_is "$there" 'and nothing is left of them'
runs 'one comes' xenvm-cmd tiny pci-add 0,bind,$one
vm_tiny other idle
refused 1 "cannot attach pci $one: $one: in use by VM tiny " 'another guest does not get it' xenvm-cmd other pci-add 0,bind,$one
kill -9 "$(vm_get tiny pid)"
runs 'a new monitor' xenvm "$(vm_file tiny)"
runs 'finds it' devices_are tiny "$one waiting for the guest;"
runs 'and can destroy' xenvm-cmd tiny destroy
is "$(driver $one)" e1000 'the host has it back'
runs 'now the other one gets it' xenvm-cmd other pci-add 0,bind,$one
vm_down other
vm_down tiny
world_is "$before" 'nothing is left'

# --- driven

# Of the bounce buffers that a guest without an IOMMU has for its PCI devices, 4 MB will do: it has 64 otherwise.
runs 'a guest with a network card of the host' vm_up real cmdline+=swiotlb=2048 pci=0,bind,$one pci-msitranslate=0 pci-power-management=1
is "$(driver $one)" pciback 'it is with pciback'
like "$(xenstore-read "/local/domain/0/backend/pci/$(vm_domid real)/0/opts-0")" '^msitranslate=0,power_mgmt=1,permissive=0$' 'as the keys say'
guest_ask real 'load xen-pcifront' '^loaded' 60
guest_ask real 'load e1000' '^loaded' 60
runs 'the guest is connected' devices_are real "$one connected;"
runs 'it sees the device' sees real 1
runs 'and drives it' vm_shell real 'ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0 && ping -c 3 10.0.2.2 >/dev/null'
refused 1 "a guest with a PCI device of the host can't be suspended .pci-del $one takes it away" 'no suspend' \
    xenvm-cmd real suspend "file=$lab_tmp/image"
runs 'a second one joins it' xenvm-cmd real pci-add 0,bind,$two
is "$(devices real)" "$one connected;$two connected;" 'both are listed'
runs 'the guest sees both' sees real 2
kill -9 "$(vm_get real pid)"
runs 'a new monitor' xenvm "$(vm_file real)"
is "$(devices real)" "$one connected;$two connected;" 'has both'
runs 'the second one leaves' xenvm-cmd real pci-del $two
is "$(driver $two)" e1000 'the host has it back'
runs 'the first one works on' vm_shell real 'ping -c 2 10.0.2.2 >/dev/null'
runs 'the second one again' xenvm-cmd real pci-add 0,bind,$two
# What a monitor was in the middle of is finished or taken back by the next one.
settled() {
    case "$(driver "$two") $(devices real)" in
    "e1000 $one connected;" | "e1000 $one connected;$two -;") ;;
    "pciback $one connected;$two connected;") ;;
    *) return 1 ;;
    esac
}
for action in del:1 add:1 add:4 del:0.3; do
    case $action in del*) what=$two ;; add*) what=0,bind,$two ;; esac
    case ${action%:*}:$(devices real) in add:*$two*) xenvm-cmd real pci-del $two ;; esac
    xenvm-cmd real "pci-${action%:*}" "$what" >/dev/null 2>&1 &
    sleep "${action#*:}"
    kill -9 "$(vm_get real pid)"
    wait $!
    runs "a new monitor after a pci-${action%:*} that was killed after ${action#*:} s" xenvm "$(vm_file real)"
    runs 'settles it' wait_for 60 settled || note "$(driver $two) $(devices real)"
done
[ "$(devices real)" = "$one connected;" ] || runs 'the second one leaves' xenvm-cmd real pci-del $two
runs 'the first one works on' vm_shell real 'ping -c 2 10.0.2.2 >/dev/null'
runs 'the second one comes again' xenvm-cmd real pci-add 0,bind,$two
xenvm-cmd real pause
refused 4 "the guest did not let go of pci $two in 2 s .force=true" 'a paused guest does not let go' xenvm-cmd real pci-del $two timeout=2
is "$(driver $two) $(devices real)" "pciback $one connected;$two connected;" 'it stays'
runs 'force=true takes it' xenvm-cmd real pci-del $two force=true
is "$(driver $two)" e1000 'the host has it back'
refused 4 "the guest did not take on pci $two in 2 s" 'nor does it take one on' xenvm-cmd real pci-add 0,bind,$two timeout=2
is "$(driver $two) $(devices real)" "e1000 $one connected;" 'and that is taken back'
xenvm-cmd real unpause
runs 'the first one works on' vm_shell real 'ping -c 2 10.0.2.2 >/dev/null'
runs 'the last one leaves' xenvm-cmd real pci-del $one
is "$(driver $one)" e1000 'the host has it back'
runs 'the guest sees none' sees real 0
runs 'and comes again' xenvm-cmd real pci-add 0,bind,$one
mark=$(guest_mark real)
runs 'a reboot' xenvm-cmd real restart force=true
runs 'the guest is up' vm_ready real "$mark"
is "$(devices real)" "$one waiting for the guest;" 'with the device'
runs 'which goes with the domain' xenvm-cmd real destroy
is "$(driver $one)" e1000 'to the host'
vm_down real
runs 'which has its interface' wait_for 10 test -e /sys/bus/pci/devices/$one/net

# --- a guest that crashes

truncate -s 1M "$lab_tmp/disk"
ip link add xenbr0 type bridge && ip link set xenbr0 up
world >"$there"
runs 'a guest with a disk, a card and a PCI device' vm_up crasher cmdline+=swiotlb=2048 "pci=0,bind,$one" "disk=$lab_tmp/disk:file:xvda:w:disk" \
    nic=bridge=xenbr0 on_crash=destroy
guest_ask crasher 'load xen-pcifront' '^loaded' 60
guest_ask crasher 'load e1000' '^loaded' 60
runs 'which it drives' devices_are crasher "$one connected;"
is "$(xenvm-cmd --json crasher disk-list | jq -r '.disks[].state') $(xenvm-cmd --json crasher nic-list | jq -r '.nics[].state')" \
    'connected connected' 'like the others'
is "$(driver $one) $(lab_lines loop /sys/block/loop*/loop/backing_file)" "pciback loop $lab_tmp/disk" 'the host has them for it'
guest_say crasher crash
runs 'it crashes' wait_for 60 vm_is crasher shutdown
is "$(driver $one)" e1000 'the host has the PCI device back'
is "$(lab_lines loop /sys/block/loop*/loop/backing_file)" '' 'and no loop device'
vm_down crasher
runs 'the interface is there' wait_for 10 test -e /sys/bus/pci/devices/$one/net
world_is "$there" 'nothing is left of them'
ip link del xenbr0
world_is "$before" 'nothing is left'
done_testing

#!/bin/bash
# The scripts that udev calls for what is no backend: tap, for the emulated cards of a device model, and block-frontend, for
# disks that dom0 has itself. The test plays the device model, which makes the card's interface, and the toolstack.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

libexec=/usr/libexec/xenvm
work=/root/scripts
mkdir -p $work /run/xenvm
modprobe tun
for n in 0 1; do ip link add xenbr$n type bridge && ip link set xenbr$n up; done
ip link set xenbr0 mtu 1400
before=$lab_tmp/before
world >"$before"

# --- tap

# makes NAME: an interface, as qemu makes it; udev and its scripts have seen it then
makes() { ip tuntap add dev "$1" mode tap && udevadm settle; }
# The bridge that it is on, its MTU, address, and whether it is up and has IPv6: "xenbr0 1400 fe:ff:ff:ff:ff:ff up no-ipv6".
face() {
    local sys=/sys/class/net/$1 bridge=none up=down ipv6=ipv6
    [ ! -e "$sys/master" ] || bridge=$(basename "$(readlink -f "$sys/master")")
    (($(<"$sys/flags") & 1)) && up=up
    [ "$(</proc/sys/net/ipv6/conf/"$1"/disable_ipv6)" = 0 ] || ipv6=no-ipv6
    echo "$bridge $(<"$sys/mtu") $(<"$sys/address") $up $ipv6"
}
bridge_of() { face "$1" | cut -d ' ' -f 1; }
# The backend's node of the card.
card() { xenstore-read "backend/vif/$domid/0/$1" 2>/dev/null; }
set_card() { xenstore-write "backend/vif/$domid/0/$1" "$2"; }
# left_alone WHOSE NAME: such an interface is as qemu made it
left_alone() {
    makes "$2"
    like "$(face "$2")" '^none 1500 .* down ipv6$' "$1 is left alone"
    ip link del "$2"
}

runs 'a guest with a network card' vm_tiny emu idle nic=bridge=xenbr0
domid=$(vm_domid emu)
there=$lab_tmp/there
world >"$there"
for name in "vif$domid.0-emu" "tap$domid.0"; do
    runs "a device model makes $name" makes "$name"
    is "$(face "$name")" 'xenbr0 1400 fe:ff:ff:ff:ff:ff up no-ipv6' "it is on the guest's bridge, and up"
    runs 'to another bridge' xenvm-cmd emu nic-network-switch id=0 network=xenbr1
    is "$(bridge_of "vif$domid.0") $(bridge_of "$name")" 'xenbr1 xenbr1' 'both go there'
    runs 'and back' xenvm-cmd emu nic-network-switch id=0 network=xenbr0
    is "$(bridge_of "vif$domid.0") $(bridge_of "$name")" 'xenbr0 xenbr0' 'they do'
    runs 'it goes' ip link del "$name"
    udevadm settle
    world_is "$there" 'nothing is left of it'
done
is "$(card hotplug-status) $(card hotplug-error)" 'connected ' 'the card itself is as it was'

# wrong BRIDGE CAUSE NAME: where the card's bridge is this one, the backend says why that can't be
wrong() {
    set_card bridge "$1"
    makes "vif$domid.0-emu"
    is "$(card hotplug-error)" "vif$domid.0-emu: $2" "$3"
    like "$(face "vif$domid.0-emu")" '^none .* down ' 'it is on no bridge, and down'
    ip link del "vif$domid.0-emu"
    xenstore-rm "backend/vif/$domid/0/hotplug-error"
}
wrong xenbr9 'xenbr9: this host has no such bridge' 'a bridge that is not there'
wrong lo 'lo: this host has no such bridge' 'what is none'
# shellcheck disable=SC2016 # it is to be taken as it is
wrong '$(touch /tmp/xenvm-was-here) -h;' '$(touch /tmp/xenvm-was-here) -h;: this host has no such bridge' 'rubbish'
wrong ../net/xenbr0 '../net/xenbr0: this host has no such bridge' 'a way round'
wrong '' 'xenstore names no bridge' 'none'
set_card bridge xenbr0
is "$(card hotplug-status) $(xenvm-cmd --json emu nic-list | jq -r '.nics[0].state')" \
    'connected waiting for the guest' 'the card itself is as it was'

left_alone 'that of a card that the guest has not' "vif$domid.1-emu"
left_alone 'that of a domain that is not there' vif32000.0-emu
xenstore-write backend/vif/32000/0/script /etc/xen/scripts/vif-bridge backend/vif/32000/0/bridge xenbr0 \
    backend/vif/32000/0/frontend /local/domain/32000/device/vif/0 backend/vif/32000/0/type vif_ioemu
left_alone "that of one of xl's" vif32000.0-emu
left_alone "and by the other name" tap32000.0
xenstore-write backend/vif/32000/0/script "$libexec/vif"
left_alone 'that of one that does not say that it is ours' vif32000.0-emu
is "$(xenstore-read backend/vif/32000/0/hotplug-error 2>&1)" "xenstore-read: couldn't read path backend/vif/32000/0/hotplug-error" \
    'nothing is written there'
xenstore-rm backend/vif/32000
for name in tap1.x vif..-emu tap. tap.0 tap1. "vif$domid.0.0-emu" "tap$domid.0-emu" "tap$domid.0;x" "vif$domid.-emu" "vif$domid.*-emu" "tap$domid.0'"; do
    left_alone "$name" "$name"
done
for name in "vif$domid/../$domid.0-emu" "../vif$domid.0-emu" "tap$domid.0
tap$domid.0" -h; do
    runs "no name: ${name//[^a-z0-9.\/ -]/ }" env INTERFACE="$name" "$libexec/tap" add
done
fails 'none at all' env -u INTERFACE "$libexec/tap" add
like "$output" 'tap is for udev' 'and it says so'
world_is "$there" 'nothing is left of all that'

# A card that is on its way when the emulated one can't join.
udevadm control --stop-exec-queue
(xenvm-cmd emu nic-add bridge=xenbr1 >"$lab_tmp/added" 2>&1; echo "status $?" >>"$lab_tmp/added") &
runs 'another card is on its way' wait_for 10 xenstore-exists "backend/vif/$domid/1/bridge"
ip link set xenbr1 down
ip link set xenbr1 name xenbr2
ip tuntap add dev "vif$domid.1-emu" mode tap
fails 'its emulated one cannot join' env INTERFACE="vif$domid.1-emu" "$libexec/tap" add
ip link del "vif$domid.1-emu"
udevadm control --start-exec-queue
wait $!
like "$(cat "$lab_tmp/added")" "^xenvm-cmd: emu: cannot attach nic 1 \\(xenbr1\\): vif$domid.1-emu: xenbr1: this host has no such bridge$" \
    'whoever added it is told'
like "$(cat "$lab_tmp/added")" '^status 1$' 'and it has failed'
ip link set xenbr2 name xenbr1
ip link set xenbr1 up
world_is "$there" 'nothing is left of it'
vm_down emu
world_is "$before" 'nor of the guest'

# --- a backend that goes while it is being answered

mkdir $work/bin
# shellcheck disable=SC2016 # for the script
printf '#!/bin/sh\nxenstore-rm "${1%%/*}"\nexec %s "$@"\n' "$(command -v xenstore-write)" >$work/bin/xenstore-write
chmod +x $work/bin/xenstore-write
# loses SCRIPT ACTION FOLDER [NODE VALUE]…: that of a domain that has just gone. Only block-frontend is told FOLDER so
loses() {
    local script=$1 action=$2 folder=$3
    shift 3
    xenstore-write "$folder/frontend" /local/domain/32000/device "$folder/script" "$libexec/$script"
    while [ $# -gt 0 ]; do xenstore-write "$folder/$1" "$2" && shift 2; done
    env XENBUS_PATH="$folder" PATH="$work/bin:$PATH" "$libexec/$script" "$action" "$folder"
    ok "$(! xenstore-exists "$folder"; echo $?)" "$script $action does not make $folder anew"
}
truncate -s 1M $work/disk
makes vif32000.0
loses vif online backend/vif/32000/0 bridge xenbr0
is "$(bridge_of vif32000.0)" xenbr0 'it was that far'
loses vif remove backend/vif/32000/0
ip link del vif32000.0
loses block add backend/vbd/32000/51712 type file mode r host/params $work/disk
loses block remove backend/vbd/32000/51712
loses block add backend/qdisk/32000/51712 type qdisk mode r host/params $work/disk
head -c 64 /dev/urandom >$work/key
loses block add backend/vbd/32000/51712 type file mode w host/params $work/disk host/cipher aes-xts-plain64 \
    host/key-size 512 host/key-file $work/key
makes vif32000.0-emu
INTERFACE=vif32000.0-emu loses tap add backend/vif/32000/0 script "$libexec/vif" toolstack xenvm bridge none-such
ip link del vif32000.0-emu
# A PCI device goes back to its driver.
driver=$(readlink /sys/bus/pci/devices/0000:00:10.0/driver)
loses pci add backend/pci/32000/0 dev-0 0000:00:10.0 bind-0 1
is "$(readlink /sys/bus/pci/devices/0000:00:10.0/driver)" "$driver" 'the device has its driver again'
# A disk of this domain itself.
xenstore-write backend/vbd/0/51712/toolstack xenvm
DEVTYPE=disk DEVNAME=/dev/vda loses block-frontend add device/vbd/51712 backend /local/domain/0/backend/vbd/0/51712
xenstore-rm -t backend/vbd/0/51712/toolstack
# A xenstored that can't be reached is no word about the backend.
printf '#!/bin/sh\nexit 1\n' >$work/bin/xenstore-exists
chmod +x $work/bin/xenstore-exists
rm $work/bin/xenstore-write
xenstore-write backend/qdisk/32000/51712/script $libexec/block backend/qdisk/32000/51712/type qdisk \
    backend/qdisk/32000/51712/mode r backend/qdisk/32000/51712/host/params $work/disk \
    backend/qdisk/32000/51712/frontend /local/domain/32000/device/vbd/51712
runs 'without a word of xenstored' env XENBUS_PATH=backend/qdisk/32000/51712 PATH="$work/bin:$PATH" $libexec/block add
is "$(xenstore-read backend/qdisk/32000/51712/hotplug-status)" connected 'what is written stays'
# QEMU has removed its nodes, and the monitor never heard of it.
xenstore-write backend/qdisk/32001/51712/script $libexec/block backend/qdisk/32001/51712/type qdisk \
    backend/qdisk/32001/51712/mode w backend/qdisk/32001/51712/host/params $work/disk \
    backend/qdisk/32001/51712/frontend /local/domain/32001/device/vbd/51712
add_other() { XENBUS_PATH=backend/qdisk/32001/51712 "$libexec"/block add; }
fails 'another domain can not have it' add_other
xenstore-rm backend/qdisk/32000
runs 'but when nobody has it any more' add_other
is "$(cd /run/xenvm/hotplug && echo qdisk-*)" qdisk-32001-51712 'the other one is forgotten'
XENBUS_PATH=backend/qdisk/32001/51712 $libexec/block remove
xenstore-rm backend/qdisk/32001
world_is "$before" 'nothing is left of all that'

# --- block-frontend

# attach BACKEND NUMBER DEV TYPE PATH [PARAMS [TOOLSTACK]]: dom0 is to have a disk
attach() {
    local front=/local/domain/0/device/vbd/$2 back=/local/domain/0/backend/$1/0/$2
    xenstore-write "$front/backend" "$back" "$front/backend-id" 0 "$front/state" 1 "$front/virtual-device" "$2" \
        "$front/device-type" disk "$back/frontend" "$front" "$back/frontend-id" 0 "$back/online" 1 \
        "$back/toolstack" "${7:-xenvm}" "$back/script" "$libexec/block" "$back/dev" "$3" "$back/mode" w \
        "$back/device-type" disk "$back/removable" 0 "$back/bootable" 1 "$back/type" "$4" \
        "$back/host/params" "$5" ${6:+"$back/params" "$6"} || return
    # As the monitor does: udev does not hear of this backend.
    [ "$1" != qdisk ] || XENBUS_PATH=backend/qdisk/0/$2 "$libexec/block" add || return
    xenstore-write "$back/state" 1
}
front() { xenstore-read "device/vbd/$1/$2" 2>/dev/null; }
connected() { [ "$(front "$1" hotplug-status)" = connected ]; }
# Or not there: qemu removes its backend itself.
is_closed() { case $(xenstore-read "$1/state" 2>/dev/null) in '' | 6) ;; *) false ;; esac; }
# detach BACKEND NUMBER
detach() {
    local back=backend/$1/0/$2
    xenstore-write "$back/online" 0 "$back/state" 5
    wait_for 20 is_closed "$back" || return
    if [ "$1" = qdisk ]; then
        XENBUS_PATH=$back "$libexec/block" remove
    else
        udevadm settle
        [ "$(xenstore-read "$back/hotplug-status")" = removed ] || return
    fi
    xenstore-rm -t "device/vbd/$2" || return
    xenstore-rm -t "$back" 2>/dev/null || xenstore-rm "${back%/*}" || return
    udevadm settle
}
# gone DEV: the device has, and its links; and what was written in xenstore has not come again
gone() { [ -z "$(find /dev -name "$1*" -o -path '/dev/xenvm*')$(xenstore-ls device 2>/dev/null)" ]; }

# One with a partition that has a label, and one with a volume group: what a host would like to use.
truncate -s 16M $work/disk $work/lvm
mke2fs -q -F -L guest-label -U 11111111-2222-3333-4444-555555555555 -E offset=1048576 $work/disk 8192
printf '\200\0\2\0\203\0\2\0\0\10\0\0\0\100\0\0' | dd of=$work/disk bs=1 seek=446 conv=notrunc 2>/dev/null
printf '\125\252' | dd of=$work/disk bs=1 seek=510 conv=notrunc 2>/dev/null
runs 'an image with a volume group' sh -c "losetup /dev/loop20 $work/lvm && pvcreate -q /dev/loop20 &&
    vgcreate -q guestvg /dev/loop20 && lvcreate -q -n guestlv -L 4M guestvg && vgchange -q -an guestvg; losetup -d /dev/loop20"
udevadm settle
# The host has not seen it yet: neither has LVM, nor is there a unit of systemd's that may have failed.
find /run/lvm -type f -path '*_online/*' -delete
no_job() { [ -z "$(systemctl list-jobs --no-legend 'lvm-activate-*')" ]; }
wait_for 10 no_job
systemctl reset-failed 'lvm-activate-*' 2>/dev/null
for name in disk lvm; do qemu-img convert -O qcow2 $work/$name $work/$name.qcow2; done
runs "dom0's driver" modprobe xen-blkfront
runs 'dom0 attaches a file' attach vbd 51712 xvda file $work/disk
runs 'it is told that it is there' wait_for 20 connected 51712
is "$(front 51712 physical-device-path)" /dev/xvda 'and where'
is "$(readlink -f /dev/xenvm/vbd/51712)" /dev/xvda 'the link is the same'
runs 'it has the bytes' cmp /dev/xenvm/vbd/51712 $work/disk
runs 'its partition has a link' wait_for 5 test -b /dev/xenvm/vbd/51712-part1
is "$(readlink -f /dev/xenvm/vbd/51712-part1)" /dev/xvda1 'beside it'
runs 'it changes' udevadm trigger --settle --name-match=/dev/xvda
is "$(readlink -f /dev/xenvm/vbd/51712) $(front 51712 hotplug-status)" '/dev/xvda connected' 'and is still there'
runs 'it is detached' detach vbd 51712
runs 'nothing is left of it' wait_for 5 gone xvda
world_is "$before" 'nor of its backend'

runs "dom0 attaches an image of qemu's" attach qdisk 51728 xvdb qdisk $work/disk.qcow2 "qcow2:$work/disk.qcow2"
runs 'it is told that it is there' wait_for 20 connected 51728
runs 'it has the bytes' cmp "$(front 51728 physical-device-path)" $work/disk
runs 'its partition is a file system' sh -c 'udevadm settle; mount -o ro /dev/xenvm/vbd/51728-part1 /mnt && umount /mnt'
is "$(find /dev/disk \( -lname '*xvdb*' -o -name '*guest-label*' -o -name '*11111111*' \))" '' 'but has no names of its own choice'
runs "dom0's driver leaves it" sh -c 'echo vbd-51728 >/sys/bus/xen/drivers/vbd/unbind && udevadm settle'
is "$(front 51728 hotplug-status)$(front 51728 physical-device-path) $(front 51728 backend)" \
    ' /local/domain/0/backend/qdisk/0/51728' 'what was written is taken back, and nothing else'
is "$(find /dev -name 'xvdb*' -o -path '/dev/xenvm*')" '' 'no link is left'
runs 'it is detached' detach qdisk 51728
runs 'nothing is left of it' wait_for 5 gone xvdb

runs 'dom0 attaches an image with a volume group' attach qdisk 51728 xvdb qdisk $work/lvm.qcow2 "qcow2:$work/lvm.qcow2"
runs 'it is told that it is there' wait_for 20 connected 51728
sleep 2
is "$(dmsetup ls --target linear 2>&1; systemctl list-units --all --no-legend 'lvm-activate-*')" 'No devices found' "its volumes are not brought up"
runs 'it is detached' detach qdisk 51728
runs 'nothing is left of it' wait_for 5 gone xvdb

runs "one that is not xenvm's" attach vbd 51744 xvdc file $work/disk '' xl
runs 'comes' wait_for 20 test -b /dev/xvdc
udevadm settle
is "$(front 51744 hotplug-status)$(front 51744 physical-device-path)$(find /dev -path '/dev/xenvm*')" '' 'and is left alone'
runs 'it is detached' detach vbd 51744
runs 'nothing is left of it' wait_for 5 gone xvdc

for where in '' device/vbd/ device/vbd/x device/vbd/1/../2 /local/domain/0/device/vbd/51712 'device/vbd/1 2'; do
    fails "no frontend: $where" env DEVNAME=/dev/vda DEVTYPE=disk "$libexec/block-frontend" add "$where"
done
xenstore-write device/vbd/1/backend /local/domain/0/backend/vbd/7/1
runs 'a frontend whose backend is not its own' env DEVNAME=/dev/vda DEVTYPE=disk "$libexec/block-frontend" add device/vbd/1
is "$(xenstore-ls device/vbd/1)" 'backend = "/local/domain/0/backend/vbd/7/1"' 'is left alone'
xenstore-rm -t device/vbd/1
runs 'one that is gone' env DEVNAME=/dev/vda DEVTYPE=disk "$libexec/block-frontend" add device/vbd/1
runs 'is also when it is removed' "$libexec/block-frontend" remove device/vbd/1
runs 'nothing is written' gone xvd
modprobe -r xen-blkfront
world_is "$before" 'nothing is left'
ip link del xenbr0
ip link del xenbr1
rm -rf $work
done_testing

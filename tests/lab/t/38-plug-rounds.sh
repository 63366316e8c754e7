#!/bin/bash
# Over and over (three times; LAB_THOROUGH=yes: fifty), a device of each kind comes and goes, and nothing of it is left:
# loop devices, dm devices, interfaces, nodes of xenstore, processes. A Linux guest takes on and lets go a file and a card;
# guests of a few instructions, which have no driver, have the other kinds at the same time.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

[ -z "${ASAN_OPTIONS:-}" ] || skip_all 'endurance is for the build without sanitizers, which comes to the same code in 32 and 34'
work=/root/rounds
rounds=3
[ -z "${LAB_THOROUGH:-}" ] || rounds=50
pci=0000:00:11.0
mkdir -p "$work" /run/xenvm
for name in file phy secret cd aio; do truncate -s 4M "$work/$name"; done
runs 'an image for qemu' qemu-img create -q -f qcow2 "$work/qcow2" 4M
(umask 077 && head -c 64 /dev/urandom >"$work/key")
runs 'a loop device' losetup /dev/loop20 "$work/phy"
ip link add xenbr0 type bridge && ip link set xenbr0 up
before=$lab_tmp/before
there=$lab_tmp/there
world >"$before"

# What a VM has, with the states: "xvdb waiting for the guest;".
disks() { xenvm-cmd --json "$1" disk-list | jq -r '.disks[] | .disk + " " + .state' | tr '\n' ';'; }
has() { vm_shell linux "i=0; until $1; do i=\$((i + 1)); [ \$i -lt 100 ] || exit 1; sleep 0.1; done"; }

# One of each kind, once. `look`, where that is a command, is called when it is there.
look=
disk() { xenvm-cmd "$1" disk-add "$2" && ${look:+$look "$1"} && xenvm-cmd "$1" disk-del xvdb; }
file() { disk linux "$work/file:file:xvdb:w:disk"; }
nic() { xenvm-cmd linux nic-add && ${look:+$look linux} && xenvm-cmd linux nic-del 0; }
phy() { disk phy /dev/loop20:phy:xvdb:w:disk; }
qcow2() { disk qcow2 "$work/qcow2:qcow2:xvdb:w:disk"; }
encrypted() { disk encrypted "$work/secret:file:xvdb:w:disk:cipher=aes-xts-plain64:key-size=512:key-file=$work/key"; }
cdrom() {
    xenvm-cmd cdrom disk-add :file:xvdb:r:cdrom && xenvm-cmd cdrom cd-insert-file xvdb "file=$work/cd" &&
        ${look:+$look cdrom} && xenvm-cmd cdrom cd-eject xvdb && xenvm-cmd cdrom disk-del xvdb
}
pci() { xenvm-cmd pci pci-add "0,bind,$pci" && ${look:+$look pci} && xenvm-cmd pci pci-del "$pci"; }

# again KIND…: each in turn, so many times; how often is in a file of that name, and what was said the last time
again() {
    local kind done=0
    while [ "$done" -lt "$rounds" ]; do
        for kind; do "$kind" >"$lab_tmp/$kind.said" 2>&1 || break 2; done
        done=$((done + 1))
        for kind; do echo "$done" >"$lab_tmp/$kind.done"; done
    done
}

# Its kernel keeps some of the memory of each card.
runs 'a Linux guest' vm_up linux memory=384 cmdline+=lab.quiet
tiny=(phy qcow2 encrypted cdrom pci)
for kind in "${tiny[@]}"; do
    case $kind in
    qcow2) runs 'a guest that has its qemu already' vm_tiny qcow2 idle "disk=$work/aio:aio:xvda:w:disk" ;;
    *) runs "a guest for $kind" vm_tiny "$kind" idle ;;
    esac
done
world >"$there"

# --- once, to see that it is there

is_more() {
    world >"$lab_tmp/more"
    [ "$1" != linux ] || [ "$kind" != file ] || has 'grep -qw xvdb /proc/partitions' || return
    [ "$1" != linux ] || [ "$kind" != nic ] || has 'ip link show eth0 >/dev/null 2>&1'
}
look=is_more
for kind in file nic "${tiny[@]}"; do
    runs "$kind: comes and goes" "$kind"
    case $kind in
    file) more="loop $work/file" ;;
    nic) more="link /sys/class/net/vif$(vm_domid linux).0" ;;
    encrypted) more="dm xenvm-.*" ;;
    cdrom) more="loop $work/cd" ;;
    pci) more="xenstore /local/domain/$(vm_domid pci)/device/pci/0/state" ;;
    *) more="xenstore /local/domain/$(vm_domid "$kind")/device/vbd/51728/state" ;;
    esac
    ok "$(grep -qx "$more" "$lab_tmp/more" && ! grep -qx "$more" "$there"; echo $?)" 'the host had it' || note "$(diff "$there" "$lab_tmp/more")"
done
world_is "$there" 'and nothing is left of them'

# --- and again

look=
lab_now
t0=$lab_time
jobs=()
again file nic &
jobs+=($!)
for kind in "${tiny[@]}"; do
    again "$kind" &
    jobs+=($!)
done
wait "${jobs[@]}"
lab_now
note "$rounds times in $((lab_time - t0)) s"
for kind in file nic "${tiny[@]}"; do
    is "$(cat "$lab_tmp/$kind.done")" "$rounds" "$kind: $rounds times more" || note "$(cat "$lab_tmp/$kind.said")"
done
world_is "$there" 'and nothing is left of them'
is "$(disks linux)$(xenvm-cmd linux nic-list | tail -n +2)" '' 'the Linux guest has none'
runs 'but takes on another' xenvm-cmd linux disk-add "$work/file:file:xvdb:w:disk"
runs 'that it has' has 'grep -qw xvdb /proc/partitions'
runs 'and writes to' vm_shell linux 'dd if=/bin/busybox of=/dev/xvdb bs=4096 count=4 conv=fsync 2>/dev/null'
is "$(disks linux)" 'xvdb connected;' 'it is connected'
runs 'and lets it go' xenvm-cmd linux disk-del xvdb
for name in linux "${tiny[@]}"; do vm_down "$name"; done
world_is "$before" 'nothing is left'
losetup -d /dev/loop20
ip link del xenbr0
rm -rf "$work"
done_testing

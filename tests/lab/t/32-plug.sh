#!/bin/bash
# Devices that come and go while the guest runs, ten times (LAB_THOROUGH=yes: fifty); what stays over a reboot, a suspend and a new monitor; guests
# that don't let go; processors and memory.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

work=/root/plug
image=$lab_tmp/image
cycles=${LAB_CYCLES:-10}
[ -z "${LAB_THOROUGH:-}" ] || cycles=50
mkdir -p $work /run/xenvm
truncate -s 16M $work/a $work/b $work/cd1 $work/cd2 $work/cd3
echo 'on a real disc' | dd of=$work/cd3 conv=notrunc 2>/dev/null
qemu-img create -q -f qcow2 $work/c 16M
ip link add xenbr0 type bridge && ip link set xenbr0 up
before=$lab_tmp/before
there=$lab_tmp/there
world >"$before"

# A guest says that it is connected before it shows the disk to its programs.
has() { vm_shell plug "i=0; until grep -qw $1 /proc/partitions; do i=\$((i + 1)); [ \$i -lt 100 ] || exit 1; sleep 0.1; done"; }
has_not() { vm_shell plug "! grep -qw $1 /proc/partitions"; }
disks() { xenvm-cmd plug disk-list | awk 'NR > 1 { print $1 }' | tr '\n' ' '; }

runs 'a guest with a disk' vm_up plug memory=96 memory-max=128 vcpus=2 disk=$work/a:file:xvda:w:disk cmdline+=lab.quiet
world >"$there"
runs 'a disk is added' xenvm-cmd plug disk-add $work/b:file:xvdb:w:disk
runs 'the guest has it' has xvdb
runs 'and removed' xenvm-cmd plug device disk del xvdb
runs 'the guest has it no more' has_not xvdb
refused 1 '^xenvm-cmd: plug: model means nothing to a pv guest, accepted: for HVM$' 'no model of an emulated card is taken' \
    xenvm-cmd plug nic-add bridge=xenbr0,model=e1000
is "$(xenvm-cmd --json plug nic-list | jq -c .nics)" '[]' 'there is no card'
runs 'a card is added' xenvm-cmd plug nic-add bridge=xenbr0
runs 'the guest has it' vm_shell plug 'ip link show eth0 >/dev/null'
runs 'and removed' xenvm-cmd plug nic-del 0
runs 'the guest has it no more' vm_shell plug '! ip link show eth0 >/dev/null 2>&1'
world_is "$there" 'nothing is left of them'
runs 'in full: device nic add' xenvm-cmd plug device nic add bridge=xenbr0
runs 'device nic list' xenvm-cmd plug device nic list
is "$(awk 'NR > 1 { print $1, $3 }' <<<"$output")" '0 xenbr0' 'has it'
runs 'device nic del' xenvm-cmd plug device nic del 0
is "$(xenvm-cmd plug device nic list)" '' 'it is gone'
world_is "$there" 'and nothing is left of it'

# cycle: one of each kind
cycle() {
    xenvm-cmd plug disk-add $work/b:file:xvdb:w:disk && xenvm-cmd plug nic-add && xenvm-cmd plug nic-del 0 &&
        xenvm-cmd plug disk-del xvdb
}
done=0
while [ "$done" -lt "$cycles" ] && cycle >"$lab_tmp/cycle" 2>&1; do done=$((done + 1)); done
is "$done" "$cycles" "$cycles times" || note "$(cat "$lab_tmp/cycle")"
world_is "$there" 'nothing is left of them'
runs "a disk of qemu's" xenvm-cmd plug disk-add $work/c:qcow2:xvdc:w:disk
runs 'the guest has it' has xvdc
runs 'and removed' xenvm-cmd plug disk-del xvdc

# --- what stays

runs 'a disk is added' xenvm-cmd plug disk-add $work/b:file:xvdb:w:disk
mark=$(guest_mark plug)
runs 'over a reboot' xenvm-cmd plug restart
runs 'that is' vm_ready plug "$mark"
runs 'the guest has it' has xvdb
runs 'over a suspend' xenvm-cmd plug suspend file="$image"
runs 'and a new monitor in between' sh -c "xenvm-cmd plug quit && xenvm $(vm_file plug)"
is "$(disks)" 'xvda xvdb ' 'it is listed'
runs 'and a restore' xenvm-cmd plug restore file="$image" paused=true
# Linux loses its disks if it is suspended before its drivers have looked at them.
sleep 3
runs 'and one more suspend, as soon as it runs' sh -c "xenvm-cmd plug unpause && xenvm-cmd plug suspend file=$image"
runs 'and restore' xenvm-cmd plug restore file="$image"
runs 'the guest has it' has xvdb
kill -9 "$(vm_get plug pid)"
runs 'over the death of the monitor' xenvm "$(vm_file plug)"
is "$(disks)" 'xvda xvdb ' 'it is listed'
is "$(xenvm-cmd plug disk-list | grep -c connected)" 2 'and connected'
runs 'a cdrom' xenvm-cmd plug disk-add $work/cd1:file:xvdd:r:cdrom
runs 'another disc' xenvm-cmd plug cd-insert-file xvdd file=$work/cd2
is "$(xenvm-cmd --json plug disk-list | jq -r '.disks[2].path')" $work/cd2 'is in it'
refused 1 'cannot attach cdrom xvdd: .*none: No such file or directory$' 'one that is not there' \
    xenvm-cmd plug cd-insert-file xvdd file=$work/none
runs 'a drive of the host' losetup -r /dev/loop20 $work/cd3
runs 'the disc in it' xenvm-cmd plug cd-insert-real xvdd device=/dev/loop20
is "$(xenvm-cmd --json plug disk-list | jq -r '.disks[2] | .path + " " + .type + " " + .mode')" '/dev/loop20 phy r' 'is in it'
has xvdd
runs 'the guest reads it' vm_shell plug 'head -c 15 /dev/xvdd | grep -q "^on a real disc"'
refused 1 'cannot attach cdrom xvdd: .*not a block device' 'a file is no drive' \
    xenvm-cmd plug cd-insert-real xvdd device=$work/cd2
is "$(xenvm-cmd --json plug disk-list | jq -r '.disks[2].path')" /dev/loop20 'the disc is back'
refused 1 'xvda is no cdrom drive$' 'a disk is none' xenvm-cmd plug cd-insert-real xvda device=/dev/loop20
runs 'eject' xenvm-cmd plug cd-eject xvdd
refused 1 'xvdd is empty$' 'but once' xenvm-cmd plug cd-eject xvdd
refused 1 'xvda is no cdrom drive$' 'a disk is none' xenvm-cmd plug cd-eject xvda
runs 'the drive goes' xenvm-cmd plug disk-del xvdd
losetup -d /dev/loop20
like "$(xenvm-cmd plug set disk $work/c:qcow2:xvdc:w:disk add=true)" "^disk: $work/a:[^,]*, $work/c:[^,]*, from the next" \
    'one that is set comes beside those of the file'
runs 'and is taken back' xenvm-cmd plug unset disk
runs 'the file is read again' xenvm-cmd plug read-config
is "$(disks)" 'xvda xvdb ' 'the guest still has what it has'

# --- a guest that does not let go

world | grep -v -e 51728 -e "loop $work/b" >"$there"
xenvm-cmd plug pause
refused 4 'the guest did not let go of disk xvdb.* in 2 s .force=true' 'it does not let it go' \
    xenvm-cmd plug disk-del xvdb timeout=2
is "$(xenvm-cmd plug disk-list | grep -c connected)" 2 'it stays'
xenvm-cmd plug unpause
runs 'and works' vm_shell plug 'dd if=/dev/zero of=/dev/xvdb bs=4096 count=1 conv=fsync 2>/dev/null'
xenvm-cmd plug pause
runs 'force=true takes it' xenvm-cmd plug disk-del xvdb force=true
xenvm-cmd plug unpause
is "$(disks)" 'xvda ' 'it is gone'
world_is "$there" 'and nothing is left of it'

# --- what is wrong

refused 1 'the VM has no disk xvdz$' 'a disk that is not there' xenvm-cmd plug disk-del xvdz
refused 1 'the VM has no nic 7$' 'a card that is not there' xenvm-cmd plug nic-del 7
refused 1 "disk: 'cow' is no virtpath" 'no name of a disk' xenvm-cmd plug disk-del cow
refused 1 "virtpath 'xvda' is that of another disk" 'a disk twice' xenvm-cmd plug disk-add $work/b:file:xvda:w:disk
refused 1 'in use by VM plug' 'a file twice' xenvm-cmd plug disk-add $work/a:file:xvdb:w:disk
refused 1 'phystype' 'no kind of a disk' xenvm-cmd plug disk-add $work/a:zip:xvdb:w:disk
world_is "$there" 'nothing is left of them'

# --- a qemu that dies

truncate -s 1M $work/raw1 $work/raw2
runs 'a disk of qemu' xenvm-cmd plug disk-add $work/raw1:aio:xvde:w:disk
qemu=$(pgrep -f "name xenvm-$(vm_get plug uuid)")
kill -STOP "$qemu"
(xenvm-cmd plug disk-add $work/raw2:aio:xvdf:w:disk >"$lab_tmp/lost" 2>&1; echo "status $?" >>"$lab_tmp/lost") &
runs 'another is on its way' wait_for 10 sh -c "xenvm-cmd plug disk-list | grep 'being attached'"
kill -KILL "$qemu"
wait $!
like "$(cat "$lab_tmp/lost")" 'cannot attach disk xvdf.*: qemu has ended' 'with qemu it fails at once'
is "$(tail -n 1 "$lab_tmp/lost")" 'status 1' 'and says so'
runs 'what qemu served goes' xenvm-cmd plug disk-del xvde
world_is "$there" 'and nothing is left of it'

# --- a guest that writes what it should not

domid=$(vm_domid plug)
for value in 99 -1 '' rubbish "$(printf '%01000d' 0)"; do
    xenstore-write -- "/local/domain/$domid/device/vbd/51712/state" "$value"
done
is "$(vm_state plug)" running 'rubbish for a state harms nobody'
runs 'the monitor answers' xenvm-cmd plug disk-list

# --- processors and memory

mark=$(guest_mark plug)
runs 'restart' xenvm-cmd plug restart force=true
runs 'the guest is up' vm_ready plug "$mark"
runs 'both processors are there' wait_for 20 vm_as_xl plug
runs 'one processor' xenvm-cmd plug vcpu-set 1
is "$(vm_xl plug | cut -d ' ' -f 3)" 1 'Xen says so'
# What udev does in a guest that has one.
guest_ask plug 'sh (for i in 1 2 3 4 5 6 7 8 9; do sleep 1; echo 1 >/sys/devices/system/cpu/cpu1/online; done) & echo waits' '^waits' 20
runs 'two again' xenvm-cmd plug vcpu-set n=2 timeout=20
refused 1 'n: 3 is not from 1 to 2' 'three are too many' xenvm-cmd plug vcpu-set 3
runs 'less memory' xenvm-cmd plug set-mem-target 80
is "$(vm_xl plug | cut -d ' ' -f 2)" 80 'Xen says so'
runs 'more' xenvm-cmd plug set-mem-target mb=96
refused 1 'mb: 500 is not from 1 to 128' 'too much' xenvm-cmd plug set-mem-target 500
refused 4 'the guest did not come to 1 MiB in 2 s' 'too little' xenvm-cmd plug set-mem-target 1 timeout=2

# --- the console

answer=$(printf 'ping pipe\n' | timeout 20 xenvm-cmd --timeout 5 plug console 2>/dev/null)
like "$answer" '^pong pipe' 'the console works in a pipe'
# On a terminal, whose keys come from a FIFO; the status is that of the client.
mkfifo "$lab_tmp/keys"
exec {keys}<>"$lab_tmp/keys"
terminal() {
    : >"$lab_tmp/screen"
    script -qefc 'xenvm-cmd plug console' /dev/null <"$lab_tmp/keys" >"$lab_tmp/screen" 2>&1 &
    terminal=$!
}
shows() { grep -qaE -- "$1" "$lab_tmp/screen"; }
terminal
runs 'on a terminal it says how it is left' wait_for 20 shows "connected to the console of domain $(vm_domid plug); Ctrl-\\] leaves it"
printf 'ping terminal\n' >&"$keys"
runs 'what is typed is for the guest' wait_for 20 shows '^pong terminal'
printf 'ping \x03again\n' >&"$keys"
runs 'Ctrl-C too' wait_for 20 shows '^(pong .*again|unknown command: .*again)'
kill -0 "$terminal" 2>/dev/null
ok $? 'it ends nothing'
printf '\x1d' >&"$keys"
runs 'Ctrl-] leaves it' wait_for 10 no_process "$terminal"
wait "$terminal"
is "$? $(vm_state plug)" '0 running' 'with the guest as it was'
terminal
runs 'once more' wait_for 20 shows 'connected to the console of domain'
printf 'ping still\n' >&"$keys"
runs 'the guest has forgotten nothing' wait_for 20 shows '^pong still'
xenvm-cmd plug destroy
runs 'a guest that ends leaves the terminal' wait_for 20 no_process "$terminal"
wait "$terminal"
is $? 1 'with an error'
runs 'and says so' shows 'the guest is gone'
exec {keys}>&-
vm_down plug
world_is "$before" 'nothing is left'
ip link del xenbr0
rm -rf $work
done_testing

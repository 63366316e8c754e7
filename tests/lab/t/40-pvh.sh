#!/bin/bash
# PVH guests: processors, memory, devices, every command; suspended and restored again and again, also by xl.
# shellcheck disable=SC2016 # what the guest is told
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
image=$lab_tmp/image
cycles=${LAB_CYCLES:-10}
work=/root/pvh
mkdir -p $work/small
truncate -s 16M $work/raw $work/cd
host_bridges
world >"$before"
tells() { guest_ask pvh "sh $1" "$2" 60; }
# xl's own word of what it is
is_pvh() { xl list -l "$(vm_domid "$1")" | grep -q '"type": "pvh"'; }

# --- what is wrong

wrong() {
    vm_config wrong type=pvh "${@:3}"
    refused 1 "$1" "$2" xenvm "$(vm_file wrong)"
}
printf 'hello' >$work/rubbish
truncate -s 0 $work/empty
wrong "kernel $work/rubbish: not a kernel that can be started as a PVH guest" 'a kernel that is none' kernel=$work/rubbish
wrong "kernel $work/empty: the file is empty$" 'an empty kernel' kernel=$work/empty
wrong "kernel /lab/guest/grub-xen.bin: not a kernel that can be started as a PVH guest" 'a PV kernel' \
    kernel=/lab/guest/grub-xen.bin initrd=
wrong 'not enough memory: the guest needs [0-9]+ MiB, the host has [0-9]+ MiB free$' 'more memory than there is' memory=90000
wrong 'pci: means nothing to a pvh guest' 'a PCI device' pci=0,0000:00:10.0
wrong 'kernel .* does not fit in 12 MiB of memory' 'too little memory' memory=12
world_is "$before" 'nothing is left of them'

# --- one with everything

# The guest's kernel loses a megabyte for each network card in every suspend, here as with xl.
vm_config pvh type=pvh vcpus=2 memory=80 memory-max=112 disk=$work/raw:file:xvda:w:disk cmdline+=lab.quiet
printf 'nic = bridge=xenbr%s\n' 0 1 >>"$(vm_file pvh)"
runs 'a PVH guest with a disk and two cards' vm_boot_bridged pvh 1
is "$(vm_state pvh) $(vm_get pvh vcpus) $(vm_letters pvh)" 'running 2 ' 'it runs'
is "$(xenvm-cmd --json pvh disk-list | jq -r '.disks[].state') $(xenvm-cmd --json pvh nic-list | jq -r '.nics[].state' | tr '\n' ' ')" \
    'connected connected connected ' 'its devices are connected'
runs 'it knows what it is' tells 'dmesg | grep "Booting kernel on Xen PVH"' 'Booting kernel on Xen PVH'
runs 'it found its ACPI tables' tells 'echo tables: $(ls /sys/firmware/acpi/tables)' '^tables: APIC DSDT FACP'
runs 'and both processors' tells 'echo processors: $(nproc)' '^processors: 2$'
runs 'it writes to its disk' vm_shell pvh 'echo written to the disk | dd of=/dev/xvda conv=fsync 2>/dev/null'
is "$(head -n 1 $work/raw)" 'written to the disk' 'the host reads it'
runs 'the host reaches it' busybox ping -q -c 3 10.0.0.11
runs 'on both bridges' busybox ping -q -c 3 10.0.1.11
runs 'more memory' xenvm-cmd pvh set-mem-target 112
runs 'it is there' wait_for 30 vm_as_xl pvh
runs 'less memory' xenvm-cmd pvh set-mem-target 72
runs 'pause' xenvm-cmd pvh pause
is "$(vm_state pvh) $(vm_letters pvh)" 'paused p' 'it is paused'
runs 'unpause' xenvm-cmd pvh unpause
runs 'a disk is added' xenvm-cmd pvh disk-add $work/rubbish:aio:xvdb:r:disk
runs 'and removed' xenvm-cmd pvh disk-del xvdb
# A guest whose driver is told to close a disk before it has joined its backend is not there for anything that follows.
at_once() {
    for _ in 1 2 3; do
        xenvm-cmd pvh disk-add "$work/cd:file:xvdb:r:disk" && xenvm-cmd pvh disk-del xvdb || return
    done
}
runs 'a disk that goes as soon as it has come' at_once

# --- again and again

# Nor is one that is suspended before that.
runs 'another disk' xenvm-cmd pvh disk-add $work/cd:file:xvdb:r:disk
mark=$(guest_mark pvh)
done=0
while [ "$done" -lt "$cycles" ] && vm_round_trip pvh "$image" "$mark" live="$((done % 2))" >"$lab_tmp/cycle" 2>&1; do done=$((done + 1)); done
is "$done" "$cycles" "$cycles suspends, every other one live" || note "$(cat "$lab_tmp/cycle"; vm_state pvh)"
runs 'the other disk goes' xenvm-cmd pvh disk-del xvdb
# What follows a live suspend costs the guest time with every page that it writes to.
tracked() { xl dmesg -c >/dev/null && xl debug-keys q && sleep 1 && xl dmesg | grep -c 'paging assistance.*log_dirty'; }
mount -t tmpfs -o size=8m tmpfs $work/small
xenvm-cmd pvh suspend live=true file=$work/small/image 2>&1 | tail -n 1 >"$lab_tmp/error"
like "$(<"$lab_tmp/error")" 'cannot write .*: No space left on device$' 'no room for one'
wait_for 5 umount $work/small
is "$(vm_state pvh) $(tracked)" 'running 0' 'the guest runs on, and nobody follows what it writes'
runs 'it has both processors' tells 'echo processors: $(nproc)' '^processors: 2$'
runs 'its disk' tells 'head -n 1 /dev/xvda' '^written to the disk'
runs 'and its cards' busybox ping -q -c 3 10.0.1.11
runs 'a checkpoint' xenvm-cmd pvh checkpoint file="$image"
runs 'is sound' verify-stream-v2 -f xl -i "$image"
runs 'the guest goes on' vm_goes_on pvh "$mark"
# A Linux of today gives a processor back, but takes none as a PVH guest.
runs 'one processor less' xenvm-cmd pvh vcpu-set 1
runs 'it has one' tells 'echo processors: $(nproc)' '^processors: 1$'
old=$(vm_domid pvh)
runs 'a new monitor' kill -9 "$(vm_get pvh pid)"
runs 'takes it over' xenvm "$(vm_file pvh)"
is "$(vm_state pvh) $(vm_domid pvh)" "running $old" 'as it is'
runs 'a reboot' xenvm-cmd pvh restart
runs 'leads to another domain' vm_moved pvh "$old"
runs 'that is up' wait_for 120 guest_said pvh '^guest: ready' "$mark"
runs 'with both processors' tells 'echo processors: $(nproc)' '^processors: 2$'
runs 'shutdown' xenvm-cmd pvh shutdown
is "$(vm_state pvh)" 'shutdown' 'it is off'
vm_down pvh
world_is "$before" 'nothing is left'

# --- without ACPI's tables

# It is not asked: Linux finds no timer without them either, and may answer only to what comes in time.
runs 'one that is told of no processors but its first' vm_up plain type=pvh acpi=false vcpus=2 cmdline+=lab.quiet
runs 'finds no tables' guest_said plain 'A valid RSDP was not found' 0
is "$(vm_xl plain | cut -d ' ' -f 3)" 1 'and starts no other'
vm_down plain

# --- and xl

image2=$lab_tmp/image2
vm_config both type=pvh
runs 'another one' vm_boot both
mark=$(guest_mark both)
sed -i 's/^type = .*/type = pv/' "$(vm_file both)"
refused 1 'type: a pvh guest can become a pv guest when it is down$' 'stays what it is' xenvm-cmd both read-config
runs 'is suspended' xenvm-cmd both suspend file="$image2"
runs 'is to become a PV guest' xenvm-cmd both read-config
runs 'without a monitor' xenvm-cmd both quit
rm -f "/run/xenvm/vm-$(vm_uuid both).state" # as after a reboot of the host
runs 'a new one' xenvm "$(vm_file both)"
like "$(xenvm-cmd both get type | tr '\n' ' ')" 'value: pvh .*next: pv ' 'knows what the image is of'
xenvm-cmd both quit
rm -f "/run/xenvm/vm-$(vm_uuid both).state" "/var/lib/xenvm/$(vm_uuid both)/memory" # as on another host
echo 'startup = shutdown' >>"$(vm_file both)"
runs 'it has become one' xenvm "$(vm_file both)"
refused 1 'it holds a guest of type pvh, the configuration has type = pv$' 'and its image is not for that' \
    xenvm-cmd both restore file="$image2"
runs 'without a monitor' xenvm-cmd both quit
runs 'xl restores it' xl restore "$image2"
ok "$(is_pvh both; echo $?)" 'as a PVH guest'
runs 'it goes on' vm_pattern both
runs 'xl saves it' xl save both "$image2"
sed -i -e 's/^type = .*/type = pvh/' -e '/^startup/d' "$(vm_file both)"
echo "startup = restore-del $image2" >>"$(vm_file both)"
runs 'xenvm restores that' xenvm "$(vm_file both)"
runs 'it goes on' vm_pattern both
ok "$(! guest_said both '^guest: up|BAD' "$mark"; echo $?)" 'from where it was'
vm_down both
rm -f "$image" "$image2"
world_is "$before" 'nothing is left'
rm -rf $work
for n in 0 1; do ip link del xenbr$n; done
done_testing

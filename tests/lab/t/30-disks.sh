#!/bin/bash
# Disks: each kind of them, what the guest writes is what the host reads, who else has them, what is wrong with them.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

work=/root/disks
image=$lab_tmp/image
mkdir -p $work /run/xenvm
runs 'a volume group' sh -c "truncate -s 64M $work/pv && losetup /dev/loop20 $work/pv &&
    pvcreate -q /dev/loop20 && vgcreate -q vg /dev/loop20 && lvcreate -q -L 16M -n test vg"
truncate -s 16M $work/raw $work/secret $work/cd $work/aio
runs 'images for qemu' sh -c "qemu-img create -q -f qcow2 $work/qcow2 16M && qemu-img create -q -f vpc $work/vhd 16M &&
    qemu-img create -q -f qcow $work/qcow 16M"
(umask 077 && head -c 64 /dev/urandom >$work/key)
echo 'on the disc' | dd of=$work/cd conv=notrunc 2>/dev/null
before=$lab_tmp/before
world >"$before"

# vm_shell NAME COMMAND: in the guest; fails unless the command does well

# --- every kind in one guest

disks=(/dev/vg/test:phy:xvda:w:disk "$work/raw:file:xvdb:w:disk" "$work/qcow2:qcow2:xvdc:w:disk"
    "$work/vhd:vhd:xvdd:w:disk" "$work/aio:aio:xvde:w:disk"
    "$work/secret:file:xvdf:w:disk:cipher=aes-xts-plain64:key-size=512:key-file=$work/key"
    "$work/cd:file:xvdg:r:cdrom")
vm_config all memory=96
for disk in "${disks[@]}"; do echo "disk = $disk"; done >>"$(vm_file all)"
mark=$(guest_mark all)
runs 'a guest with seven disks' xenvm "$(vm_file all)"
runs 'is up' vm_ready all "$mark"
runs 'they are listed' xenvm-cmd all disk-list
is "$(printf '%s\n' "$output" | awk 'NR > 1 { print $1, $4, $5, $6, $7 }' | tr '\n' ';')" \
    'xvda phy w disk connected;xvdb file w disk connected;xvdc qcow2 w disk connected;xvdd vhd w disk connected;xvde aio w disk connected;xvdf file w disk connected;xvdg file r cdrom connected;' \
    'as they are'
is "$(xenvm-cmd --json all disk-list | jq -r '.disks | length, .[0].number')" '7
51712' 'and as objects'
runs 'the guest knows file systems' guest_ask all 'load ext4' '^loaded' 20
for letter in a b c d e f; do
    runs "xvd$letter: file system, file, sync" vm_shell all "mke2fs /dev/xvd$letter >/dev/null && mkdir /$letter && mount -t ext4 /dev/xvd$letter /$letter && head -c 3000000 /bin/busybox >/$letter/data && echo $letter >/$letter/name && sync" 60
done
sum=$(head -c 3000000 /bin/busybox | md5sum | cut -d ' ' -f 1)
runs 'the cdrom is read' vm_shell all "head -c 11 /dev/xvdg | grep -q '^on the disc'"
runs 'it cannot be written' vm_shell all "! dd if=/bin/busybox of=/dev/xvdg bs=512 count=1 2>/dev/null"

# --- over a suspend, with files open

# shellcheck disable=SC2016 # the guest's shell has them
runs 'a file is being written' guest_ask all 'sh (i=0; while sleep 0.1; do i=$((i + 1)); echo $i; done >/b/log) & echo begun' '^begun' 20
runs 'suspend' xenvm-cmd all suspend file="$image"
# shellcheck disable=SC2012 # names of ours
is "$(ls /run/xenvm/hotplug)$(losetup -n -O NAME | grep -v loop20)" '' 'nothing of the disks is left on the host'
runs 'restore' xenvm-cmd all restore file="$image"
runs 'the guest goes on' guest_ask all 'sh sleep 1; tail -n 1 /b/log >/tmp/first; sleep 1; tail -n 1 /b/log >/tmp/then; cmp /tmp/first /tmp/then >/dev/null || echo writes on' '^writes on' 30
for letter in a b c d e f; do
    runs "xvd$letter is as it was" vm_shell all "[ \"\$(md5sum </$letter/data | cut -c 1-32)\" = $sum ]"
done
runs 'a new monitor' sh -c "xenvm-cmd all quit && xenvm $(vm_file all)"
is "$(xenvm-cmd all disk-list | grep -c connected)" 7 'has all of them'
runs 'shutdown' xenvm-cmd all shutdown
xenvm-cmd all quit
world_is "$before" 'nothing is left'

# --- what the guest wrote is there

# sound NAME DEVICE: dom0 checks the file system and reads the same bytes
sound() {
    local status
    e2fsck -fn "$2" && mount -o ro "$2" /mnt || return
    [ "$(cat /mnt/name) $(md5sum </mnt/data | cut -d ' ' -f 1)" = "$1 $sum" ]
    status=$?
    umount /mnt
    return "$status"
}
runs 'the volume is sound' sound a /dev/vg/test
runs 'the file is sound' sound b $work/raw
for image_of in c:qcow2 d:vhd; do
    name=${image_of#*:}
    qemu-img convert -O raw $work/"$name" "$work/$name.raw"
    runs "the $name image is sound" sound "${image_of%:*}" "$work/$name.raw"
done
runs 'the raw file of qemu is sound' sound e $work/aio
ok "$(grep -qa busybox $work/secret; echo $((! $?)))" 'the encrypted one cannot be read'
losetup /dev/loop21 $work/secret
cryptsetup open --type plain --cipher aes-xts-plain64 --key-size 512 --key-file $work/key /dev/loop21 secret
runs 'but with the key' sound f /dev/mapper/secret
cryptsetup close secret
losetup -d /dev/loop21
world_is "$before" 'the host is as before'

# --- the disks of an old PC, in a PV guest

vm_config old cmdline+=lab.quiet "disk=$work/raw:file:hda:w:disk"
echo "disk = $work/cd:file:hdc:r:cdrom" >>"$(vm_file old)"
runs 'a guest with hda and hdc' vm_boot old
is "$(xenvm-cmd --json old disk-list | jq -r '.disks[] | "\(.disk) \(.number) \(.device) \(.state)"' | tr '\n' ';')" \
    'hda 768 disk connected;hdc 5632 cdrom connected;' 'both are connected'
# Linux calls them xvda and xvdc.
runs 'it writes to the disk' vm_shell old 'echo by an old name | dd of=/dev/xvda bs=512 conv=sync,fsync 2>/dev/null'
is "$(head -n 1 $work/raw)" 'by an old name' 'which has it'
runs 'it reads the disc' vm_shell old "head -c 11 /dev/xvdc | grep -q '^on the disc'"
runs 'a third one comes' xenvm-cmd old disk-add "$work/aio:file:hdd:w:disk"
runs 'and goes' xenvm-cmd old disk-del hdd
vm_down old
world_is "$before" 'nothing is left'

# --- the example that it all began with

seed=00000000-0000-0000-0000-000000000001
cp /lab/guest/grub-xen.bin /boot/vmlinuz-2.6.18-xenU
ip link add xenbr0 type bridge
cat >"$lab_tmp/seed.cfg" <<END
uuid = $seed
hvm = false
kernel = /boot/vmlinuz-2.6.18-xenU
cmdline = root=/dev/sda1 ro
memory = 64
disk = /dev/vg/test:phy:sda:w:disk
vif =
END
mark=$(guest_mark $seed)
runs 'the example starts' xenvm "$lab_tmp/seed.cfg"
runs 'its guest is up' guest_wait $seed '^grub> ' 120 "$mark"
runs 'and has the disk' guest_ask $seed ls '\(xen/sda\)' 60
is "$(xenvm-cmd $seed nic-list | awk 'NR > 1 { print $1, $3 }')" '0 xenbr0' 'and the card'
vm_down $seed
ip link del xenbr0
rm /boot/vmlinuz-2.6.18-xenU
world_is "$before" 'nothing is left'

# --- what is in a guest's disk is the guest's

# A volume group; and a file system by a label, behind encryption.
truncate -s 16M $work/group $work/label
losetup /dev/loop21 $work/group
{ pvcreate -q /dev/loop21 && vgcreate -q theirs /dev/loop21 && lvcreate -q -L 4M -n volume theirs; } 2>/dev/null
losetup /dev/loop22 $work/label
cryptsetup open --type plain --cipher aes-xts-plain64 --key-size 512 --key-file $work/key /dev/loop22 label
mke2fs -q -L theirs /dev/mapper/label
udevadm settle
in_host() { for link in /dev/theirs/volume /dev/disk/by-label/theirs; do [ -e $link ] && echo $link; done; }
udevadm trigger --settle /sys/class/block/dm-*
is "$(in_host | wc -l)" 2 'the host has a volume, and a disk by its label'
vgchange -q -an theirs 2>/dev/null
cryptsetup close label
losetup -d /dev/loop21 /dev/loop22
udevadm settle
is "$(in_host)" '' 'no more'
vm_tiny theirs idle && vm_down theirs
world_is "$before" 'nothing is left'
vm_config theirs "kernel=$lab_tmp/idle" initrd= cmdline= memory=4 disk=$work/group:file:xvda:w:disk
echo "disk = $work/label:file:xvdb:w:disk:cipher=aes-xts-plain64:key-size=512:key-file=$work/key" >>"$(vm_file theirs)"
runs 'they are the disks of a guest' xenvm "$(vm_file theirs)"
sleep 1
udevadm settle
is "$(in_host)" '' 'and the host has neither'
vm_down theirs
world_is "$before" 'nothing is left'
runs 'a raw file of aio that is only read' vm_tiny theirs idle disk=$work/aio:aio:xvda:r:disk
is "$(xenvm-cmd --json theirs disk-list | jq -r '.disks[0].type') $(pgrep -fc "name xenvm-$(vm_get theirs uuid)")" 'aio 0' 'needs no qemu'
vm_down theirs

# --- who has it

runs 'one VM has the volume' vm_tiny one idle disk=/dev/vg/test:phy:xvda:w:disk
# other CAUSE NAME DISK: another VM may not have it, and leaves nothing
other() {
    vm_config two "kernel=$lab_tmp/idle" initrd= cmdline= memory=4 disk="$3"
    refused 1 "^xenvm: start: cannot attach (disk|cdrom) xvda.*: $1" "$2" xenvm "$(vm_file two)"
}
has_it="in use by VM one \\($(vm_uuid one)\\)$"
other "$has_it" 'another may not write to it' /dev/vg/test:phy:xvda:w:disk
other "$has_it" 'nor read it' /dev/vg/test:phy:xvda:r:disk
other "$has_it" 'nor by another name' /dev/mapper/vg-test:phy:xvda:w:disk
vm_tiny two idle disk=/dev/vg/test:phy:xvda:w:disk:share=true
is "$(vm_state two)" running 'but share=true'
vm_down two
vm_down one
runs 'one VM reads a file' vm_tiny one idle disk=$work/raw:file:xvda:r:disk
other "$has_it" 'another may not write to it' "$work/raw:file:xvda:w:disk"
other "$has_it" 'also by qemu' "$work/raw:aio:xvda:w:disk"
vm_tiny two idle "disk=$work/raw:file:xvda:r:disk"
is "$(vm_state two)" running 'but read it'
vm_down two
vm_down one
runs "one VM has an image of qemu's" vm_tiny one idle disk=$work/qcow2:qcow2:xvda:w:disk
other "$has_it" 'another may not have it' "$work/qcow2:qcow2:xvda:w:disk"
vm_down one
mount /dev/vg/test /mnt
other 'in use: mounted on /mnt$' 'one that dom0 has mounted is refused' /dev/vg/test:phy:xvda:w:disk
umount /mnt
other 'in use by vg-test$' 'and one that a volume group is on' /dev/loop20:phy:xvda:w:disk
losetup /dev/loop21 $work/raw
other 'in use by /dev/loop21$' 'and a file that has a loop device' "$work/raw:file:xvda:w:disk"
losetup -d /dev/loop21

# --- what is wrong

other 'No such file or directory$' 'a path that is not there' /dev/vg/none:phy:xvda:w:disk
other 'Is a directory$' 'a directory' /dev:phy:xvda:w:disk
other 'not a block device .a file is phystype file.$' 'a file as a block device' $work/raw:phy:xvda:w:disk
other 'not a file .a block device is phystype phy.$' 'a block device as a file' /dev/vg/test:file:xvda:w:disk
other "this qemu can't serve an image for reading only" 'an image that is only read' $work/qcow2:qcow2:xvda:r:disk
other "Unknown driver 'qcow'$" "an image of qcow's first version, which Debian's qemu can't serve" $work/qcow:qcow:xvda:w:disk
other 'Image is not in qcow2 format$' 'rubbish as a qcow2 image' $work/raw:qcow2:xvda:w:disk
chmod 644 $work/key
other "others than its owner can use the key: chmod 600$" 'a key that everybody can read' \
    "$work/secret:file:xvda:w:disk:cipher=aes-xts-plain64:key-file=$work/key"
chmod 600 $work/key
other 'cryptsetup: ' 'a cipher that there is not' "$work/secret:file:xvda:w:disk:cipher=rot13:key-file=$work/key"
# The first that fails undoes those that are there, or on their way.
ip link add xenbr0 type bridge
world >"$lab_tmp/bridged"
vm_tiny two idle startup=shutdown "disk=$work/raw:file:xvda:w:disk" nic=bridge=xenbr0
printf 'disk = %s\n' "$work/aio:aio:xvdb:w:disk" "$work/secret:file:xvdc:w:disk:cipher=rot13:key-file=$work/key" >>"$(vm_file two)"
xenvm-cmd two read-config
xenvm-cmd two watch >"$lab_tmp/watched" &
watcher=$!
sleep 1
refused 1 '^xenvm-cmd: two: cannot attach disk xvdc [(].*/secret[)]: cryptsetup: .*failed: No such file or directory$' 'the last of some devices fails' xenvm-cmd two start
kill "$watcher"
wait "$watcher" 2>/dev/null
like "$(cat "$lab_tmp/watched")" 'creating-devices' 'when the others were being attached'
is "$(vm_state two) $(xenvm-cmd --json two disk-list | jq -r '.disks[].state' | tr '\n' ' ')" 'shutdown - - - ' 'none of them stays'
vm_down two
world_is "$lab_tmp/bridged" 'nothing is left of them'
ip link del xenbr0
vm_config two "kernel=$lab_tmp/idle" initrd= cmdline= memory=4 disk=/dev/vg/test:phy:xvda:w:disk
echo "disk = $work/raw:file:xvda:w:disk" >>"$(vm_file two)"
refused 1 "disk: virtpath 'xvda' is that of another disk" 'the same virtpath twice' xenvm "$(vm_file two)"
rm -rf "${lab_tmp:?}/two.cfg"
world_is "$before" 'nothing is left'

vgchange -q -an vg
losetup -d /dev/loop20
rm -rf $work
done_testing

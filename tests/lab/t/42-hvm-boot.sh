#!/bin/bash
# HVM guests and their machine: started from a disc that is made here, from a disk that it is installed to, seen and used
# over VNC; asleep and woken; with a power button, and no drivers for Xen.
# shellcheck disable=SC2016 # what the guest is told
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
work=/root/hvm
mkdir -p $work/disc
truncate -s 32M $work/disk
loop=$(losetup --find --show $work/disk)
world >"$before"

# make_disc FILE COMMAND-LINE: boots the guest when a key is pressed, as a disc and as a disk
make_disc() {
    (cd "$work/disc" && cp /lab/guest/initrd-more initrd && cp /lab/guest/vmlinuz \
        /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 . && printf '%s\n' 'DEFAULT lab' 'PROMPT 1' 'SAY Hello from the disc' \
        'LABEL lab' 'KERNEL vmlinuz' "APPEND initrd=initrd $2" >isolinux.cfg)
    xorriso -as mkisofs -quiet -V LAB -isohybrid-mbr /usr/lib/ISOLINUX/isohdpfx.bin -c boot.cat -b isolinux.bin \
        -no-emul-boot -boot-load-size 4 -boot-info-table -o "$1" "$work/disc" 2>/dev/null
}

# --- from a disc, onto a disk, and from that

runs 'a disc' make_disc $work/lab.iso "console=hvc0 quiet $guest_quick lab.pattern=1 lab.quiet"
# The oldest example, but for its paths.
cat >"$(vm_file boot)" <<EOF
uuid = 00000000-0000-0000-0000-000000000002
hvm = true
memory = 256
disk = $loop:phy:hda:w:disk
disk = $work/lab.iso:file:hdd:r:cdrom
boot = dc
pae = true
acpi = true
apic = true
EOF
vm_uuids[boot]=00000000-0000-0000-0000-000000000002
runs 'a guest of no more than that' xenvm "$(vm_file boot)"
is "$(vm_state boot) $(vm_get boot name)" 'running 00000000-0000-0000-0000-000000000002' 'runs'
refused 1 'the VM has no display [(]display = vnc[)]$' 'and shows nothing to anybody' xenvm-cmd 00000000-0000-0000-0000-000000000002 get-vnc
vm_down boot
printf 'name = boot\ndisplay = vnc,keymap=en-us,port=5907\nqemu-dm-user = nobody\nnotify = unix,%s\n' $work/socket >>"$(vm_file boot)"
socat -u UNIX-LISTEN:$work/socket,fork OPEN:$work/told,creat,append &
listener=$!
mark=$(guest_mark boot)
runs 'a guest that boots from it' xenvm "$(vm_file boot)"
is "$(xenvm-cmd --json boot get-vnc | jq -r '"\(.host) \(.port)"')" '127.0.0.1 5907' 'its display is where it was asked for'
shows() {
    xenvm-cmd boot screenshot file="$work/screen.png" && head -c 4 "$work/screen.png" | grep -q PNG &&
        ocrad --scale=2 -i "$work/screen.png" >"$lab_tmp/read" 2>/dev/null && grep -qE "$1" "$lab_tmp/read"
}
runs 'a screenshot shows what the firmware says' wait_for 60 shows 'BIOS .*debian' || note "$(cat "$lab_tmp/read")"
runs 'and the disc' wait_for 60 shows 'Hello From the disc' || note "$(cat "$lab_tmp/read")"
runs 'a VNC client sees it' vncsnapshot -quiet -allowblank 127.0.0.1:7 $work/client.jpg
/lab/tests/read-jpeg.py $work/client.jpg >$work/client.pgm
like "$(ocrad --scale=2 -i $work/client.pgm 2>/dev/null)" 'Hello From the disc' 'as it is'
runs 'a key starts it' xenvm-cmd boot sendkey keys=ret
runs 'the guest is up' guest_wait boot '^guest: ready' 400 "$mark"
runs 'it sees the disc' guest_ask boot 'sh for m in ata_piix sr_mod isofs; do for f in /modules/$m/*; do insmod $f 2>/dev/null; done; done; sleep 2; mkdir -p /cd; mount -t iso9660 /dev/sr0 /cd && ls /cd' '^status 0' 60
runs 'and installs it' vm_shell boot 'dd if=/dev/sr0 of=/dev/xvda bs=64k conv=fsync 2>/dev/null' 120
is "$(cmp -n "$(stat -c %s $work/lab.iso)" $work/lab.iso $work/disk && echo same)" same 'on its disk'
qemu=$(pgrep -f "xen-domid $(vm_domid boot) ")
is "$(ps -o user= -p "$qemu") $(grep -c '^Cap...:[[:space:]]*0*$' "/proc/$qemu/status")" 'nobody 4' 'its device model has no rights'
is "$(readlink "/proc/$qemu/root")" "/run/xenvm/vm-$(vm_uuid boot).root" 'and sees no files'
arguments=$(tr '\0' '\n' <"/proc/$qemu/cmdline")
like "$arguments" '^-xen-domid-restrict$' 'it reaches no other domain'
is "$(ps -o sid=,pgid= -p "$qemu" | tr -s ' ')" " $qemu $qemu" 'no signal for the monitor and its group is for it'
filter='0 0'
! ldd "/proc/$qemu/exe" | grep -q libseccomp || filter='1 2'
is "$(grep -cx -- -sandbox <<<"$arguments") $(awk '$1 == "Seccomp:" { print $2 }' "/proc/$qemu/status")" "$filter" \
    'its system calls are filtered if it can do that'
runs 'keys are pressed' xenvm-cmd boot sendkey keys='ctrl-alt-f2 a b shift-c ret'
refused 1 '^xenvm-cmd: boot: qemu: .*' 'not those that there are none of' xenvm-cmd boot sendkey keys=warp
refused 1 'qemu: .* .not pressed: warp ret.$' 'whichever of them it is' xenvm-cmd boot sendkey keys='a warp ret'
refused 1 'keys: names no key$' 'nor none' xenvm-cmd boot sendkey keys=' '
refused 4 'the guest did not let go of what is in hdd in 3 s' 'a disc in use stays' xenvm-cmd boot cd-eject hdd timeout=3
runs 'unless it is taken out by force' xenvm-cmd boot cd-eject hdd force=true
vm_shell boot 'umount /cd'
runs 'suspend' xenvm-cmd boot suspend file="$lab_tmp/image"
runs 'restore' xenvm-cmd boot restore file="$lab_tmp/image"
runs 'its memory is whole' vm_pattern boot
# What its buttons do.
buttons='for m in button evdev; do for f in /modules/$m/*; do insmod $f 2>/dev/null; done; done'
buttons+='; for e in /sys/class/input/event*; do read -r name <$e/device/name; case $name in'
buttons+=' Power*) (head -c 1 /dev/input/${e##*/} >/dev/null; echo power button) & ;;'
buttons+=' Sleep*) (head -c 1 /dev/input/${e##*/} >/dev/null; echo mem >/sys/power/state; echo it woke) & ;; esac; done'
runs 'it listens to its buttons' vm_shell boot "$buttons"
mark=$(guest_mark boot)
runs 'one is pressed' xenvm-cmd boot trigger power
runs 'it felt it' wait_for 20 guest_said boot '^power button' "$mark"
runs 's3suspend presses the other' xenvm-cmd boot s3suspend
asleep() { [ "$(xenvm-cmd boot get-acpi-state)" = "$1" ]; }
runs 'which can be seen' wait_for 60 asleep 3
is "$(vm_state boot)" running 'as for the VM, it runs'
runs 'it is woken' xenvm-cmd boot trigger s3resume
runs 'which can be seen, too' wait_for 60 asleep 0
runs 'and it says so' wait_for 60 guest_said boot '^it woke' "$mark"
is "$(grep -o ':8192:.*' $work/told | tr '\n' ' ')" ':8192:power-state:3 :8192:power-state:0 ' 'whom notify names heard of both'
kill "$listener"
chmod 600 $work/lab.iso
runs 'another one is put in' xenvm-cmd boot cd-insert-file hdd file=$work/lab.iso
runs 'its memory is whole' vm_pattern boot
sed -i 's/^boot = dc/boot = c/; /cdrom$/d' "$(vm_file boot)"
runs 'a new configuration' xenvm-cmd boot read-config
old=$(vm_domid boot)
runs 'the guest reboots' xenvm-cmd boot restart
runs 'in another domain' vm_moved boot "$old"
runs 'from its disk, which asks again' wait_for 60 shows 'Hello From the disc' || note "$(cat "$lab_tmp/read")"
old=$(vm_domid boot)
runs 'it is reset' xenvm-cmd boot trigger reset
runs 'and begins anew' wait_for 60 vm_moved boot "$old"
runs 'from its disk' wait_for 60 shows 'Hello From the disc' || note "$(cat "$lab_tmp/read")"
refused 4 'the guest did not power off in 3 s after its power button was pressed$' 'a loader knows no button' xenvm-cmd boot shutdown timeout=3
refused 1 'the guest has no drivers for Xen that know s4 ' 'nor how to sleep on its disk' xenvm-cmd boot s4suspend
vm_down boot
world_is "$before" 'nothing is left'
losetup -d "$loop"
rm -rf $work
done_testing

#!/bin/bash
# HVM guests with drivers for Xen: what can be wrong before they run, disks and cards of their machine and beside it, every
# command, suspends and restores, a device model and a monitor that die.
# shellcheck disable=SC2016 # what the guest is told
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
image=$lab_tmp/image
cycles=${LAB_CYCLES:-10}
work=/root/hvm
mkdir -p $work
truncate -s 16M $work/raw $work/cd
qemu-img create -q -f qcow2 $work/qcow2 16M
echo 'first disc' | dd of=$work/cd conv=notrunc 2>/dev/null
sed 's/first/other/' $work/cd >$work/cd2
sed 's/first/third/' $work/cd >$work/cd3
loop=$(losetup --find --show $work/cd3)
host_bridges
world >"$before"

# --- what is wrong

wrong() {
    vm_config wrong hvm=true memory=64 kernel= initrd= cmdline= "${@:3}"
    refused 1 "$1" "$2" xenvm "$(vm_file wrong)"
}
echo hello >$work/rubbish
: >$work/empty
wrong 'firmware /nowhere: No such file' 'firmware that is not there' firmware=/nowhere
wrong "firmware $work/rubbish: not a kernel that can be started as a HVM guest" 'firmware that is none' firmware=$work/rubbish
wrong "bios $work/empty: the file is empty$" 'an empty BIOS' bios=$work/empty
wrong "bios $work/rubbish: not a BIOS: no jump 16 bytes before its end$" 'a BIOS that is none' bios=$work/rubbish
wrong "bios $work/raw: not a BIOS for Xen's hvmloader: it is larger than 256 KiB$" 'too large a BIOS' bios=$work/raw
wrong 'not enough memory: the guest needs [0-9]+ MiB, the host has [0-9]+ MiB free$' 'more memory than there is' memory=90000
wrong 'cannot start qemu: /nowhere: No such file or directory$' 'no qemu' qemu-dm-path=/nowhere
printf '#!/bin/sh\necho "qemu-lab: nothing works today" >&2\nexit 3\n' >$work/dead
printf '#!/bin/sh\nexec sleep 60\n' >$work/slow
chmod +x $work/dead $work/slow
wrong 'qemu has ended: /bin/true said nothing$' 'no qemu but another program' qemu-dm-path=/bin/true
wrong 'qemu has ended: /bin/echo said last: -xen-domid [0-9]+ ' 'one that talks' qemu-dm-path=/bin/echo
wrong 'qemu has ended: qemu-lab: nothing works today$' 'a qemu that dies' qemu-dm-path=$work/dead
wrong 'qemu has ended: .*' 'a user that there is not' qemu-dm-user=lab
wrong 'disk xvdb: a qemu with qemu-dm-user serves no disks' 'a disk of a qemu without rights' qemu-dm-user=nobody disk=$work/qcow2:qcow2:xvdb:w:disk
wrong 'qemu was not ready in 2 s$' 'a qemu that does not get ready' qemu-dm-path=$work/slow qemu-dm-timeout=2
wrong 'qemu has ended: .*-warp: invalid option$' 'an argument that qemu has not' extra-hvm=warp
wrong "disk hda: the emulated machine has no read-only disks" 'a read-only IDE disk' disk=$work/raw:file:hda:r:disk
wrong 'disk hda: the emulated machine has no disks of a driver domain' 'an IDE disk of a driver domain' \
    disk=/dev/xvda:phy:hda:w:disk:backend-domid=999
wrong "cannot attach disk hdc .*/gone.*: No such file|/gone: No such file" 'a disc that is gone' disk=$work/gone:file:hdc:r:cdrom
socat TCP-LISTEN:5911,bind=127.0.0.1,reuseaddr SYSTEM:cat &
taken=$!
wait_for 20 bash -c 'ss -ltn 2>/dev/null | grep -q 5911 || grep -q ":1717 " /proc/net/tcp' || note 'the port is not taken'
wrong 'qemu has ended: .*5911|qemu has ended: .*Address already in use|qemu has ended: .*port' 'a display whose port is taken' \
    display=vnc,use-port-unused=false,port=5911
wrong 'qemu has ended: .*Address already in use' 'a serial port whose port is taken' serial=tcp:127.0.0.1:5911
kill $taken
wait $taken 2>/dev/null
world_is "$before" 'nothing is left of them'

# --- one with everything

# 40-pvh.sh tells why it has so much memory.
vm_config hvm hvm=true memory=128 kernel=/lab/guest/vmlinuz initrd=/lab/guest/initrd-more cmdline+=lab.quiet disk=$work/raw:file:hda:w:disk \
    display=vnc nic=bridge=xenbr0,model=e1000 platform=lab=yes cpuid=sse3=0 nx=false timeoffset=3600
printf 'disk = %s\n' "$work/qcow2:qcow2:xvdb:w:disk" "$work/cd:file:hdc:r:cdrom" >>"$(vm_file hvm)"
printf 'nic = bridge=xenbr1\n' >>"$(vm_file hvm)"
runs 'an HVM guest with two disks, a disc and two cards' vm_boot_bridged hvm 1
tells() { guest_ask hvm "sh $1" "$2" 60; }
is "$(xenvm-cmd --json hvm disk-list | jq -r '.disks[].state' | tr '\n' ' ')" 'connected connected emulated ' 'its disks'
is "$(xenvm-cmd --json hvm nic-list | jq -r '.nics[].state' | tr '\n' ' ')" 'connected connected ' 'and cards'
like "$(tr '\0' '\n' <"/proc/$(pgrep -f "xen-domid $(vm_domid hvm) ")/cmdline")" '^e1000,id=' 'its machine has the card that was asked for'
runs 'which is unplugged where there are better drivers' tells \
    'echo cards: $(grep -l 0x020000 /sys/bus/pci/devices/*/class) $(ls /sys/class/net)' '^cards: eth0 eth1 lo$'
is "$(vm_node hvm platform/lab)" yes 'what it is told of its platform'
runs 'without two features' tells 'grep -cwE "pni|nx" /proc/cpuinfo' '^0$'
is_ahead() {
    guest_ask hvm date '^date ' 20 && [ $((${guest_line#date } - $(date +%s))) -gt 3540 ] &&
        [ $((${guest_line#date } - $(date +%s))) -lt 3660 ]
}
runs 'an hour ahead' is_ahead || note "$guest_line, here it is $(date +%s)"
runs 'it writes' vm_shell hvm 'for d in a b; do echo written to $d | dd of=/dev/xvd$d conv=fsync 2>/dev/null || exit; done'
is "$(head -c 12 $work/raw)" 'written to a' 'the host reads it'
runs 'the host reaches it' busybox ping -q -c 3 10.0.0.11
runs 'the disc' tells 'for m in ata_piix sr_mod; do for f in /modules/$m/*; do insmod $f 2>/dev/null; done; done; sleep 2; head -n 1 /dev/sr0' '^first disc'
runs 'of its disks, the disc alone is in its machine' tells 'echo disks: $(cat /sys/bus/scsi/devices/[0-9]*/type)' '^disks: 5$'
runs 'another one' xenvm-cmd hvm cd-insert-file hdc file=$work/cd2
runs 'is there' tells 'for i in 1 2 3 4; do sleep 1; head -n 1 /dev/sr0 2>/dev/null && break; done' '^other disc'
runs 'it is taken out' xenvm-cmd hvm cd-eject hdc
refused 1 'hdc is empty' 'once' xenvm-cmd hvm cd-eject hdc
runs 'one of a device is put in' xenvm-cmd hvm cd-insert-real hdc device="$loop"
runs 'is there' tells 'for i in 1 2 3 4; do sleep 1; head -n 1 /dev/sr0 2>/dev/null && break; done' '^third disc'
runs 'and taken out' xenvm-cmd hvm cd-eject hdc
refused 1 'hda is part of the emulated machine' 'its disk stays' xenvm-cmd hvm disk-del hda
runs 'another disk' xenvm-cmd hvm disk-add $work/cd:file:xvdd:r:disk
runs 'comes and goes' xenvm-cmd hvm disk-del xvdd
runs 'an interrupt that no processor ignores' xenvm-cmd hvm trigger nmi
runs 'is felt' tells 'dmesg | grep -c "NMI received for unknown reason"' '^1$'
runs 'pause' xenvm-cmd hvm pause
runs 'unpause' xenvm-cmd hvm unpause
is "$(xenvm-cmd hvm get-acpi-state) $(xenvm-cmd hvm get-stubdomid)" '0 -1' 'awake, without a stub domain'

# --- again and again

mark=$(guest_mark hvm)
done=0
while [ "$done" -lt "$cycles" ] && vm_round_trip hvm "$image" "$mark" live="$((done % 2))" >"$lab_tmp/cycle" 2>&1; do done=$((done + 1)); done
is "$done" "$cycles" "$cycles suspends, every other one live" || {
    note "$(tail -n 1 "$lab_tmp/cycle"); $(vm_state hvm), for Xen $(guest_state hvm)"
    xenctx=(/usr/lib/xen-*/bin/xenctx)
    for _ in 1 2; do note "$("${xenctx[0]}" "$(vm_domid hvm)" 2>&1 | head -n 2 | xargs)"; done
    # Who answers to requests in there, and what it waits for.
    vm_shell hvm 'for p in /proc/[0-9]*; do read -r n <$p/comm; case $n in xen*) echo $n; cat $p/stack;; esac; done'
    note "$(tail -n 40 "$(guest_log hvm)")"
    note "$(cat "$lab_tmp/cycle")"
}
runs 'it has its disk' tells 'head -n 1 /dev/xvda' '^written to a'
runs 'and its cards' busybox ping -q -c 3 10.0.1.11
runs 'a checkpoint' xenvm-cmd hvm checkpoint file="$image"
runs 'is sound' verify-stream-v2 -f xl -i "$image"
rm -f "$image"
runs 'the guest goes on' vm_goes_on hvm "$mark"

# --- and xl

runs 'it is suspended' xenvm-cmd hvm suspend file="$image"
runs 'its monitor ends' xenvm-cmd hvm quit
runs 'xl restores it' xl restore "$image"
runs 'it goes on' vm_pattern hvm
rm -f "$image"
runs 'xl saves it' xl save hvm "$image"
cp "$(vm_file hvm)" "$lab_tmp/plain"
echo "startup = restore-del $image" >>"$(vm_file hvm)"
runs 'xenvm restores that' xenvm "$(vm_file hvm)"
cp "$lab_tmp/plain" "$(vm_file hvm)"
runs 'the guest goes on' vm_goes_on hvm "$mark"
runs 'with its disk' tells 'head -n 1 /dev/xvda' '^written to a'
runs 'and its cards' busybox ping -q -c 3 10.0.1.11

# --- who dies

kill -9 "$(vm_get hvm pid)"
runs 'a new monitor takes it over' xenvm "$(vm_file hvm)"
is "$(vm_state hvm)" running 'as it is'
runs 'and its device model' xenvm-cmd hvm screenshot file=$work/screen.png
pkill -9 -f "xen-domid $(vm_domid hvm) "
runs 'a guest without a device model has crashed' wait_for 30 vm_is hvm shutdown
is "$(vm_get hvm reason)" crash 'and it says so'
vm_down hvm
world_is "$before" 'nothing is left'
losetup -d "$loop"
rm -rf $work
for n in 0 1; do ip link del xenbr$n; done
done_testing

#!/bin/bash
# An HVM guest is installed from a disc, in a one-off boot of a service. It reboots by itself, from its disk, whoever has
# died meanwhile.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh
# shellcheck source=../services.sh source-path=SCRIPTDIR
. /lab/tests/services.sh

before=$lab_tmp/before
work=/root/installer
other=$work/other.cfg
mkdir -p $work/disc
world >"$before"

ip link set lo up
socat -u UNIX-LISTEN:$work/socket,fork OPEN:$work/told,creat,append &
listener=$!
: >$work/told
# What notify has told of the states since a line of it:  told LINES
told() { tail -n "+$(($1 + 1))" $work/told | sed -n 's/.*:vm:state://p' | tr '\n' ' '; }
lines() { wc -l <$work/told; }

# says LETTER: the guest says it on its serial port
says() {
    local letter
    { exec 9<>/dev/tcp/127.0.0.1/4556; } 2>/dev/null && read -r -n 1 -t 3 -u 9 letter && [ "$letter" = "$1" ]
}
# it_is_told: to go on
it_is_told() { exec 9<>/dev/tcp/127.0.0.1/4556 && read -r -n 1 -t 3 -u 9 && printf x >&9; }
arguments() { tr '\0' ' ' <"/proc/$(pgrep -f "xen-domid $(vm_domid inst) ")/cmdline" | grep -oE 'order=[a-z]+|ide-[a-z]+' | tr '\n' ' '; }
# installs: the disk is empty again, and the guest is there, from the disc
installs() {
    dd if=/dev/zero of="$work/disk" bs=512 count=1 conv=notrunc 2>/dev/null
    xenvm-cmd inst start config="$other" && wait_for 60 says d
}
monitor_changed() { [ "$(of inst MainPID)" != "$1" ] && [ "$(of inst MainPID)" != 0 ] && [ "$(of inst ActiveState)" = active ]; }
has_ended() { [ "$(of inst ActiveState)" = inactive ]; }

/lab/tests/guest/installer $work/disc/boot
runs 'a disc' xorriso -as mkisofs -quiet -b boot -no-emul-boot -boot-load-size 4 -o $work/iso $work/disc
truncate -s 1M $work/disk
unit inst hvm=true memory=64 kernel= initrd= cmdline= boot=c disk=$work/disk:file:hda:w:disk startup=shutdown \
    serial=tcp:127.0.0.1:4556 notify=unix,$work/socket
sed -e 's/^boot = c/boot = d/; s/^memory = 64/memory = 68/; /^startup/d' "$(vm_file inst)" >$other
echo "disk = $work/iso:file:hdc:r:cdrom" >>$other
runs 'a service whose VM is to be down' ctl start inst
is "$(now inst)" 'active shutdown' 'is active'

# --- the monitor is killed while the guest is installed

at=$(lines)
runs 'a one-off boot from the disc' installs
is "$(arguments)$(vm_get inst one-off)" "order=d ide-hd ide-cd $other" 'has a drive, and boots from it'
seen=$(vm_xl inst)
is "${seen#* }" '68 1' 'with the memory of that file'
pid=$(of inst MainPID)
kill -KILL "$pid"
runs 'its monitor is killed: systemd starts another' wait_for 30 monitor_changed "$pid"
is "$(vm_state inst) $(vm_xl inst) $(vm_get inst one-off)" "running $seen $other" 'which knows what it has adopted'
runs 'the guest, which has not noticed,' says d
runs 'installs itself, and reboots' it_is_told
runs 'it has come from its disk' wait_for 60 says h
is "$(arguments)$(vm_get inst one-off)" 'order=c ide-hd ' 'which is all that it has'
is "$(vm_xl inst | cut -d ' ' -f 2)" 64 'with the memory of the lasting file'
runs 'as another domain' vm_moved inst "${seen%% *}"
is "$(dd if=$work/disk bs=1 skip=509 count=1 2>/dev/null)" h 'it has written itself to its disk'
is "$(told "$at")" 'creating-domain creating-devices created running running rebooting creating-domain creating-devices created running ' \
    'a listener has heard of it all'
runs 'destroy' xenvm-cmd inst destroy

# --- no monitor is there when it reboots

runs 'another one-off boot' installs
kill -TERM "$(of inst MainPID)"
runs 'its monitor ends' wait_for 10 has_ended
runs 'the guest installs itself, and reboots' it_is_told
runs 'which nobody sees' wait_for 20 guest_has_state inst s
runs 'start' ctl start inst
runs 'it comes from its disk' wait_for 60 says h
is "$(arguments)$(vm_get inst one-off)" 'order=c ide-hd ' 'which is all that it has'

xenvm-cmd inst destroy
ctl stop inst
kill "$listener"
rm -r $work /etc/xenvm
world_is "$before" 'nothing is left'
done_testing

#!/bin/bash
# What each key of an HVM guest's machine leads to: Xen's parameters, xenstore, qemu's arguments. 41-hvm.sh has more.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
world >"$before"

# One argument and its value in a line.
arguments() { tr '\0' ' ' <"/proc/$(pgrep -f "xen-domid $(vm_domid "$1") ")/cmdline" | sed 's/ -/\n-/g; s/ $//'; }
facts() { /lab/tests/hvm-facts.py "$(vm_domid "$1")" | tr '\n' ' '; }

# A machine that has not begun; with more lines of its configuration.
vm_machine() {
    local name=$1
    shift
    vm_config "$name" hvm=true startup=paused memory=64 kernel= initrd= cmdline= "$@"
    [ ! -e "$lab_tmp/more" ] || cat "$lab_tmp/more" >>"$(vm_file "$name")"
    xenvm "$(vm_file "$name")"
}

# What its processor has of SVM: 4, or 0 (bit 2 of ECX of CPUID's leaf 80000001).
svm() {
    local tool ecx
    tool=$(echo /usr/lib/xen-*/bin/xen-cpuid)
    ecx=$("$tool" -p "$(vm_domid "$1")" | sed -n 's/^ *80000001:[^ ]* -> .*:\([0-9a-f]*\):[0-9a-f]*$/\1/p')
    echo $((0x$ecx & 4))
}

# --- without any

runs 'a guest with a machine as it is by default' vm_machine plain
is "$(facts plain)" 'hpet 1 vpt-align 1 timer-mode 1 viridian 0 apic 1 vcpus 1 pae 1 nx 1 ' 'Xen has the defaults'
said=$(arguments plain)
for argument in '-boot order=cd' '-m 48' '-device VGA,vgamem_mb=16' '-vnc none' '-serial pty' '-net none' '-display none'; do
    like "$said" "^$argument\$" "qemu has $argument"
done
ok "$(! grep -qE '^-(no-acpi|usb|smp|k|append|kernel|runas|device (hda|AC97))' <<<"$said"; echo $?)" 'and nothing that nobody asked for'
is "$(vm_node plain platform/acpi) $(vm_node plain platform/acpi_s3)" '1 1' 'hvmloader makes ACPI tables'
is "$(svm plain)" 0 'its processor can run no guests'
vm_down plain
runs 'a guest with nested guests' vm_machine host nested=true
is "$(svm host)" 4 'has a processor for that'
vm_down host

# --- with all of them

printf 'extra-hvm = %s\n' rtc=clock=vm seed=7 >"$lab_tmp/more"
printf 'platform = %s\n' acpi_s4=0 lab=yes >>"$lab_tmp/more"
runs 'one with another' vm_machine other vcpus=2 memory=72 viridian=true hpet=false timer-mode=2 vpt-align=false acpi=false \
    apic=false nx=false pae=false boot=nd serial=tcp:127.0.0.1:4555 display=vnc,use-port-unused=false,keymap=de,port=5933 \
    videoram=8 usb=true sound=ac97 cpuid=sse3=0
like "$(facts other)" '^hpet 0 vpt-align 0 timer-mode 2 viridian [1-9][0-9]* apic 0 vcpus 2 pae 0 nx 0 $' 'Xen has it so'
said=$(arguments other)
for argument in '-boot order=nd' '-m 64' '-device VGA,vgamem_mb=8' '-vnc 127.0.0.1:33' '-k de' '-no-acpi' '-usb' '-device AC97' \
    '-serial tcp:127.0.0.1:4555,server=on,wait=off' '-smp 2,maxcpus=2' '-rtc clock=vm' '-seed 7'; do
    like "$said" "^$argument\$" "qemu has $argument"
done
is "$(vm_node other platform/acpi) $(vm_node other platform/acpi_s3)" '0 0' 'no ACPI tables'
is "$(vm_node other platform/acpi_s4) $(vm_node other platform/lab)" '0 yes' 'the platform folder'
is "$(xenvm-cmd --json other get-vnc | jq -r '"\(.host) \(.port)"')" '127.0.0.1 5933' 'the display'
runs 'its serial port is there' bash -c ': </dev/tcp/127.0.0.1/4555'
vm_down other
rm "$lab_tmp/more"

for sound in hda es1370 sb16; do
    runs "a guest with the sound card $sound" vm_machine loud sound=$sound serial=none
    like "$(arguments loud)" "^-device ($sound|${sound^^}|intel-$sound)\$" 'qemu has it'
    ok "$(! arguments loud | grep -q '^-serial'; echo $?)" 'and no serial port'
    vm_down loud
done

# --- where its display is

shown_at() { xenvm-cmd --json "$1" get-vnc | jq -r .port; }
socat TCP-LISTEN:5911,bind=127.0.0.1 SYSTEM:cat &
taken=$!
wait_for 20 grep -q '0100007F:1717 ' /proc/net/tcp || note 'the port is not taken'
runs 'a guest whose display has a port that is taken' vm_machine shown display=vnc,port=5911
is "$(shown_at shown)" 5912 'gets the next one'
vm_down shown
kill $taken
wait $taken 2>/dev/null
runs 'one whose port is beyond the first hundred' vm_machine shown display=vnc,port=6100
is "$(shown_at shown)" 6100 'gets it'
like "$(arguments shown)" '^-vnc 127.0.0.1:200,to=299$' 'and would get the 99 behind it'
vm_down shown
runs 'one with the last port that there is' vm_machine shown display=vnc,port=65535
is "$(shown_at shown)" 65535 'gets that'
vm_down shown

# --- what qemu may say, and what becomes of a guest that has none any more

runs 'a guest' vm_machine plain
log=/run/xenvm/vm-$(vm_uuid plain).qemu.log
head -c 300000 /dev/zero | tr '\0' x >>"$log"
# What came after the cut stays.
is_short() { [ "$(stat -c %s "$log")" -le 262144 ]; }
runs 'too long a log of its device model is cut' wait_for 10 is_short
kill -9 "$(vm_get plain pid)"
pkill -9 -f "xen-domid $(vm_domid plain) "
runs 'a new monitor after both are dead' xenvm "$(vm_file plain)"
runs 'has a guest that crashed' wait_for 20 vm_is plain shutdown
is "$(vm_get plain reason)" crash 'and says so'
vm_down plain

# --- what this host has not

# How Xen keeps the pages of the one guest that there is.
paging() { xl dmesg -c >/dev/null && xl debug-keys q && sleep 1 && xl dmesg | sed -n 's/.*paging assistance: *\(hap\|shadow\) .*/\1/p'; }
vm_config poor hvm=true memory=64 kernel= initrd= cmdline= hap=false
if [ -e /lab/hypervisor-has-shadow ]; then
    runs 'a guest without nested pages' xenvm "$(vm_file poor)"
    is "$(vm_state poor) $(paging)" 'running shadow' 'has its pages shadowed'
    vm_down poor
    runs 'one with them' vm_machine plain
    is "$(paging)" hap 'has not'
    vm_down plain
else
    refused 1 'hap = false needs a hypervisor built with shadow paging$' 'no guest without nested pages' xenvm "$(vm_file poor)"
fi
vm_down poor

world_is "$before" 'nothing is left'
done_testing

#!/bin/bash
# An HVM guest that sleeps and is woken, again and again, and then sleeps on its disk. Its device model has no rights: it
# is the monitor that tells Xen.
# shellcheck disable=SC2016 # what the guest is told
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
world >"$before"
truncate -s 4M "$lab_tmp/disk"
chmod 755 "$lab_tmp"

vm_config bed hvm=true memory=96 kernel=/lab/guest/vmlinuz initrd=/lab/guest/initrd-more cmdline+=lab.quiet \
    disk="$lab_tmp/disk:file:hda:w:disk" display=vnc qemu-dm-user=nobody
runs 'an HVM guest' vm_boot bed
mark=$(guest_mark bed)

# --- S3

in_state() { [ "$(xenvm-cmd bed get-acpi-state)" = "$1" ]; }
writes() { vm_shell bed "echo $1 | dd of=/dev/xvda conv=fsync 2>/dev/null" && [ "$(head -n 1 "$lab_tmp/disk")" = "$1" ]; }
for night in first second; do
    runs "the $night sleep" vm_shell bed "(sleep 1; echo mem >/sys/power/state; echo woke the $night time) &"
    runs 'can be seen' wait_for 30 in_state 3
    is "$(vm_state bed)" running 'as for the VM, it runs'
    # Before its system is there again, its firmware is: an event that got to that would be the last one.
    runs 'something is said to it' guest_say bed "sh echo heard it the $night time"
    runs 'it is woken' xenvm-cmd bed trigger s3resume
    runs 'and says so' wait_for 60 guest_said bed "^woke the $night time" "$mark"
    is "$(xenvm-cmd bed get-acpi-state)" 0 'as does the monitor'
    runs 'it heard what was said' wait_for 30 guest_said bed "^heard it the $night time" "$mark"
    runs 'its disk is there' writes "$night"
    runs 'its memory is whole' vm_goes_on bed "$mark"
done
image=$lab_tmp/image
runs 'suspended, restored, and awake' vm_round_trip bed "$image" "$mark"
# --- without its monitor: when it goes to sleep, while it sleeps, and when it wakes

new_monitor() { xenvm "$(vm_file bed)" && [ "$(vm_state bed) $(xenvm-cmd bed get-acpi-state)" = "$1" ]; }
hears() {
    runs 'it is woken' xenvm-cmd bed trigger s3resume
    "$@"
    runs 'it says so' wait_for 60 guest_said bed "^woke the $night time" "$mark"
    runs 'and hears' wait_for 30 guest_said bed "^heard it the $night time" "$mark"
}
goes_to_bed() { vm_shell bed "(sleep $1; echo mem >/sys/power/state; echo woke the $night time) &"; }
night=third
runs 'it goes to sleep, after that' goes_to_bed 3
kill -KILL "$(vm_get bed pid)"
sleep 6
guest_say bed "sh echo heard it the $night time"
runs 'a new monitor finds it asleep' new_monitor 'running 3'
hears :
night=fourth
button='for m in button evdev; do for f in /modules/$m/*; do insmod $f 2>/dev/null; done; done'
button+='; for e in /sys/class/input/event*; do read -r name <$e/device/name; case $name in Sleep*) (head -c 1'
button+=' /dev/input/${e##*/} >/dev/null; echo mem >/sys/power/state; echo woke the fourth time) & ;; esac; done'
runs 'it listens to its sleep button' vm_shell bed "$button"
runs 'which is pressed' xenvm-cmd bed trigger sleep
runs 'it sleeps once more' wait_for 30 in_state 3
guest_say bed "sh echo heard it the $night time"
kill -KILL "$(vm_get bed pid)"
runs 'a new monitor knows that it sleeps' new_monitor 'running 3'
killed() {
    kill -KILL "$(vm_get bed pid)"
    runs 'by a new monitor' xenvm "$(vm_file bed)"
    runs 'to its end' wait_for 20 in_state 0
    runs 'and it runs' wait_for 20 vm_is bed running
}
hears killed
runs 'its disk is there' writes "$night"

# --- an interrupt that the firmware has taken, and not answered

knows_vector() { grep -q '"event-vector": 243' "/run/xenvm/vm-$(vm_uuid bed).state"; }
runs 'the interrupt is known' wait_for 30 knows_vector
takes() { xl pause bed && /lab/tests/take-interrupt.py "$(vm_domid bed)" 243 && xl unpause bed; }
runs 'the firmware takes it' takes
fails 'and the guest is deaf' guest_ask bed 'ping once' '^pong once' 5
kill -KILL "$(vm_get bed pid)"
runs 'a monitor that looks at it' xenvm "$(vm_file bed)"
runs 'ends that' guest_ask bed 'ping twice' '^pong twice' 20

# --- S4, with what a driver for it does, Linux having none: it says that it is there, and answers

refused 1 'the guest has no drivers for Xen that know s4 ' 'it has no driver for S4' xenvm-cmd bed s4suspend
driver='(xenstore write control/feature-s4 1; until [ "$(xenstore read control/shutdown)" = s4 ]; do sleep 0.5; done'
driver+='; xenstore write control/shutdown ""; echo sleeps on its disk; sync; busybox poweroff -f) &'
runs 'it gets one' vm_shell bed "$driver"
knows() { [ "$(vm_node bed control/feature-s4)" = 1 ]; }
runs 'that says so' wait_for 20 knows
runs 's4suspend' xenvm-cmd bed s4suspend timeout=60
runs 'it did' guest_said bed '^sleeps on its disk' "$mark"
is "$(vm_state bed)" shutdown 'and the VM is down'
mark=$(guest_mark bed)
runs 'start' xenvm-cmd bed start
runs 'it is up' vm_ready bed "$mark"
runs 'shutdown' xenvm-cmd bed shutdown
vm_down bed
world_is "$before" 'nothing is left'
done_testing

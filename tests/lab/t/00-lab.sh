#!/bin/bash
# The lab itself, with Xen's own tools only: if this fails, what xenvm's tests say means nothing.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh

# The waits are long for machines on which much else is going on; they cost nothing when all is well.

cfg=$(mktemp)
image=$(mktemp)
before=$(mktemp)

# create KERNEL NAME [CMDLINE] [CONFIG-LINE…]
create() {
    local kernel=/lab/guest/$1 name=$2 extra=${3:-} folder
    folder=${kernel%/*}
    printf '%s\n' "name = '$name'" "kernel = '$kernel'" "ramdisk = '$folder/initrd'" \
        "memory = 128" "extra = 'console=hvc0 $guest_quick $extra'" "${@:4}" >"$cfg"
    xl create "$cfg"
}
# came_back NAME OLD-DOMID
came_back() { local now; now=$(xl domid "$1") && [ "$now" != "$2" ]; }
ticks_on() { guest_wait "$1" '^tick ' 90; }

runs 'Xen is there' xl info
like "$output" 'xen_version +: 4\.' 'it tells its version'
is "$(xenstore-read domid)" 0 'xenstored answers'
ok "$([ -c /dev/xen/evtchn ] && [ -c /dev/xen/gntdev ] && [ -c /dev/xen/privcmd ]; echo $?)" '/dev/xen is complete'
# Xen's folders for backends stay once they are there.
world >"$before"

runs "a PV guest is created from Debian's kernel, packed" create debian/vmlinuz packed
runs 'it gets to user space' guest_wait packed 'guest: ready' 180 0
runs 'it is destroyed' xl destroy packed
world_is "$before" 'nothing is left of it'

runs "a PV guest is created from the lab's kernel, unpacked" create vmlinux pv
runs 'it gets to user space' guest_wait pv 'guest: ready' 180 0
runs 'it ticks' ticks_on pv
runs 'it answers' guest_ask pv 'ping one two' '^pong one two' 90
runs 'its pattern is whole' guest_ask pv check '^pattern ok' 90

runs 'it is paused' xl pause pv
runs 'Xen says so' wait_for 30 guest_has_state pv p
mark=$(guest_mark pv)
sleep 2
is "$(guest_mark pv)" "$mark" 'it is silent'
runs 'it is unpaused' xl unpause pv
runs 'it ticks again' ticks_on pv

runs 'it dirties memory' guest_ask pv 'dirty 8' '^dirtying 8' 90
runs 'it is saved' xl save pv "$image"
runs 'the image is sound' verify-stream-v2 -f xl -i "$image"
fails 'the guest is gone' xl domid pv
mark=$(guest_mark pv)
runs 'it is restored' xl restore "$image"
runs 'it ticks on' guest_wait pv '^tick ' 90 "$mark"
runs 'its pattern is still whole' guest_ask pv check '^pattern ok' 90
runs 'it stops writing' guest_ask pv clean '^clean' 90

runs 'deaf, it' guest_ask pv deaf '^deaf' 90
domid=$(xl domid pv)
mark=$(guest_mark pv)
runs 'is asked to shut down' xl shutdown pv
runs 'takes no notice' guest_wait pv 'ignores poweroff' 90 "$mark"
is "$(xl domid pv)" "$domid" 'and stays'
runs 'listening again, it' guest_ask pv listen '^listening' 90

mark=$(guest_mark pv)
runs 'is asked to reboot' xl reboot pv
runs 'obeys' guest_wait pv 'obeys reboot' 90 "$mark"
runs 'comes back under another domid' wait_for 180 came_back pv "$domid"
runs 'and to user space' guest_wait pv 'guest: ready' 180 "$mark"
runs 'asked to shut down, it goes' xl shutdown -w pv
runs 'and is gone' wait_for 90 guest_gone pv
world_is "$before" 'nothing is left of it'

runs 'a guest that is to crash is created' create vmlinux crasher 'lab.crash=2 lab.quiet' 'on_crash = "preserve"'
runs 'Xen says that it crashed' wait_for 180 guest_has_state crasher c
runs 'it is destroyed' xl destroy crasher
world_is "$before" 'nothing is left of it'

rm -f "$cfg" "$image" "$before"
done_testing

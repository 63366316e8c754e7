#!/bin/bash
# Guests that do not do what they are asked, and those that nobody asks: timeout=, force=true, cancelling.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
image=$lab_tmp/image
world >"$before"

# as_it_was NAME: still running in the same domain, and not asked for anything any more.
as_it_was() {
    is "$(vm_state "$1"), $(vm_domid "$1"), $(vm_letters "$1"), $(vm_node "$1" control/shutdown)" \
        "running, $domid, , " 'the guest is left as it was, without a request'
}

# A guest that takes no note of anything
runs 'a guest that listens to nothing' vm_tiny mute idle
domid=$(xl domid mute)
for request in shutdown:poweroff restart:reboot; do
    refused 4 "^xenvm-cmd: mute: the guest did not acknowledge the ${request#*:} request in 2 s$" \
        "${request%:*} times out" xenvm-cmd mute "${request%:*}" timeout=2
    as_it_was mute
done
for command in suspend checkpoint; do
    status=0
    output=$(xenvm-cmd mute $command file="$image" timeout=2 2>&1) || status=$?
    is "$status" 1 "$command is refused"
    like "$output" '^xenvm-cmd: mute: the guest cannot be suspended: it has not set up its memory map' 'and says why'
    as_it_was mute
    is "$(find "$lab_tmp" -name 'image*')" '' 'and there is no file'
done
is "$(xenvm-cmd --json mute shutdown timeout=1 2>/dev/null | jq -c '.error | [.code, .data]')" \
    '[-32002,{"stage":"acknowledge","seconds":1}]' 'a script is told the stage'

# While one waits
xenvm-cmd mute shutdown timeout=60 >"$lab_tmp/waiting" 2>&1 &
waiting=$!
runs 'while it is being asked' wait_for 10 vm_is mute shutdowning
is "$(vm_get mute operation)" shutdown 'status tells the operation'
is "$(vm_node mute control/shutdown)" poweroff 'xenstore has the request'
refused 1 '^xenvm-cmd: mute: busy with shutdown$' 'a second command is refused' xenvm-cmd mute restart
runs 'destroy is not' xenvm-cmd mute destroy
status=0
wait "$waiting" || status=$?
is "$status $(cat "$lab_tmp/waiting")" '1 xenvm-cmd: mute: shutdown was cancelled by destroy' 'the first one is told'
is "$(vm_state mute)$(vm_xl mute)" shutdown 'the domain is gone'

runs 'start' xenvm-cmd mute start
runs 'shutdown force=true' xenvm-cmd mute shutdown force=true
is "$(vm_state mute)$(vm_xl mute)" shutdown 'does not ask'
runs 'start paused=true' xenvm-cmd mute start paused=true
runs 'shutdown force=true' xenvm-cmd mute shutdown force=true
is "$(vm_state mute)$(vm_xl mute)" shutdown 'ends a created guest too'
runs 'start' xenvm-cmd mute start
runs 'pause' xenvm-cmd mute pause
domid=$(vm_domid mute)
runs 'restart force=true' xenvm-cmd mute restart force=true
ok "$(vm_moved mute "$domid"; echo $?)" 'starts a paused guest anew'
is "$(vm_state mute), $(vm_letters mute)" 'running, ' 'which then runs'
runs 'pause' xenvm-cmd mute pause
runs 'shutdown force=true' xenvm-cmd mute shutdown force=true
is "$(vm_state mute)$(vm_xl mute)" shutdown 'ends a paused guest'
vm_down mute

# A guest whose kernel acknowledges, and whose user space does nothing
runs 'a deaf guest' vm_up deaf cmdline+=lab.deaf
domid=$(xl domid deaf)
for request in shutdown:poweroff restart:reboot; do
    mark=$(guest_mark deaf)
    refused 4 "^xenvm-cmd: deaf: the guest acknowledged the ${request#*:} request but did not do it in 8 s$" \
        "${request%:*} times out" xenvm-cmd deaf "${request%:*}" timeout=8
    runs 'the guest had been asked' guest_wait deaf "^guest: ignores ${request#*:}" 10 "$mark"
    as_it_was deaf
    runs 'and ticks on' vm_ticks deaf
done
# Linux takes note of nothing more once it has been asked to reboot (drivers/xen/manage.c, do_reboot).
is "$(xenvm-cmd --json deaf shutdown timeout=2 2>/dev/null | jq -c '.error | [.code, .data]')" \
    '[-32002,{"stage":"acknowledge","seconds":2}]' 'a script is told the stage'
mark=$(guest_mark deaf)
runs 'restart force=true' xenvm-cmd deaf restart force=true
ok "$(vm_moved deaf "$domid"; echo $?)" 'starts it anew'
runs 'it gets to user space' vm_ready deaf "$mark"
fails 'it had not been asked' guest_said deaf '^guest: ignores' "$mark"
runs 'it listens again' guest_ask deaf listen '^listening' 20
runs 'and is shut down' xenvm-cmd deaf shutdown
vm_down deaf

world_is "$before" 'nothing is left'
done_testing

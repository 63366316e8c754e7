#!/bin/bash
# kill -9 of the monitor while the guest is being asked to shut down or to restart: the new monitor goes on with it, and what
# on_halt, on_reboot and startup say is not what happens.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh
# shellcheck source=../faults.sh source-path=SCRIPTDIR
. /lab/tests/faults.sh

before=$lab_tmp/before
world >"$before"

# asked_and_left NAME SAYS COMMAND [ARG…]: until the guest has said that it was asked, then there is no monitor
asked_and_left() {
    local name=$1 says=$2 mark client
    shift 2
    mark=$(guest_mark "$name")
    pid=$(vm_get "$name" pid)
    xenvm-cmd "$name" "$@" >"$lab_tmp/said" 2>&1 &
    client=$!
    [ -z "$says" ] || guest_wait "$name" "$says" 30 "$mark" || return
    [ -n "$says" ] || wait_for 10 vm_is "$name" shutdowning || return
    kill -9 "$pid"
    wait_for 20 no_process "$pid" && ! wait "$client"
}
# The same, and then there is another one.
asked_and_killed() {
    local pid
    asked_and_left "$@" && timeout 20 xenvm "$(vm_file "$1")" && [ "$(vm_get "$1" pid)" != "$pid" ]
}

# Its kernel acknowledges; the deed is ours.
runs 'a deaf guest' vm_up deaf cmdline+=lab.deaf on_halt=restart on_reboot=destroy on_crash=preserve
domid=$(vm_domid deaf)
runs 'its monitor is killed once it was asked to restart' asked_and_killed deaf '^guest: ignores reboot' restart
is "$(vm_state deaf), $(vm_get deaf operation), $(vm_domid deaf)" "rebooting, restart, $domid" 'the new one goes on with it'
refused 1 '^xenvm-cmd: deaf: busy with restart$' 'and does nothing else' xenvm-cmd deaf shutdown
is "$(vm_node deaf control/shutdown)" '' 'the guest is not asked a second time'
mark=$(guest_mark deaf)
guest_say deaf reboot
runs 'the guest restarts' vm_ready deaf "$mark"
runs 'and the VM runs' wait_for 10 vm_is deaf running
ok "$(vm_moved deaf "$domid"; echo $?)" 'in a new domain, on_reboot = destroy notwithstanding'

domid=$(vm_domid deaf)
runs 'its monitor is killed once it was asked to shut down' asked_and_killed deaf '^guest: ignores poweroff' shutdown
is "$(vm_state deaf), $(vm_get deaf operation), $(vm_domid deaf)" "shutdowning, shutdown, $domid" 'the new one goes on with it'
guest_say deaf poweroff
runs 'the guest powers off' wait_for 20 vm_is deaf shutdown
is "$(vm_xl deaf), $(vm_get deaf reason)" ', poweroff' 'and is not started again, on_halt = restart notwithstanding'

mark=$(guest_mark deaf)
runs 'start' xenvm-cmd deaf start
runs 'it gets to user space' vm_ready deaf "$mark"
domid=$(vm_domid deaf)
runs 'its monitor is killed once it was asked' asked_and_killed deaf '^guest: ignores poweroff' shutdown timeout=8
is "$(vm_state deaf), $(vm_get deaf operation), $(vm_domid deaf)" "shutdowning, shutdown, $domid" 'the new one goes on with it'
runs 'the guest still has its time, and no more' wait_for 15 vm_is deaf running
is "$(vm_domid deaf)" "$domid" 'and is left as it is'

# A stop is the service's: it is over with its monitor, and the next one starts the VM. A new guest, as
# Linux asks its user space only once.
mark=$(guest_mark deaf)
runs 'restart force=true' xenvm-cmd deaf restart force=true
runs 'it gets to user space' vm_ready deaf "$mark"
domid=$(vm_domid deaf)
runs 'its monitor is killed in a stop' asked_and_left deaf '^guest: ignores poweroff' stop
xenvm "$(vm_file deaf)" >"$lab_tmp/said" 2>&1 &
client=$!
runs 'the new one goes on with it' wait_for 10 vm_is deaf shutdowning
guest_say deaf poweroff
wait $client
is "$? $(cat "$lab_tmp/said")" '0 ' 'and ends its start when the guest is down'
is "$(vm_state deaf)" running 'by starting it, as startup says'
ok "$(vm_moved deaf "$domid"; echo $?)" 'in a new domain'

# What becomes of a guest that crashes is on_crash's business, also where there is no monitor at that moment.
mark=$(guest_mark deaf)
runs 'restart force=true' xenvm-cmd deaf restart force=true
runs 'it gets to user space' vm_ready deaf "$mark"
runs 'its monitor is killed once more' asked_and_left deaf '^guest: ignores poweroff' shutdown
guest_say deaf crash
has_crashed() { xl list | awk '$1 == "deaf" { print $5 }' | grep -q c; }
runs 'the guest crashes' wait_for 20 has_crashed
runs 'a new monitor' xenvm "$(vm_file deaf)"
is "$(vm_state deaf) $(vm_get deaf reason)" 'crashed crash' 'does as on_crash says'
vm_down deaf

# This one does not acknowledge.
runs 'a guest that listens to nothing' vm_tiny mute idle
domid=$(vm_domid mute)
runs 'its monitor is killed while it is being asked' asked_and_killed mute '' shutdown timeout=6
is "$(vm_state mute), $(vm_node mute control/shutdown)" 'shutdowning, poweroff' 'the new one goes on with it'
runs 'until there is no more time' wait_for 10 vm_is mute running
is "$(vm_domid mute), $(vm_node mute control/shutdown)" "$domid, " 'the guest is left as it was, without a request'
vm_down mute

# Where the domain's end has begun, or nobody is to be asked, there is nothing to wait for.
vm=tiny
image=/tmp/image
vm_tiny tiny idle && ask quit
runs 'a monitor' new_monitor
for point in posix_spawn:1:kill-before send:1:kill-after xs_rm:1:kill-before; do
    [ "$(vm_state tiny)" = running ] || ask start
    killed "$point" shutdown force=true
    has_domains 0
    is "$trouble$found" shutdown "shutdown, killed at $point: it stays down, startup = started notwithstanding"
done
[ "$(vm_state tiny)" = running ] || ask start
pid=$(vm_get tiny pid)
lay xenvm posix_spawn:1:kill-before
fails 'a monitor dies in a shutdown' xenvm-cmd tiny shutdown force=true
wait_for 20 no_process "$pid"
lay xenvm posix_spawn:1:kill-before
fails 'and the next one as it goes on with it' new_monitor
runs 'the one after' new_monitor
is "$(vm_state tiny) $(domains)" 'shutdown 0' 'leaves the VM down, too'
vm_down tiny
world_is "$before" 'nothing is left'
done_testing

#!/bin/bash
# The monitor as a process: quit and adopt, signals, one per VM.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
world >"$before"

# adopted NAME STATE: a new monitor finds the VM so, and leaves it so.
adopted() {
    local domid
    domid=$(vm_domid "$1")
    runs "a new monitor of a VM that is $2" xenvm "$(vm_file "$1")"
    is "$(vm_state "$1") $(vm_seen "$1")" "$2 $(vm_xl "$1")" 'sees it as xl does'
    is "$(vm_domid "$1")" "$domid" 'in the same domain'
}
# left NAME COMMAND…: ends the monitor; the VM stays as Xen has it.
left() {
    local name=$1 pid seen
    shift
    pid=$(vm_get "$name" pid)
    seen="$(vm_xl "$name") $(vm_letters "$name")"
    runs "$*" "$@"
    runs 'ends the monitor' wait_for 10 no_process "$pid"
    is "$(vm_xl "$name") $(vm_letters "$name")" "$seen" 'the domain stays as it is'
    is "$(find /run/xenvm -name "*$name*" -o -name '*.lock' -o -type s)" '' 'socket, link and lock are gone'
    refused 3 "$name" 'nobody answers' xenvm-cmd "$name" status
}
signal() { kill "-$1" "$(vm_get "$2" pid)"; }

# running: ended in each way
exec {lock}>"$lab_tmp/lock"
flock "$lock"
runs 'a VM that is started by a script with a lock' vm_up mon
exec {lock}>&-
runs 'does not hold the lock' wait_for 5 flock --nonblock "$lab_tmp/lock" true
left mon xenvm-cmd mon quit
runs 'the guest ticks on' vm_ticks mon
adopted mon running
runs 'the guest ticks on' vm_ticks mon
left mon signal TERM mon
adopted mon running
left mon signal INT mon
rm -f "/run/xenvm/vm-$(vm_uuid mon).state"
adopted mon running
runs 'the guest, found without a record, is whole' vm_pattern mon

# a second monitor
pid=$(vm_get mon pid)
refused 1 "^xenvm: VM $(vm_uuid mon) has a monitor already: process $pid$" 'a second monitor is refused' \
    xenvm "$(vm_file mon)"
is "$(vm_get mon pid)" "$pid" 'the first one stays'
is "$(pgrep -x xenvm)" "$pid" 'alone'

# paused
runs 'pause' xenvm-cmd mon pause
left mon xenvm-cmd mon quit
adopted mon paused
runs 'unpause' xenvm-cmd mon unpause
runs 'the guest ticks on' vm_ticks mon
runs 'and shuts down' xenvm-cmd mon shutdown
left_state=$(vm_state mon)
vm_down mon
is "$left_state" shutdown 'for an adopted one as for another'

# changed while nobody watched
runs 'a VM' vm_tiny mon idle
left mon xenvm-cmd mon quit
xl pause mon
adopted mon paused
left mon xenvm-cmd mon quit
xl destroy mon
vm_config mon startup=shutdown
runs 'a new monitor of a VM that was destroyed meanwhile' xenvm "$(vm_file mon)"
is "$(vm_state mon)" shutdown 'finds it shut down'
vm_down mon

# created
runs 'a VM that is not started yet' vm_tiny mon idle startup=paused
left mon xenvm-cmd mon quit
adopted mon created
runs 'unpause' xenvm-cmd mon unpause
is "$(vm_state mon), $(vm_letters mon)" 'running, ' 'starts it'
vm_down mon

# at its end
for end in crash:crashed:sc poweroff:preserved:s; do
    IFS=: read -r kind state letter <<<"$end"
    runs 'a VM that is kept at its end' vm_tiny mon "$kind" on_crash=preserve on_halt=preserve
    runs "is $state" wait_for 20 vm_is mon "$state"
    is "$(vm_letters mon)" "$letter" 'for xl too'
    left mon xenvm-cmd mon quit
    adopted mon "$state"
    is "$(vm_get mon reason)" "$kind" 'and knows why'
    vm_down mon
done

# A guest that ended while nobody watched is treated as the configuration says.
runs 'a VM' vm_tiny mon poweroff startup=paused
left mon xenvm-cmd mon quit
xl unpause mon
runs 'ends while nobody watches' wait_for 20 guest_has_state mon s
sed -i 's/^startup.*/startup = shutdown/' "$(vm_file mon)"
runs 'a new monitor' xenvm "$(vm_file mon)"
is "$(vm_state mon), $(vm_get mon reason)" 'shutdown, poweroff' 'does as on_halt says'
is "$(vm_xl mon)" '' 'the domain is gone'
vm_down mon

world_is "$before" 'nothing is left'
done_testing

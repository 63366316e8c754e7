#!/bin/bash
# watch: what happens to a VM, as text and as JSON.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
plain=$lab_tmp/plain
json=$lab_tmp/json
world >"$before"

# The events in a file without their times of day.
events() { sed -E 's/^[0-2][0-9]:[0-5][0-9]:[0-6][0-9] //' "$1"; }
# Has a line that matches come?
has() { grep -q -e "$2" "$1"; }

runs 'a VM' vm_tiny seen idle on_crash=preserve
first=$(vm_domid seen)
xenvm-cmd seen watch >"$plain" &
watcher=$!
xenvm-cmd --json seen watch >"$json" &
json_watcher=$!
runs 'watch begins' wait_for 20 has "$plain" running
is "$(events "$plain")" "running, domid $first" 'with the present state'
runs 'so does watch --json' wait_for 20 has "$json" running

runs 'pause' xenvm-cmd seen pause
runs 'unpause' xenvm-cmd seen unpause
runs 'restart' xenvm-cmd seen restart force=true
second=$(vm_domid seen)
xl destroy seen
runs 'a domain that xl destroys is noticed' wait_for 20 has "$plain" '-> shutdown'
runs 'start' xenvm-cmd seen start paused=true
third=$(vm_domid seen)
runs 'a command that times out' xenvm-cmd seen unpause
xenvm-cmd seen shutdown timeout=1 >/dev/null 2>&1
runs 'destroy' xenvm-cmd seen destroy
runs 'quit' xenvm-cmd seen quit
status=0
wait "$watcher" || status=$?
is "$status" 0 'watch ends with the monitor'
wait "$json_watcher"

is "$(events "$plain")" "running, domid $first
running -> paused, domid $first
paused -> running, domid $first
running -> rebooting, domid $first
rebooting -> creating-domain
creating-domain -> creating-devices, domid $second
creating-devices -> created, domid $second
created -> running, domid $second
running -> shutdown (destroyed)
shutdown -> creating-domain
creating-domain -> creating-devices, domid $third
creating-devices -> created, domid $third
created -> running, domid $third
running -> shutdowning, domid $third
shutdowning -> running, domid $third
running -> shutdown (destroyed)" 'every change of state was told'
is "$(jq -r '"\(.event): \(.old) -> \(.state) \(.domid) \(.reason)"' "$json" | head -n 5)" \
    "state: null -> running $first null
state: running -> paused $first null
state: paused -> running $first null
state: running -> rebooting $first null
state: rebooting -> creating-domain null null" 'as JSON too'
is "$(wc -l <"$json")" "$(wc -l <"$plain")" 'the same number of them'

world_is "$before" 'nothing is left'
done_testing

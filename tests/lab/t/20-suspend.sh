#!/bin/bash
# Suspend, restore and checkpoint, with the guest's memory watched by the guest itself.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
image=$lab_tmp/image
cycles=${LAB_CYCLES:-20}
world >"$before"

# The progress lines in $output: of operation $1, growing, from 0% to all of the pages.
progress_is_sound() {
    printf '%s\n' "$output" | awk -v "operation=$1" '
        $0 !~ "^" operation ": [0-9]+% \\([0-9]+ of [0-9]+ pages\\)$" { print "odd: " $0; bad = 1; next }
        { percent = $2 + 0; done = substr($3, 2) + 0; total = $5 }
        NR == 1 && done != 0 { print "does not begin with 0"; bad = 1 }
        NR > 1 && (percent <= last || done <= last_done || total != last_total) { print "back: " $0; bad = 1 }
        { last = percent; last_done = done; last_total = total }
        END { if (NR < 2 || last != 100 || last_done != last_total) { print NR " lines, up to " last "%"; bad = 1 }
              exit bad }'
}
verified() { verify-stream-v2 -f xl -i "$1"; }

runs 'a VM' vm_up sus memory=64 cmdline+=lab.pattern=8
mark=$(guest_mark sus)
runs 'is told something' guest_ask sus 'sh echo kept >/tmp/kept' '^status 0' 20

# once, looked at closely
domid=$(vm_domid sus)
runs 'suspend' xenvm-cmd sus suspend file="$image"
runs 'shows its progress in lines' progress_is_sound suspend
is "$(vm_state sus)$(vm_xl sus), $(vm_get sus image), $(vm_get sus reason)" "suspended, $image, suspend" \
    'the VM is suspended and has no domain'
is "$(stat -c '%F %a %U' "$image")" 'regular file 600 root' 'the image is for root only'
runs 'and sound' verified "$image"
is "$(find "$lab_tmp" -name 'image*')" "$image" 'nothing else is beside it'
runs 'restore' xenvm-cmd sus restore file="$image"
runs 'shows its progress in lines' progress_is_sound restore
is "$(vm_state sus) $(vm_seen sus)" "running $(vm_xl sus)" 'the VM runs'
ok "$(vm_moved sus "$domid"; echo $?)" 'in another domain'
runs 'the guest goes on' guest_ask sus 'sh cat /tmp/kept' '^kept' 60
ok "$([ ! -e "$image" ]; echo $?)" 'the image is gone'
is "$(vm_node sus control/shutdown)" '' 'no request is left'

# again and again
done=1
while [ "$done" -lt "$cycles" ] && vm_round_trip sus "$image" "$mark" >"$lab_tmp/cycle" 2>&1; do done=$((done + 1)); done
is "$done" "$cycles" "$cycles cycles" || note "$(cat "$lab_tmp/cycle"; vm_state sus)"
runs 'the guest ticks on' vm_ticks sus
runs 'its console is served' guest_ask sus 'ping me' '^pong me' 20

# while it writes to its memory
runs 'the guest is busy' guest_ask sus 'dirty 8' '^dirtying' 20
runs 'suspend' xenvm-cmd sus suspend file="$image"
runs 'the image is sound' verified "$image"
runs 'restore paused=true' xenvm-cmd sus restore file="$image" paused=true delete=false
mark2=$(guest_mark sus)
is "$(vm_state sus), $(vm_letters sus)" 'created, p' 'leaves it paused'
ok "$([ -e "$image" ]; echo $?)" 'delete=false leaves the image'
is "$(guest_mark sus)" "$mark2" 'the guest is silent'
runs 'unpause' xenvm-cmd sus unpause
runs 'the guest goes on' vm_goes_on sus "$mark"
runs 'it stops writing' guest_ask sus clean '^clean' 20
refused 1 "^xenvm-cmd: sus: cannot write $image: the file exists \\(overwrite=true replaces it\\)$" \
    'an image is not overwritten' xenvm-cmd sus suspend file="$image"
is "$(vm_state sus)" running 'the guest runs on'

# checkpoint
domid=$(vm_domid sus)
old=$(stat -c %i "$image")
runs 'checkpoint overwrite=true' xenvm-cmd sus checkpoint file="$image" overwrite=true
runs 'shows its progress in lines' progress_is_sound checkpoint
ok "$([ "$(stat -c %i "$image")" != "$old" ]; echo $?)" 'replaces the image'
runs 'which is sound' verified "$image"
is "$(vm_state sus) $(vm_domid sus)" "running $domid" 'the guest runs on in its domain'
runs 'and is whole' vm_goes_on sus "$mark"
runs 'it is changed' guest_ask sus 'sh echo lost >/tmp/kept' '^status 0' 20
runs 'a second checkpoint' xenvm-cmd sus checkpoint file="$lab_tmp/second"
runs 'the guest runs on' vm_goes_on sus "$mark"
runs 'destroy' xenvm-cmd sus destroy
is "$(vm_state sus)" shutdown 'it is not suspended'
runs 'restore from the first' xenvm-cmd sus restore file="$image"
runs 'brings back what was then' guest_ask sus 'sh cat /tmp/kept' '^kept' 60
runs 'all of it' vm_goes_on sus "$mark"

# suspended
runs 'suspend' xenvm-cmd sus suspend file="$image"
refused 1 '^xenvm-cmd: sus: the VM is suspended; start needs it shutdown or rebooted' 'start is refused' \
    xenvm-cmd sus start
pid=$(vm_get sus pid)
runs 'quit' xenvm-cmd sus quit
wait_for 10 no_process "$pid"
runs 'a new monitor' xenvm "$(vm_file sus)"
is "$(vm_state sus)$(vm_xl sus), $(vm_get sus image)" "suspended, $image" 'knows that it is suspended'
kill -KILL "$(vm_get sus pid)"
runs 'a new monitor after kill -9' xenvm "$(vm_file sus)"
is "$(vm_state sus)$(vm_xl sus), $(vm_get sus image)" "suspended, $image" 'knows it too'
runs 'restore' xenvm-cmd sus restore file="$image"
runs 'the guest goes on' vm_goes_on sus "$mark"
runs 'suspend' xenvm-cmd sus suspend file="$image"
mark=$(guest_mark sus)
runs 'start discard=true' xenvm-cmd sus start discard=true
runs 'boots it' vm_ready sus "$mark"
is "$(vm_state sus), $(vm_get sus image)" 'running, ' 'and forgets the image'
ok "$([ -e "$image" ]; echo $?)" 'which stays where it is'
vm_down sus

world_is "$before" 'nothing is left'
done_testing

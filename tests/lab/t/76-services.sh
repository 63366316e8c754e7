#!/bin/bash
# Services whose monitors are killed a hundred times, at rest, in the middle of commands and while they take a VM over; then
# a host whose /var is full.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh
# shellcheck source=../services.sh source-path=SCRIPTDIR
. /lab/tests/services.sh

before=$lab_tmp/before
kept=/var/lib/xenvm
room=/root/room
image=$room/image
rounds=${LAB_CYCLES:-25} # with four monitors killed in each
world >"$before"
mkdir -p /etc/xenvm/hooks.d "$room"

tiny_unit() { unit "$1" kernel="$lab_tmp/idle" initrd= cmdline= memory=4 stop-method=destroy "${@:2}"; }
linux_unit() { unit linux memory=48 vcpus=2 cmdline+='lab.quiet lab.pattern=4' "$@"; }
# value NAME KEY: what get says, now and for the next start
value() { xenvm-cmd "$1" get "$2" | sed -n 's/^\(value\|next\): //p' | tr '\n' ' '; }
none_runs() { ! pgrep "$@"; }
/lab/tests/guest/tiny idle "$lab_tmp/idle"

# --- monitors that are killed

vms=(kill1 kill2 kill3 linux)
commands=(pause 'set memory 5' "checkpoint file=$image overwrite=true" unpause status 'get memory' 'vcpu-set 1' 'vcpu-set 2')
# Of all units, in their order.
shown() { systemctl show -P "$1" "${vms[@]/#/xenvm@}"; }
find_pids() { read -rd '' -a "$1" <<<"$(shown MainPID)" || :; }
domains() { xl list | awk 'NR > 2 { print $1, $2 }' | sort | tr '\n' ' '; }
# Each has another monitor than that of `pids`; and they are ready.
succeeded() {
    local i fresh
    find_pids fresh
    for i in "${!pids[@]}"; do [ "${fresh[i]}" != 0 ] && [ "${fresh[i]}" != "${pids[i]}" ] || return 1; done
}
ready() { [ "$(shown ActiveState | grep -cx active)" -eq ${#vms[@]} ]; }
replaced() { succeeded && ready; }
busy() { [ "$(vm_get "$1" operation)" = checkpoint ]; }
# A command to each VM, not the same. What becomes of it, if the kill comes in between, is in the file `said`.
command_all() {
    local i
    for i in "${!vms[@]}"; do
        read -ra words <<<"${commands[($1 + i * 3) % ${#commands[@]}]}"
        xenvm-cmd "${vms[i]}" "${words[@]}" >>"$lab_tmp/said" 2>&1 &
        jobs+=($!)
    done
}

printf '#!/bin/sh\nexec sleep 2.5\n' >/etc/xenvm/hooks.d/sleeps
chmod 755 /etc/xenvm/hooks.d/sleeps
for vm in kill1 kill2 kill3; do tiny_unit $vm vcpus=2; done
linux_unit
at=$(guest_mark linux)
runs 'four VMs' systemctl start "${vms[@]/#/xenvm@}"
runs 'one is a Linux' vm_ready linux "$at"
at=$(guest_mark linux)
all=$(domains)
like "$all" '^kill1 [0-9]+ kill2 [0-9]+ kill3 [0-9]+ linux [0-9]+ $' 'a domain each'

find_pids pids
jobs=()
: >"$lab_tmp/said"
for ((round = 0; round < rounds; round++)); do
    # Four kinds, in turn. The last one comes so early that the monitor before was not ready yet.
    case $((round % 4)) in
    0) what='at rest' next=replaced ;;
    1 | 2)
        what='with a command under way'
        next=replaced
        command_all "$round"
        # In the middle of the guest's checkpoint; else as long as a client takes to be heard, more or less.
        if [ $((round % 8)) -eq 1 ]; then
            wait_for 20 busy linux
        else
            read -r -t "0.0$((round % 7))" -u "$lab_silence" || :
        fi
        [ $((round % 4)) -eq 1 ] || next=succeeded
        ;;
    3) what='while they take over' next=replaced ;;
    esac
    kill -KILL "${pids[@]}"
    wait_for 60 "$next"
    is "$? $(domains)" "0 $all" "killed with -9 $what, $((round + 1)): other monitors have the same domains"
    # Without jobs, `wait` would wait for what reads the guest's log, too.
    [ ${#jobs[@]} -eq 0 ] || wait "${jobs[@]}"
    jobs=()
    find_pids pids
    [ "$what" = 'at rest' ] || [ "$next" = succeeded ] ||
        for vm in "${vms[@]}"; do ! vm_is "$vm" paused || xenvm-cmd "$vm" unpause >/dev/null 2>&1; done
done
like "$(cat "$lab_tmp/said")" '^xenvm-cmd: linux: .* closed the connection before answering' 'commands were cut off'
runs 'all are ready' wait_for 60 ready
is "$(shown NRestarts | awk '{ n += $1 } END { print n }')" $((rounds * ${#vms[@]})) 'systemd has started as many as were killed'
is "$(for vm in "${vms[@]}"; do vm_state "$vm"; done | sort | uniq -c | tr -s ' ')" ' 4 running' 'all VMs run, and answer'
runs 'the guest went on all the while' vm_goes_on linux "$at"
# What udev does in a guest that has one.
runs 'it is told to use its processors' guest_ask linux \
    'sh (for i in 1 2 3 4 5 6 7 8 9; do sleep 1; echo 1 >/sys/devices/system/cpu/cpu1/online; done) & echo waits' '^waits' 20
runs 'and has both' xenvm-cmd linux vcpu-set 2
for vm in "${vms[@]}"; do is "$(vm_seen "$vm")" "$(vm_xl "$vm")" "$vm: the monitor sees what Xen has"; done
is "$(pgrep -cx xenvm)" 4 'there is a monitor for each'
runs 'no worker is left' wait_for 10 none_runs -x xenvm-worker
runs 'nor a hook' wait_for 10 none_runs -f 'sleep 2.5'
for vm in kill1 kill2 kill3 linux; do
    [[ $(value $vm memory) != *5* ]] || runs "$vm: what has been set is taken back" xenvm-cmd $vm unset memory
done
rm -rf "$image"
is "$(find "$kept" "$room" ! -type d ! -name memory)" '' 'no setting is left, nor a half of one or of an image'
runs 'stop of the three' systemctl stop xenvm@kill1 xenvm@kill2 xenvm@kill3
is "$(domains)" "linux ${all##*linux }" 'leaves the fourth'
rm -r /etc/xenvm/hooks.d

# --- a full /var

# fill: until nothing more goes into it; make_room
fill() {
    dd if=/dev/zero of="$kept/full" bs=1k 2>"$lab_tmp/dd"
    sync "$kept/full"
    dd if=/dev/zero of="$kept/full" bs=1k oflag=append conv=notrunc 2>>"$lab_tmp/dd"
    is "$(grep -c 'No space left on device' "$lab_tmp/dd") $(stat -f -c %a "$kept")" '2 0' '/var is full'
}
make_room() { rm "$kept/full" && sync -f "$kept"; }
home=$kept/$(vm_uuid linux)
full='No space left on device'
# What there is of images, and in the folder of the Linux.
files() { find "$room" "$home" -type f -printf '%f\n' 2>/dev/null | sort | tr '\n' ' '; }
# Without its progress.
quiet() { xenvm-cmd --json linux "$@" >/dev/null; }

truncate -s 16M /root/var
mkdir -p "$kept"
runs 'a file system' mkfs.ext4 -q /root/var
runs 'for /var/lib/xenvm' mount -o loop /root/var "$kept"
fill

refused 1 "^xenvm-cmd: linux: cannot make $home: $full\$" 'the first setting of a VM is refused' xenvm-cmd linux set memory 100
is "$(value linux memory)$([ ! -e "$home" ]; echo $?)" '48 0' 'and nothing is left of it'
refused 1 "^xenvm-cmd: linux: cannot write $home/memory: $full\$" 'so is a first suspend' quiet suspend file="$image"
is "$(now linux), $(files)" 'active running, ' 'without an image'
is "$([ ! -e "$home" ]; echo $?)" 0 'nor a folder for it'
runs 'the guest goes on' vm_goes_on linux "$at"
make_room
runs 'with room, there is a setting' xenvm-cmd linux set memory 100
runs 'and a suspend' xenvm-cmd linux suspend file="$image"
sum=$(md5sum "$image")
fill

restores() { refused 1 "^xenvm-cmd: linux: cannot write $home/memory: $full\$" "$@"; }
restores 'restore is refused' quiet restore
restores 'so is start discard=true' quiet start discard=true
is "$(now linux), $(vm_xl linux)" 'active suspended, ' 'it is suspended still'
is "$(md5sum "$image")" "$sum" 'and the image is what it was'
find_pids pids
kill -KILL "${pids[3]}"
vms=(linux) pids=("${pids[3]}")
runs 'the monitor is killed' wait_for 60 replaced
is "$(now linux), $(vm_get linux image)" "active suspended, $image" 'the next one knows where its memory is'
refused 1 "^xenvm-cmd: linux: cannot write $home/settings.new: $full\$" 'a setting is refused' xenvm-cmd linux set memory 101
is "$(value linux memory)" '48 100 ' 'the earlier one stays'
make_room
runs 'with room, it is restored' xenvm-cmd linux restore
runs 'with all its memory' vm_goes_on linux "$at"
is "$(files)" 'memory settings ' 'the image is spent'

fill
refused 1 "^xenvm-cmd: linux: cannot write $home/memory: $full\$" 'suspend is refused' quiet suspend file="$image"
is "$(now linux), $(files)" 'active running, memory settings ' 'without an image'
runs 'the guest goes on' vm_goes_on linux "$at"
runs 'a checkpoint needs no record' xenvm-cmd linux checkpoint file="$image"
runs 'the guest goes on' vm_goes_on linux "$at"
rm "$image"
runs 'what is set can be taken back' xenvm-cmd linux unset memory
is "$(value linux memory), $(files)" '48 , memory ' 'and is gone'

# What stop-method = suspend comes to.
linux_unit stop-method=suspend
ctl reload linux
make_room
fill
mark
runs 'stop' ctl stop linux
is "$(ended linux), $(vm_xl linux), $(files)" 'inactive success 0, , memory ' 'ends the VM, without an image'
logged linux "stop: cannot suspend: no room in $home for an image of [0-9]+ MiB, 0 MiB are free: the guest is shut down instead" \
    'and says why it is shut down'
like "$(tail -c "+$at" "$(guest_log linux)")" 'guest: obeys poweroff' 'the guest was asked'

linux_unit stop-method=suspend suspend-dir="$room"
at=$(guest_mark linux)
runs 'a VM is started' ctl start linux
runs 'and boots' vm_ready linux "$at"
mark
runs 'stop, with a suspend-dir that has room' ctl stop linux
is "$(ended linux), $(vm_xl linux), $(files)" 'inactive success 0, , memory ' 'ends it, without an image'
logged linux "stop: cannot suspend: cannot write $home/memory: $full: the guest is shut down instead" 'and says why'
like "$(tail -c "+$at" "$(guest_log linux)")" 'guest: obeys poweroff' 'the guest was asked'

at=$(guest_mark linux)
runs 'it is started' ctl start linux
runs 'and boots' vm_ready linux "$at"
at=$(guest_mark linux)
make_room
runs 'stop, with room' ctl stop linux
like "$(files)" "^$(vm_uuid linux)\.[0-9a-f]{8}\.image memory $" 'suspends it'
sum=$(md5sum "$room"/*.image)
fill
mark
fails 'then it cannot be started' ctl start linux
is "$(ended linux) $(of linux NRestarts), $(vm_xl linux)" 'failed exit-code 1 0, ' 'and that is not tried again'
logged linux "restore: cannot write $home/memory: $full\$" 'it says why'
is "$(md5sum "$room"/*.image)" "$sum" 'the image is what it was'
make_room
runs 'with room, it is started' ctl start linux
runs 'with all its memory' vm_goes_on linux "$at"
is "$(files)" 'memory ' 'the image is spent'

# The first boot is known by a file.
fill
memory() { xl list first | awk 'NR == 2 { print $3 }'; }
first_home=$kept/$(vm_uuid first)
tiny_unit first
printf '%s\n' '[first-boot]' 'memory = 5' >>/etc/xenvm/first.cfg
mark
runs 'a VM with a first boot is started' ctl start first
is "$(now first) $(memory)" 'active running 5' 'and has it'
logged first "the next start will be the VM's first boot again, where this monitor has ended: cannot make $first_home: $full" \
    'what cannot be kept is in the log'
is "$([ ! -e "$first_home" ]; echo $?)" 0 'and nothing is left of it'
vms=(first)
find_pids pids
kill -KILL "${pids[@]}"
runs 'the monitor is killed' wait_for 60 replaced
is "$(now first) $(memory) $(vm_get first first-boot)" 'active running 5 true' 'the next one knows of it'
make_room
runs 'with room, a restart' xenvm-cmd first restart force=true
is "$(now first) $(memory)" 'active running 4' 'is not the first boot any more'
runs 'and that is kept' wait_for 5 test -f "$first_home/first-boot-done"
runs 'the unit is started again' ctl restart first
is "$(now first) $(memory)" 'active running 4' 'and its monitor knows, too'

runs 'stop of the last two' systemctl stop xenvm@first xenvm@linux
rm -f "$room"/*.image
runs 'the file system goes' umount "$kept"
rm -r /etc/xenvm /root/var "$room"
world_is "$before" 'nothing is left'
done_testing

#!/bin/bash
# A host whose udev does not do its work: what was to come is given up, and what is to go is taken without it.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

work=/root/udev
mkdir -p "$work" /run/xenvm
for name in come go stay more; do truncate -s 1M "$work/$name"; done
ip link add xenbr0 type bridge && ip link set xenbr0 up
before=$lab_tmp/before
world >"$before"

# timed NAME COMMAND [ARG…]: the same in the background; what it says, its status and its seconds are in files
timed() {
    local name=$1 began code=0
    shift
    lab_now
    began=$lab_time
    "$@" >"$lab_tmp/$name.said" 2>&1 || code=$?
    lab_now
    echo "$code $((lab_time - began))" >"$lab_tmp/$name.end"
}
# ended NAME STATUS FROM TO TEXT: with that status, after so many seconds
ended() {
    local code seconds
    read -r code seconds <"$lab_tmp/$1.end"
    ok "$([ "$code" = "$2" ] && [ "$seconds" -ge "$3" ] && [ "$seconds" -le "$4" ]; echo $?)" "$5: status $code after $seconds s" ||
        note "$(cat "$lab_tmp/$1.said")"
}
loops() { lab_lines loop /sys/block/loop*/loop/backing_file | tr '\n' ';'; }
states() { for name in come go stay; do vm_state "$name"; done | tr '\n' ' '; }

for name in come go stay; do
    runs "a VM: $name" vm_tiny "$name" idle "disk=$work/$name:file:xvda:w:disk" nic=bridge=xenbr0
done
is "$(loops | grep -o "$work/[a-z]*" | sort | tr '\n' ' ')" "$work/come $work/go $work/stay " 'their disks are loop devices'
come=/local/domain/0/backend/vbd/$(vm_domid come)

udevadm control --stop-exec-queue
timed add xenvm-cmd come disk-add "$work/more:file:xvdb:w:disk" &
jobs=($!)
timed del xenvm-cmd stay disk-del xvda force=true &
jobs+=($!)
timed destroy xenvm-cmd go destroy &
jobs+=($!)
runs 'a disk is on its way' wait_for 20 xenstore-exists "$come/51728"
runs 'nobody makes it ready' sh -c "sleep 5; ! xenstore-exists $come/51728/hotplug-status && xenstore-exists $come/51728"
wait "${jobs[@]:1}"
ended del 0 20 30 'a disk is taken without udev'
ended destroy 0 20 30 'a VM is destroyed without udev'
is "$(states)" 'running shutdown running ' 'it is down, and the others run'
is "$(loops | grep -o "$work/[a-z]*" | sort | tr '\n' ' ')" "$work/come " 'the loop devices of both are gone'
wait "${jobs[0]}"
like "$(cat "$lab_tmp/add.said")" \
    '^xenvm-cmd: come: cannot attach disk xvdb .*: no answer from udev in 60 s .are xenvm.s rules there, and the kernel.s xen-blkback and xen-netback\?.$' \
    'what was to come is given up, and says why'
ended add 4 60 95 'when it had its minute, and was taken back'
is "$(xenvm-cmd --json come disk-list | jq -r '.disks[].disk')" xvda 'it is not listed'
is "$(loops | grep -o "$work/[a-z]*")" "$work/come" 'nor is there a loop device'
is "$(states)" 'running shutdown running ' 'the VMs are as they were'

udevadm control --start-exec-queue
udevadm settle
is "$(loops | grep -o "$work/[a-z]*")" "$work/come" 'udev makes none when it goes on'
runs 'a disk can be added now' xenvm-cmd come disk-add "$work/more:file:xvdb:w:disk"
runs 'and removed' xenvm-cmd come disk-del xvdb
for name in come go stay; do vm_down "$name"; done
world_is "$before" 'nothing is left'

ip link del xenbr0
rm -rf "$work"
done_testing

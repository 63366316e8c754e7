#!/bin/bash
# kill -9 of the monitor in the middle of attaching and detaching, in start, destroy, disk-add and disk-del. A new monitor finishes
# it or takes it back; no loop device, no node and no vif is left.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh
# shellcheck source=../faults.sh source-path=SCRIPTDIR
. /lab/tests/faults.sh

image=/tmp/none
work=/root/kill
mkdir -p $work /run/xenvm
truncate -s 1M $work/a $work/b
ip link add xenbr0 type bridge && ip link set xenbr0 up
before=$lab_tmp/before
world >"$before"

vm=tiny
vm_tiny tiny idle startup=shutdown disk=$work/a:file:xvda:w:disk nic=bridge=xenbr0 && ask quit
runs 'a monitor' new_monitor

# What is left on the host of devices.
left() {
    local paths=(/sys/block/loop*/loop/backing_file /run/xenvm/hotplug/* /sys/class/net/vif*) path
    for path in "${paths[@]}"; do [ ! -e "$path" ] || echo "$path"; done
    xenstore-ls -f /local/domain/0/backend 2>/dev/null | grep -o '^/local/domain/0/backend/[a-z]*/[0-9]*/[0-9]* '
}
nothing_left() { [ -z "$(left)" ]; }
# Their names, and from the seventh word on their states.
disks() { xenvm-cmd tiny disk-list | awk 'NR > 1 { line = $1; for (i = 7; i <= NF; i++) line = line " " $i; printf "%s ", line }'; }
disks_are() { [ "$(disks)" = "$1" ]; }

# Down with nothing left, or running with its disk.
settled_state() {
    case $found in
    running)
        has_domains 1
        wait_for 10 disks_are 'xvda waiting for the guest ' || trouble+=" its disks: $(xenvm-cmd tiny disk-list);"
        ask destroy || trouble+=' cannot destroy it;'
        ;;
    shutdown) has_domains 0 ;;
    *) trouble+=" it is $found;" ;;
    esac
    wait_for 10 nothing_left || trouble+=" left: $(left | tr '\n' ' ');"
}

points xenvm ask start
is "$(vm_state tiny)" running 'a start, to see which calls there are'
starts=("${points[@]}")
points xenvm ask destroy
destroys=("${points[@]}")
is "$(vm_state tiny)" shutdown 'and a destroy'
like "${starts[*]}" 'xs_transaction_end:1 ' 'the important ones are among them'

for point in xs_transaction_start:2 xs_transaction_end:2:kill-before xs_transaction_end:2:kill-after xs_transaction_end:3:kill-after \
    xs_watch:3:kill-after rename:3:kill-before domctl_unpausedomain:1:kill-before; do
    case " ${starts[*]} " in *" ${point%%:*}:"*) ;; *) continue ;; esac
    killed "$(each "$point")" start
    settled_state
    verdict "start, killed at $point: $found"
done
for delay in 0.2 0.7 1.2; do
    trouble=
    pid=$(vm_get tiny pid)
    ask start >/dev/null 2>&1 &
    sleep $delay
    kill -9 "$pid"
    wait $!
    wait_for 10 no_worker || trouble+=' a worker is left;'
    new_monitor >/dev/null || trouble+=' no new monitor;'
    found=$(vm_state tiny)
    settled_state
    verdict "start, killed after $delay s: $found"
done
for point in "${destroys[@]}"; do
    case $point in xs_* | rename:* | posix_spawn:* | unlink:*) ;; *) continue ;; esac
    ask start
    killed "$(each "$point")" destroy
    settled_state
    verdict "destroy, killed at $point: $found"
done

ask start
points xenvm ask disk-add "disk=$work/b:file:xvdb:w:disk"
adds=("${points[@]}")
points xenvm ask disk-del disk=xvdb
deletes=("${points[@]}")
runs 'the disk came and went' disks_are 'xvda waiting for the guest '
for point in "${adds[@]}" xs_transaction_end:1:kill-after; do
    killed "$(each "$point")" disk-add "disk=$work/b:file:xvdb:w:disk"
    # It may have been done, and only the answer missing.
    ! disks_are 'xvda waiting for the guest xvdb waiting for the guest ' || ask disk-del disk=xvdb
    wait_for 15 disks_are 'xvda waiting for the guest ' || trouble+=" its disks: $(xenvm-cmd tiny disk-list);"
    [ "$found" = running ] || trouble+=" it is $found;"
    verdict "disk-add, killed at $point: $found"
    [ "$found" = running ] || ask start
done
for point in "${deletes[@]}" xs_transaction_end:1:kill-after; do
    ask disk-add "disk=$work/b:file:xvdb:w:disk"
    killed "$(each "$point")" disk-del disk=xvdb
    [ "$found" = running ] || trouble+=" it is $found;"
    ask disk-del disk=xvdb 2>/dev/null
    wait_for 15 disks_are 'xvda waiting for the guest ' || trouble+=" its disks: $(xenvm-cmd tiny disk-list);"
    verdict "disk-del, killed at $point: $found"
done
ask destroy
runs 'nothing is left of all that' wait_for 10 nothing_left
vm_down tiny
world_is "$before" 'nothing is left'
ip link del xenbr0
rm -rf $work
done_testing

#!/bin/bash
# Live suspends of a guest that writes to its disks and to the network all the while: no byte is lost, none comes twice.
# shellcheck disable=SC2016 # what the guest is told
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
image=$lab_tmp/image
work=/root/live
mkdir -p $work
truncate -s 32M $work/raw
qemu-img create -q -f qcow2 $work/qcow2 32M
host_bridges
world >"$before"

if [ ! -e /lab/hypervisor-has-shadow ]; then
    runs 'a guest with devices' vm_up live disk=$work/qcow2:qcow2:xvda:w:disk nic=id=0
    refused 1 '^xenvm-cmd: live: live=true is not possible here: .* shadow paging' 'live=true is refused' \
        xenvm-cmd live suspend file="$image" live=true
    is "$(xenvm-cmd --json live disk-list | jq -r '.disks[].state') $(xenvm-cmd --json live nic-list | jq -r '.nics[].state')" \
        'connected connected' 'the devices are as they were'
    runs 'and work' guest_ask live 'sh dd if=/dev/zero of=/dev/xvda bs=64k count=4 conv=fsync 2>/dev/null' '^status 0' 30
    ok "$([ ! -e "$image" ]; echo $?)" 'there is no file'
    vm_down live
    world_is "$before" 'nothing is left'
    ip link del xenbr0
    ip link del xenbr1
    rm -rf $work
    done_testing
fi

# up NAME NUMBER: starts it, with addresses on both bridges
up() {
    printf 'nic = bridge=xenbr%s\n' 0 1 >>"$(vm_file "$1")"
    vm_boot_bridged "$@"
}

vm_config live memory=128 cmdline+=lab.quiet disk=$work/raw:file:xvda:w:disk
echo "disk = $work/qcow2:qcow2:xvdb:w:disk" >>"$(vm_file live)"
runs 'a guest with two disks and two network cards' up live 1
guest_ask live 'load ext4' '^loaded' 60
runs 'it has file systems' vm_shell live 'for d in a b; do mke2fs -q /dev/xvd$d && mkdir -p /mnt/$d && mount -t ext4 /dev/xvd$d /mnt/$d || exit; done' 90
vm_config other memory=96 cmdline+=lab.quiet
runs 'and another guest' up other 2

# --- 32 MB: from the host before, from guest to guest in the middle, from the host afterwards

head -c 32M /dev/urandom >"$work/data"
sum=$(md5sum <"$work/data" | cut -d ' ' -f 1)
sends() { socat -u "OPEN:$work/data" TCP-LISTEN:5001,bind=10.0.0.1,reuseaddr & }
# receives FILE
receives() {
    vm_shell live "nc 10.0.0.1 5001 </dev/null >$1" 120 && guest_ask live "sh md5sum <$1" '^[0-9a-f]{32} ' 60 &&
        [[ $guest_line == "$sum"* ]]
}
pings() {
    vm_shell live 'ping -c 2 10.0.0.1 >/dev/null && ping -c 2 10.0.1.1 >/dev/null && ping -c 2 10.0.1.12 >/dev/null' &&
        busybox ping -q -c 2 10.0.0.11 && busybox ping -q -c 2 10.0.1.11
}
runs 'all reach each other' pings
sends
runs '32 MB from the host' receives /tmp/data
runs 'the other one listens' guest_ask other 'sh (sleep 300 | nc -l -p 5003 | head -c 33554432 | md5sum) & echo listens' '^listens' 20
mark=$(guest_mark other)
counter=/sys/class/net/vif$(vm_domid live).1/statistics/rx_bytes
has_sent() { [ "$(($(<"$counter") - sent_before))" -gt $(($1 << 20)) ]; }
sent_before=$(<"$counter")
runs '32 MB to it' guest_ask live 'sh (sleep 1; nc 10.0.1.12 5003 </tmp/data) & echo sends' '^sends' 20
runs 'some of it' wait_for 30 has_sent 2
fails 'not all of it' has_sent 30
runs 'a live suspend in the middle' xenvm-cmd live suspend file="$image" live=true
runs 'restore' xenvm-cmd live restore file="$image"
runs 'all of it arrives' guest_wait other "^$sum" 180 "$mark"
runs 'all reach each other' pings
sends
runs '32 MB from the host' receives /tmp/data
wait
vm_down other

# --- disks and a stream

socat -u TCP-LISTEN:5000,reuseaddr "CREATE:$work/stream" &
stream=$!
# Each of the three has every number, in order.
guest_ask live 'sh (n=0; while [ ! -e /tmp/stop ]; do n=$((n + 1)); echo $n >>/mnt/a/log; echo $n >>/mnt/b/log; echo $n; [ $((n % 50)) -ne 0 ] || sync; done | nc 10.0.0.1 5000; echo $? >/tmp/stopped) & echo writes' \
    '^writes' 20
has_more() { [ "$(wc -l <"$work/stream")" -gt "$1" ]; }
runs 'it writes' wait_for 30 has_more 100
for ((i = 1; i <= 2; i++)); do
    runs "live suspend $i" xenvm-cmd live suspend file="$image" live=true
    count=$(wc -l <"$work/stream")
    runs 'restore' xenvm-cmd live restore file="$image"
    runs 'it writes on' wait_for 60 has_more $((count + 100))
    runs 'the host reaches it' busybox ping -q -c 2 10.0.0.11
done
runs 'a checkpoint' xenvm-cmd live checkpoint file="$image"
count=$(wc -l <"$work/stream")
runs 'it writes on' wait_for 60 has_more $((count + 100))
runs 'its memory is whole' vm_pattern live
runs 'it stops' vm_shell live ': >/tmp/stop; while [ ! -e /tmp/stopped ]; do sleep 1; done; tail -n 1 /mnt/a/log >/tmp/last; umount /mnt/a && umount /mnt/b'
wait $stream
runs 'it says how far it came' guest_ask live 'sh echo came to $(cat /tmp/last)' '^came to [0-9]+' 20
last=${guest_line#came to }
runs 'shutdown' xenvm-cmd live shutdown
vm_down live
rm -f "$image"
whole() { seq "$last" | cmp - "$1"; }
runs 'the network has every number once' whole $work/stream
on_disk() {
    local status
    e2fsck -fn "$1" && mount -o ro "$1" /mnt || return
    whole /mnt/log
    status=$?
    umount /mnt
    return "$status"
}
runs 'the disk of the kernel too' on_disk $work/raw
qemu-img convert -O raw $work/qcow2 $work/qcow2.raw
runs 'and the one of qemu' on_disk $work/qcow2.raw
world_is "$before" 'nothing is left'
ip link del xenbr0
ip link del xenbr1
rm -rf $work
done_testing

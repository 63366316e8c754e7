#!/bin/bash
# Network cards: two bridges, traffic between guest, host and another guest, over suspends and from bridge to bridge.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

image=$lab_tmp/image
before=$lab_tmp/before
vm_config lonely nic=id=0
refused 1 '^xenvm: start: cannot attach nic 0: this host has no bridge$' 'a host without a bridge' xenvm "$(vm_file lonely)"
host_bridges
world >"$before"

# The interface of a card on the host, and the bridge it is on.
bridge_of() { basename "$(readlink -f "/sys/class/net/vif$(vm_domid "$1").$2/master")"; }

# up NAME NUMBER: a guest with two cards, on both bridges
up() {
    vm_config "$1" memory=96 nic=bridge=xenbr0 cmdline+=lab.quiet
    echo 'vif = bridge=xenbr1,mac=02:00:00:00:01:0'"$2"',rate=100Mb/s' >>"$(vm_file "$1")"
    vm_boot_bridged "$@"
}
runs 'a guest with two cards' up net 1
mac=$(xenvm-cmd --json net nic-list | jq -r '.nics[0].mac')
is "$(xenvm-cmd net nic-list | awk 'NR > 1 { print $1, $3, $4, $5 }' | tr '\n' ';')" \
    "0 xenbr0 vif$(vm_domid net).0 connected;1 xenbr1 vif$(vm_domid net).1 connected;" 'both are listed'
is "$(bridge_of net 0) $(bridge_of net 1)" 'xenbr0 xenbr1' 'each on its bridge'
like "$(vm_node net device/vif/1/mac)" '^02:00:00:00:01:01$' 'one has the MAC that it was given'
like "$mac" '^.[26ae](:..){5}$' 'the other one of its own'
like "$(xenstore-read "/local/domain/0/backend/vif/$(vm_domid net)/1/rate")" '^625000,50000$' 'and the rate'
runs 'the guest reaches the host' vm_shell net 'ping -c 2 10.0.0.1 >/dev/null && ping -c 2 10.0.1.1 >/dev/null'
runs 'the host reaches the guest' busybox ping -q -c 2 10.0.1.11

# --- 32 MB

# Part of a program: no two of its pages are alike, and it is there already. In the guest it is nc -e that connects:
# what nc copies itself goes in pieces of a kilobyte, and it keeps the connection open when all is sent.
head -c 32M /lab/guest/debian/vmlinux >"$lab_tmp/data"
sum=$(md5sum <"$lab_tmp/data" | cut -d ' ' -f 1)
# listens PORT: somebody of this host does
listens() { wait_for 20 grep -q "$(printf ':%04X 00000000:0000 0A' "$1")" /proc/net/tcp; }
# sends ADDRESS: serves the 32 MB to whoever connects
sends() {
    socat -u -b 65536 "OPEN:$lab_tmp/data" "TCP4-LISTEN:5000,bind=$1,reuseaddr" &
    listens 5000
}
# receives NAME ADDRESS: the guest keeps them, and their sum is right
receives() {
    vm_shell "$1" "nc $2 5000 -e dd of=/tmp/data bs=64k 2>/dev/null" 90 &&
        guest_ask "$1" 'sh md5sum </tmp/data' '^[0-9a-f]{32} ' 90 && [[ $guest_line == "$sum"* ]]
}
sends 10.0.0.1
runs '32 MB from host to guest' receives net 10.0.0.1
socat -u -b 65536 TCP4-LISTEN:5002,reuseaddr "CREATE:$lab_tmp/back" &
listens 5002
runs '32 MB from guest to host' vm_shell net 'nc 10.0.0.1 5002 -e dd if=/tmp/data bs=64k 2>/dev/null' 90
wait
is "$(md5sum <"$lab_tmp/back" | cut -d ' ' -f 1)" "$sum" 'are the same'

# --- another guest, and a suspend in the middle

runs 'another guest' up other 2
runs 'the two reach each other' vm_shell net 'ping -c 2 10.0.1.12 >/dev/null'
runs 'one listens' guest_ask other 'sh nc -l -p 5003 -e sh -c "md5sum >/dev/hvc0" & echo listens' '^listens' 20
mark=$(guest_mark other)
counter=/sys/class/net/vif$(vm_domid net).0/statistics/rx_bytes
has_sent() { [ "$(($(<"$counter") - sent_before))" -gt $(($1 << 20)) ]; }
sent_before=$(<"$counter")
runs 'the other sends' guest_ask net 'sh (sleep 1; nc 10.0.0.12 5003 -e dd if=/tmp/data bs=64k 2>/dev/null) & echo sends' '^sends' 20
runs 'some of it' wait_for 30 has_sent 2
fails 'not all of it' has_sent 30
runs 'suspend in the middle of it' xenvm-cmd net suspend file="$image"
runs 'restore' xenvm-cmd net restore file="$image"
is "$(xenvm-cmd --json net nic-list | jq -r '.nics[0].mac')" "$mac" 'the MAC is the same'
runs 'all of it arrives' guest_wait other "^$sum" 120 "$mark"
sends 10.0.0.1
runs 'and 32 MB more from the host' receives net 10.0.0.1
wait

# --- from bridge to bridge

# The same network on both: what is under way arrives.
ip link add name cable0 type veth peer name cable1
for n in 0 1; do ip link set cable$n master xenbr$n up; done
runs 'the guest answers for each card by itself' vm_shell net 'echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore'
counter=/sys/class/net/vif$(vm_domid net).0/statistics/rx_bytes
sent_before=$(<"$counter")
socat -u -b 65536 TCP-LISTEN:5002,reuseaddr "CREATE:$lab_tmp/back" &
runs 'it sends' guest_ask net 'sh nc 10.0.0.1 5002 -e sh -c "for i in 1 2 3 4; do dd if=/tmp/data bs=64k; done 2>/dev/null" & echo sends' '^sends' 20
runs 'some of it' wait_for 30 has_sent 2
runs 'a network switch in the middle of it' xenvm-cmd net nic-network-switch id=0 network=xenbr1
fails 'it was not all' has_sent 120
wait
sums=$(for _ in 1 2 3 4; do head -c 32M | md5sum | cut -d ' ' -f 1; done <"$lab_tmp/back" | sort -u)
is "$sums $(bridge_of net 0)" "$sum xenbr1" 'all of it arrives'
ip link del cable0
runs 'and back' xenvm-cmd net nic-network-switch id=0 network=xenbr0

runs 'a network switch' xenvm-cmd net nic-network-switch id=0 network=xenbr1
is "$(bridge_of net 0) $(xenvm-cmd --json net nic-list | jq -r '.nics[0].bridge')" 'xenbr1 xenbr1' 'is done'
runs 'the guest is on the other network' vm_shell net 'ip addr del 10.0.0.11/24 dev eth0; ip addr del 10.0.1.11/24 dev eth1; ip addr add 10.0.1.21/24 dev eth0; ping -c 2 10.0.1.1 >/dev/null'
refused 1 'cannot move nic 0: xenbr7: this host has no such bridge$' 'a bridge that is not there' \
    xenvm-cmd net nic-network-switch id=0 network=xenbr7
refused 1 'cannot move nic 0: lo: is no bridge$' 'one that is none' xenvm-cmd net nic-network-switch id=0 network=lo
runs 'a reboot' xenvm-cmd net restart
is "$(bridge_of net 0)" xenbr1 'keeps it there'

# --- a MAC by chance

# comes VALUE: a card, and its MAC in $mac
comes() {
    runs "a card: $1" xenvm-cmd net nic-add "$1"
    mac=$(xenvm-cmd --json net nic-list | jq -r '.nics[] | select(.id == 2) | .mac')
    is "$(vm_node net device/vif/2/mac)" "$mac" 'the guest is told of its MAC'
    runs 'it goes' xenvm-cmd net nic-del 2
}
macs=
for _ in 1 2; do
    comes mac=random
    macs+=$mac$'\n'
done
is "$(grep -cE '^.[26ae](:[0-9a-f]{2}){5}$' <<<"$macs") $(sort -u <<<"$macs" | grep -c :)" '2 2' 'a random one is local, and another each time'
comes bridge=xenbr0
first=$mac
ok "$(grep -qxF -- "$mac" <<<"$macs"; echo $((! $?)))" 'the one of its own is neither'
comes bridge=xenbr0
is "$mac" "$first" 'and the same each time'
vm_down other
vm_down net

# --- one after the other in the same place, as fast as they come

# Its kernel keeps some of the memory of each.
runs 'a guest' vm_up quick memory=128 cmdline+=lab.quiet
truncate -s 4M "$lab_tmp/quick"
# connected LIST: the one there is
connected() { [ "$(xenvm-cmd --json quick "$1-list" | jq -r ".${1}s[].state")" = connected ]; }
# round KIND VALUE PLACE
round() { xenvm-cmd quick "$1-add" "$2" && wait_for 20 connected "$1" && xenvm-cmd quick "$1-del" "$3"; }
# rounds KIND VALUE PLACE: how often it could be had, of ten times
rounds() {
    local i=0
    while [ $i -lt 10 ] && round "$@" >"$lab_tmp/said" 2>&1; do i=$((i + 1)); done
    is $i 10 "a $1 comes and goes ten times, and the guest has it each time" ||
        note "$(cat "$lab_tmp/said")" "$(xenvm-cmd quick "$1-list")"
}
rounds nic bridge=xenbr0 0
rounds disk "$lab_tmp/quick:file:xvdb:w:disk" xvdb
# Nor where the guest has little time to see it.
runs 'a guest with a tenth of a processor' xl sched-credit2 -d quick -c 10
rounds nic bridge=xenbr0 0
vm_down quick
world_is "$before" 'nothing is left'

# --- what is wrong

vm_config lonely nic=bridge=xenbr9
refused 1 '^xenvm: start: cannot attach nic 0: xenbr9: this host has no such bridge$' 'a bridge that is not there' xenvm "$(vm_file lonely)"
vm_config lonely nic=mac=01:00:5e:00:00:01
refused 1 "nic: mac '01:00:5e:00:00:01' is a multicast address, " 'a multicast MAC' xenvm "$(vm_file lonely)"
vm_config lonely nic=mac=02:00:00:00:00:01
echo 'nic = mac=02:00:00:00:00:01' >>"$(vm_file lonely)"
refused 1 "nic: mac '02:00:00:00:00:01' is that of another nic, accepted: .* [(]the other: line [0-9]+[)]$" 'the same MAC twice' xenvm "$(vm_file lonely)"
world_is "$before" 'nothing is left'
ip link del xenbr0
ip link del xenbr1
done_testing

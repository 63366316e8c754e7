#!/bin/bash
# A guest that writes rubbish to its own nodes of xenstore, and tries those of others: it harms nobody but itself.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

work=/root/bad
mkdir -p "$work" /run/xenvm
for name in a b c; do truncate -s 1M "$work/$name"; done
ip link add xenbr0 type bridge && ip link set xenbr0 up
before=$lab_tmp/before
world >"$before"

# took SECONDS NAME COMMAND…: it succeeds, and not after that time
took() {
    local limit=$1 name=$2 began
    shift 2
    lab_now
    began=$lab_time
    runs "$name" "$@"
    lab_now
    ok "$([ $((lab_time - began)) -le "$limit" ]; echo $?)" "in $limit s at most: $((lab_time - began))"
}
# does COMMANDS: a program of the guest's shell, which has `put NODE VALUE` for what must be possible, and `try NODE VALUE`
does() {
    vm_shell bad "put() { xenstore write \"\$@\" || { echo \"\$1 \$2\" && exit 1; }; }; try() { xenstore write \"\$@\"; }; ${1//$'\n'/ }" 90 || {
        tail -n 5 "$(guest_log bad)"
        return 1
    }
}
# may_not NODE VALUE NAME: it is refused, and the node is as it was
may_not() {
    local was
    was=$(xenstore-read "$1" 2>&1)
    runs "$3: refused" guest_ask bad "sh xenstore write $1 $2" '^EACCES' 30
    is "$(xenstore-read "$1" 2>&1)" "$was" 'and it is as it was'
}
# What the other VM shows of itself while the first does its worst.
others_work() {
    xenvm-cmd good pause && xenvm-cmd good unpause && xenvm-cmd good disk-add "$work/c:file:xvdb:w:disk" &&
        xenvm-cmd good disk-del xvdb && [ "$(xenvm-cmd good disk-list | awk 'NR > 1 { print $1 }')" = xvda ]
}
lists() { [ "$(xenvm-cmd --json bad disk-list | jq '.disks | length') $(xenvm-cmd --json bad nic-list | jq '.nics | length')" = "$1" ]; }

runs 'a VM' vm_tiny good idle "disk=$work/b:file:xvda:w:disk" nic=id=0
start_bad() { vm_up bad cmdline+=lab.quiet "disk=$work/a:file:xvda:w:disk" nic=id=0 on_crash=destroy; }
runs 'and one whose guest means ill' start_bad
domid=$(vm_domid bad)
good=$(vm_domid good)
here=/local/domain/$domid
pid=$(vm_get bad pid)
good_pid=$(vm_get good pid)
runs 'it reads' guest_ask bad 'sh xenstore read domid' "^$domid\$" 30

# --- what is not its own

may_not "/local/domain/$good/name" bad "another domain's name"
may_not "/local/domain/$good/device/vbd/51712/state" 6 "another domain's disk"
may_not "/local/domain/$good/control/shutdown" poweroff 'to shut another domain down'
may_not "/local/domain/0/backend/vbd/$good/51712/online" 0 "the backend of another domain's disk"
may_not "/local/domain/0/backend/vbd/$domid/51712/online" 0 'the backend of its own'
may_not "/local/domain/0/backend/vbd/$domid/51712/params" /etc/shadow 'its file'
may_not "/local/domain/0/backend/vif/$domid/0/hotplug-status" rubbish 'that of its card'
may_not "/local/domain/0/backend/vbd/$domid/99999/state" 1 'a backend that there is not'
may_not /local/domain/0/name bad "dom0's name"
may_not "$here/memory/target" 1 'the memory that it is to have'
may_not "$here/name" dom0 'its own name'
may_not "$here/domid" 0 'its own number'
may_not "/vm/$(vm_uuid bad)/name" dom0 'its name elsewhere'

# --- what is

huge=99999999999999999999999999
# shellcheck disable=SC2016 # the guest's
long='$(head -c 2000 /dev/zero | tr "\0" 7)'
as_before() {
    is "$(vm_state bad) $(vm_get bad pid)" "running $pid" 'its monitor is as before'
    runs 'the other VM goes on' others_work
    runs 'the devices are listed' lists '1 1'
}
for node in device/vbd/51712 device/vif/0; do
    runs "$node/state: rubbish" does "for i in 99 -1 '' rubbish $huge $long '%s%n/../..'; do put $node/state \"\$i\"; done"
    runs "$node/state: what it should not be now" does "for i in 0 5 6 1 3 4; do put $node/state \$i; done"
    as_before
done
for node in device/vbd/51712 device/vif/0; do
    runs "$node/backend: others" does "for i in /local/domain/0/backend/vbd/$good/51712 /local/domain/0 $here/$node '' ../..; do put $node/backend \"\$i\"; done;
        for i in $good 99999 rubbish -1; do put $node/backend-id \$i; done"
    runs "$node: rubbish" does "for i in event-channel ring-ref tx-ring-ref rx-ring-ref protocol virtual-device device-type mac $huge; do
        for j in rubbish $huge -1 0 '' $long; do put $node/\$i \"\$j\"; done; done"
    is "$(vm_node bad $node/ring-ref | tr -d '\n' | wc -c)" 2000 'which is there'
    as_before
done
# Whether it may make these is xenstored's affair.
runs 'it tries others, there or not' does "for i in device/vbd/99999 device/vbd/rubbish device/vbd/$huge device/vif/99999 device/vif/rubbish device/pci/0 device/rubbish/0; do
    try \$i/backend /local/domain/0/backend/vbd/$good/51712; try \$i/backend-id 0; try \$i/state 4; done;
    try control/shutdown rubbish; try control/shutdown $long; try control/shutdown ''; try control/sysrq rubbish; try control/feature-suspend rubbish;
    try data/report $long; try memory/rubbish $huge; try console/tty /etc/shadow; try console/ring-ref $huge; :"
as_before
is "$(xenstore-read "/local/domain/0/backend/vbd/$good/51712/online")" 1 'whose disk is there'
is "$(xenstore-read "$here/console/tty" 2>/dev/null | grep -c /etc)" 0 'its console is where it was'

# --- and what its host does then

kill -9 "$pid"
runs 'a new monitor' xenvm "$(vm_file bad)"
is "$(vm_state bad)" running 'finds it'
runs 'with its devices' lists '1 1'
took 25 'its disk is taken from it' xenvm-cmd bad disk-del xvda force=true
took 25 'so is its card' xenvm-cmd bad nic-del 0 force=true
runs 'the devices are gone' lists '0 0'
took 25 'it is destroyed' xenvm-cmd bad destroy
vm_down bad

# --- a flood

runs 'another time' start_bad
runs 'it writes to its disk without end' vm_shell bad 'xenstore flood device/vbd/51712/state 3'
is "$(vm_node bad device/vbd/51712/state)" 3 'which is not its to say now'
xenvm-cmd bad disk-del xvda timeout=60 >"$lab_tmp/del" 2>&1 &
is_asked() { xenvm-cmd --json bad status | jq -e .operation; }
runs 'its disk is to go meanwhile' wait_for 10 is_asked
took 20 'the monitor answers' lists '1 1'
runs 'the other VM goes on' others_work
took 25 'it is destroyed' xenvm-cmd bad destroy
wait $!
is $? 1 'which was first'
vm_down bad

runs 'another time' start_bad
# shellcheck disable=SC2016 # the guest's
runs 'it removes nodes' does 'for i in device/vbd/51712 device/vif/0; do for j in state backend; do xenstore rm $i/$j || exit; done; done;
    xenstore rm device/vbd/51712; xenstore rm device/vbd; xenstore rm device; :'
runs 'the other VM goes on' others_work
runs 'the monitor answers' lists '1 1'
took 25 'it is destroyed' xenvm-cmd bad destroy
vm_down bad
is "$(vm_state good) $(vm_get good pid)" "running $good_pid" 'the other VM is as it was'
vm_down good
world_is "$before" 'nothing is left'
ip link del xenbr0
rm -rf "$work"
done_testing

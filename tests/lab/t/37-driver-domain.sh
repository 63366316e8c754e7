#!/bin/bash
# Devices whose backend is not domain 0 (backend-domid): a guest that serves a network card and a disk to another one.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
work=/root/driver
mkdir -p $work
truncate -s 16M $work/disk
world >"$before"

vm_config driver initrd=/lab/guest/initrd-more cmdline+=lab.quiet disk=$work/disk:file:xvda:w:disk
runs 'a driver domain' vm_boot driver
guest_ask driver 'load xen-netback' '^loaded' 60
guest_ask driver 'load xen-blkback' '^loaded' 60
runs 'that serves' vm_shell driver 'serve >/dev/null 2>&1 &'
backend=$(vm_domid driver)
forced() { journalctl -b -t xenvm -o cat | grep "$(vm_uuid user)" | grep 'nobody takes it away'; }
served() { xenstore-ls -f "/local/domain/$backend/backend" 2>/dev/null | grep -E "/(vif|vbd)/[0-9]+/"; }

runs 'a guest with a card and a disk of its' vm_up user cmdline+=lab.quiet nic=backend-domid="$backend" \
    disk=/dev/xvda:phy:xvdb:w:disk:backend-domid="$backend"
is "$(xenvm-cmd --json user nic-list | jq -r '.nics[].state') $(xenvm-cmd --json user disk-list | jq -r '.disks[].state')" \
    'connected connected' 'both are connected'
runs 'it reaches the driver domain' vm_shell user 'ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up; ping -c 3 10.9.0.1 >/dev/null'
runs 'it writes' vm_shell user 'echo by way of another | dd of=/dev/xvdb conv=fsync 2>/dev/null'
is "$(head -n 1 $work/disk)" 'by way of another' 'to where that has its disk'
kill -9 "$(vm_get user pid)"
runs 'a new monitor' xenvm "$(vm_file user)"
is "$(xenvm-cmd --json user nic-list | jq -r '.nics[].state') $(xenvm-cmd --json user disk-list | jq -r '.disks[].state')" \
    'connected connected' 'finds both'
runs 'the card goes' xenvm-cmd user nic-del 0
runs 'the disk goes' xenvm-cmd user disk-del xvdb
is "$(served)" '' 'nothing of them is left'
runs 'a disk comes' xenvm-cmd user disk-add /dev/xvda:phy:xvdc:r:disk:backend-domid="$backend"
runs 'and a card' xenvm-cmd user nic-add backend-domid="$backend"
runs 'suspend' xenvm-cmd user suspend file="$lab_tmp/image"
runs 'restore' xenvm-cmd user restore file="$lab_tmp/image"
runs 'it is there' vm_shell user 'head -n 1 /dev/xvdc | grep -q "by way of another"' ||
    note "$(xenvm-cmd user disk-list; served; tail -n 20 "$(guest_log user)")"
vm_down user
is "$(served)" '' 'nothing is left of the guest'
is "$(forced)" '' 'and the driver domain has let go of all that by itself'

# --- without those scripts, and without the driver domain

vm_config other nic=backend-domid=999
refused 1 'cannot attach nic 0: there is no domain 999 [(]backend-domid[)]$' 'a domain that there is not' xenvm "$(vm_file other)"
runs 'a guest with a card' vm_up user cmdline+=lab.quiet nic=backend-domid="$backend"
runs 'its driver domain dies' xenvm-cmd driver destroy
runs 'it runs on' guest_ask user 'ping you' '^pong you' 20
runs 'the card goes, at once' timeout 10 xenvm-cmd user nic-del 0 force=true
runs 'shutdown' xenvm-cmd user shutdown
vm_down user
vm_down driver
world_is "$before" 'nothing is left'
rm -rf $work
done_testing

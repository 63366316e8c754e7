#!/bin/bash
# suspend live=true: on a hypervisor with shadow paging that it works, on one without that it is refused.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
image=$lab_tmp/image
cycles=${LAB_CYCLES:-20}
world >"$before"

runs 'a VM' vm_up live memory=72 cmdline+=lab.pattern=8
mark=$(guest_mark live)
runs 'whose guest is busy' guest_ask live 'dirty 4' '^dirtying' 20

if [ ! -e /lab/hypervisor-has-shadow ]; then
    refused 1 '^xenvm-cmd: live: live=true is not possible here: .* shadow paging' 'live=true is refused' \
        xenvm-cmd live suspend file="$image" live=true
    is "$(vm_state live) $(vm_seen live)" "running $(vm_xl live)" 'the VM runs on'
    is "$(find "$lab_tmp" -name 'image*')" '' 'there is no file'
    is "$(vm_node live control/shutdown)" '' 'no request is left'
    runs 'the guest goes on' vm_goes_on live "$mark"
    vm_down live
    world_is "$before" 'nothing is left'
    done_testing
fi

cycle() {
    xenvm-cmd live suspend file="$image" live=true && vm_is live suspended &&
        { [ $done -gt 0 ] || verify-stream-v2 -f xl -i "$image"; } &&
        xenvm-cmd live restore file="$image" && vm_goes_on live "$mark"
}
passes=
done=0
while [ "$done" -lt "$cycles" ] && cycle >"$lab_tmp/cycle" 2>&1; do
    done=$((done + 1))
    passes+=$(grep '^suspend, pass' "$lab_tmp/cycle")
done
is "$done" "$cycles" "$cycles live cycles" || note "$(cat "$lab_tmp/cycle"; vm_state live)"
like "$passes" 'suspend, pass 2: ' 'the memory was copied in passes'
runs 'the guest ticks on' vm_ticks live
runs 'it stops writing' guest_ask live clean '^clean' 20
vm_down live

world_is "$before" 'nothing is left'
done_testing

#!/bin/bash
# kill -9 of the worker, at each step of what it does: one line says so, and all is as it was before.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh
# shellcheck source=../faults.sh source-path=SCRIPTDIR
. /lab/tests/faults.sh

image=/tmp/image
before=$lab_tmp/before
world >"$before"

# The command fails because the worker died, and then the VM is in that state.   dies STATE POINT COMMAND ARG…
dies() {
    local state=$1 point=$2
    shift 2
    trouble=
    lay xenvm-worker "$point"
    ask "$@" >/dev/null 2>"$lab_tmp/error" && trouble='the command succeeded;'
    grep -qE "^xenvm-cmd: $vm: (cannot restore from $image: )?the worker died: Killed\$" "$lab_tmp/error" ||
        trouble+=" it said: $(cat "$lab_tmp/error");"
    [ "$(wc -l <"$lab_tmp/error")" -eq 1 ] || trouble+=' not in one line;'
    sprung || trouble+=' the fault did not happen;'
    rm -f "$fault_file"
    vm_is "$vm" "$state" || trouble+=" it is $(vm_state "$vm");"
    wait_for 5 no_worker || trouble+=' a worker is left;'
}
vm=tiny
vm_tiny tiny idle startup=shutdown && ask quit
runs 'a monitor' with_faults xenvm "$(vm_file tiny)"
traces >"$lab_tmp/waiting"
points xenvm-worker ask start
is "$(vm_state tiny)" running 'a start, to see which calls there are'
like "${points[*]}" 'xc_dom_parse_image:1 .*xc_dom_boot_image:1 ' 'the important ones are among them'
ask destroy
for point in "${points[@]}"; do
    dies shutdown "$point:kill-before" start
    traces_are "$lab_tmp/waiting"
    is "$trouble" '' "a worker that builds, killed at $point"
done

# A worker that destroys is started again.
for point in domctl_destroydomain:1:kill-before domctl_destroydomain:1:kill-after send:1:kill-before; do
    ask start
    lay xenvm-worker "$point"
    runs "a destroy succeeds with its worker killed at $point" ask destroy
    runs '... which happened' sprung
    trouble=
    traces_are "$lab_tmp/waiting"
    is "$trouble" '' '... and nothing is left'
done
vm_down tiny

vm=linux
runs 'a guest is up' vm_up linux cmdline+='quiet lab.quiet lab.pattern=4'
ask quit
runs 'a monitor' with_faults xenvm "$(vm_file linux)"
traces >"$lab_tmp/up"
points xenvm-worker ask checkpoint "file=$image"
like "${points[*]}" 'write:1 .*xc_domain_save:1 .*fsync:1 .*renameat2:1 ' 'a checkpoint, to see which calls there are'
rm -f $image
# A suspend has more of them: the record names the image before that has its name.
for point in "${points[@]}" rename:1:kill-after fsync:3 fsync:4; do
    # Once it has its name the image is whole, and the command has done what it should.
    case $point in send:* | domctl_resumedomain:*) continue ;; esac
    dies running "$(each "$point")" suspend "file=$image"
    [ ! -e $image ] || trouble+=' there is an image;'
    vm_pattern linux >/dev/null || trouble+=' the pattern is not whole;'
    traces_are "$lab_tmp/up"
    is "$trouble" '' "a worker that suspends, killed at $point"
done
# One that lets the guest go on is started again.
for point in domctl_resumedomain:1:kill-before domctl_resumedomain:1:kill-after; do
    lay xenvm-worker "$point"
    runs "a checkpoint succeeds with its worker killed at $point" ask checkpoint "file=$image"
    runs '... which happened' sprung
    runs '... the pattern is whole' vm_pattern linux
    rm -f $image
done
for point in renameat2:1:kill-after fsync:5:kill-after; do
    lay xenvm-worker "$point"
    runs "a suspend succeeds when its worker is killed at $point" ask suspend "file=$image"
    runs '... which happened' sprung
    runs '... the image is sound' verify-stream-v2 -f xl -i $image
    is "$(vm_state linux)" suspended '... and the VM suspended'
    runs '... until it is restored' ask restore "file=$image"
    runs '... with its pattern' vm_pattern linux
done

runs 'a suspend' ask suspend "file=$image"
traces >"$lab_tmp/waiting"
for point in send:1:kill-before send:1:kill-after xc_domain_restore:1:kill-before xc_domain_restore:1:kill-after; do
    dies suspended "$point" restore "file=$image"
    [ -s $image ] || trouble+=' the image is gone;'
    traces_are "$lab_tmp/waiting"
    is "$trouble" '' "a worker that restores, killed at $point"
done
runs 'after this it is restored' ask restore "file=$image"
runs 'and its pattern is whole' vm_pattern linux
vm_down linux
world_is "$before" 'nothing is left'
done_testing

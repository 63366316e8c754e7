#!/bin/bash
# kill -9 of the monitor, before each kind of call that leads out of it, in suspend, checkpoint and restore. A new monitor then
# finds one of the two: what was asked for is done, or it is taken back. LAB_THOROUGH=yes tries more calls.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh
# shellcheck source=../faults.sh source-path=SCRIPTDIR
. /lab/tests/faults.sh

image=/tmp/image
before=$lab_tmp/before
world >"$before"

vm=linux
runs 'a guest is up' vm_up linux memory=48 cmdline+='quiet lab.quiet lab.pattern=4'
ask quit
# A guest that got lost is not to be started anew, with a pattern as good as the old one.
vm_config linux memory=48 cmdline+='quiet lab.quiet lab.pattern=4' startup=shutdown
runs 'a monitor that can be killed' new_monitor

points xenvm ask checkpoint "file=$image"
checkpoints=("${points[@]}")
rm -f "$image"
points xenvm ask suspend "file=$image"
suspends=("${points[@]}")
is "$(vm_state linux)" suspended 'a suspend, to see which calls there are'
points xenvm ask restore "file=$image" delete=false
restores=("${points[@]}")
rm -f "$image"

# Suspended with a whole image and no domain, or running with its pattern and no image.
whole() {
    case $found in
    suspended)
        has_domains 0
        ask restore "file=$image" || trouble+=' it cannot be restored;'
        ;;
    running) [ "$1" = keep ] || [ ! -e "$image" ] || trouble+=' there is an image;' ;;
    *) trouble+=" it is $found;" ;;
    esac
    has_domains 1
    vm_pattern linux >/dev/null || trouble+=' the pattern is not whole;'
    [ -z "$(ls $image.* 2>/dev/null)" ] || trouble+=" left: $(ls $image.*);"
    rm -f $image $image.*
}

for point in "${suspends[@]}" send:2:kill-after posix_spawn:2:kill-after; do
    killed "$(each "$point")" suspend "file=$image"
    whole
    verdict "suspend, killed at $point: $found"
done
for point in "${checkpoints[@]}"; do
    killed "$(each "$point")" checkpoint "file=$image"
    [ "$found" = running ] || trouble+=" it is $found;"
    whole keep
    verdict "checkpoint, killed at $point: $found"
done
for point in "${restores[@]}" domctl_createdomain:1:kill-after domctl_unpausedomain:1:kill-after; do
    ask suspend "file=$image"
    killed "$(each "$point")" restore "file=$image"
    whole
    verdict "restore, killed at $point: $found"
done
vm_down linux
world_is "$before" 'nothing is left'
done_testing

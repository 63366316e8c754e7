#!/bin/bash
# kill -9 of the monitor, before each kind of call that leads out of it, in start, destroy, shutdown, restart and set.
# A new monitor then finds one of the two: what was asked for is done, or it is taken back. LAB_THOROUGH=yes tries more calls.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh
# shellcheck source=../faults.sh source-path=SCRIPTDIR
. /lab/tests/faults.sh

image=/tmp/image
before=$lab_tmp/before
world >"$before"

vm=tiny
vm_tiny tiny idle startup=shutdown && ask quit
runs 'a monitor' new_monitor
traces >"$lab_tmp/waiting"

points xenvm ask start
is "$(vm_state tiny)" running 'a start, to see which calls there are'
like "${points[*]}" 'domctl_createdomain:1 .*xs_introduce:1 ' 'the important ones are among them'
starts=("${points[@]}")
# Shutdown and nothing there, or running and one domain, of which nothing is left once it is destroyed.
either() {
    case $found in
    shutdown) has_domains 0 ;;
    running) has_domains 1 && { ask destroy || trouble+=' cannot destroy it;'; } ;;
    *) trouble+=" it is $found;" ;;
    esac
    traces_are "$lab_tmp/waiting"
}
points xenvm ask destroy
destroys=("${points[@]}")
is "$(vm_state tiny)" shutdown 'and a destroy'

for point in "${starts[@]}" domctl_createdomain:1:kill-after rename:1:kill-after posix_spawn:1:kill-after \
    send:1:kill-after xs_introduce:1:kill-after domctl_unpausedomain:1:kill-after; do
    killed "$(each "$point")" start
    either
    verdict "start, killed at $point: $found"
done

for point in "${destroys[@]}" posix_spawn:1:kill-after send:1:kill-after; do
    ask start
    killed "$(each "$point")" destroy
    either
    verdict "destroy, killed at $point: $found"
done

for point in posix_spawn:1:kill-before rename:2:kill-before send:1:kill-after xs_rm:1:kill-before; do
    ask start
    killed "$point" shutdown force=true
    either
    verdict "shutdown, killed at $point: $found"
done

for point in posix_spawn:1:kill-before send:1:kill-after xs_rm:1:kill-before domctl_createdomain:1:kill-before \
    domctl_createdomain:1:kill-after posix_spawn:2:kill-after xs_transaction_end:1:kill-before \
    xs_introduce:1:kill-before domctl_unpausedomain:1:kill-before domctl_unpausedomain:1:kill-after; do
    [ "$(vm_state tiny)" = running ] || ask start
    killed "$point" restart force=true
    wait_for 20 vm_is tiny running || trouble+=" it is $(vm_state tiny);"
    has_domains 1
    verdict "restart, killed at $point: $(vm_state tiny)"
done
ask destroy

# A setting is kept whole, or not at all.
kept=/var/lib/xenvm/$(vm_uuid tiny)
points xenvm ask set memory 5
is "$(xenvm-cmd tiny get memory | sed -n 's/^value: //p')" 5 'a setting'
settings=("${points[@]}")
like "${settings[*]}" 'posix_spawn:1' 'for which there is a worker'
for point in "${settings[@]}" posix_spawn:1:kill-after send:1:kill-after; do
    ask unset memory
    [ ! -e "$kept" ] || trouble='a folder is left;'
    killed "$(each "$point")" set memory 5
    value=$(xenvm-cmd tiny get memory | sed -n 's/^value: //p')
    case $value:$(find "$kept" -type f -exec cat {} + 2>&1) in
    '5:memory = 5') ;;
    4:*'No such file'*) ask set memory 5 ;;
    *) trouble+=" memory is $value with $(find "$kept" -type f);" ;;
    esac
    verdict "set, killed at $point: memory = $value"
done
ask unset memory
vm_down tiny
world_is "$before" 'nothing is left'
done_testing

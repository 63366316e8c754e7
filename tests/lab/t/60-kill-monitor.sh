#!/bin/bash
# kill -9 of the monitor, before each kind of call that leads out of it, in every long operation. A new monitor
# then finds one of the two: what was asked for is done, or it is taken back.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh
# shellcheck source=../faults.sh source-path=SCRIPTDIR
. /lab/tests/faults.sh

image=/tmp/image
before=$lab_tmp/before
world >"$before"
ask() { xenvm-cmd --json "$vm" "$@" >/dev/null; }
new_monitor() { with_faults xenvm "$(vm_file "$vm")"; }
domains() { xl list -v | grep -c "$(vm_uuid "$vm")"; }

# Kills the monitor in the middle of a command and starts another.   killed POINT COMMAND ARG…
# It says in $trouble what is wrong, and in $found the state.
killed() {
    local pid point=$1
    shift
    trouble=
    pid=$(vm_get "$vm" pid)
    lay xenvm "$point"
    ask "$@" >/dev/null 2>&1 && trouble="the command succeeded;"
    wait_for 20 no_process "$pid" || trouble+=" the monitor was not killed;"
    sprung || trouble+=" the fault did not happen;"
    rm -f "$fault_file"
    wait_for 10 no_worker || trouble+=" a worker is left;"
    new_monitor >"$lab_tmp/new" 2>&1 || trouble+=" no new monitor: $(cat "$lab_tmp/new");"
    no_worker || trouble+=" a worker works;"
    found=$(vm_state "$vm")
}
# Is there a domain, or none?   has_domains N
domains_are() { [ "$(domains)" -eq "$1" ]; }
has_domains() { wait_for 5 domains_are "$1" || trouble+=" $(domains) domains;"; }
verdict() { is "$trouble" '' "$1"; }
# A name for the point: kill-before unless it says otherwise.
each() { case $1 in *:*:*) echo "$1" ;; *) echo "$1:kill-before" ;; esac; }

# --- a small guest: start, restart, shutdown, destroy

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
vm_down tiny
world_is "$before" 'nothing is left'

# --- a Linux guest: suspend, checkpoint, restore

vm=linux
runs 'a guest is up' vm_up linux cmdline+='quiet lab.quiet lab.pattern=4'
ask quit
# A guest that got lost is not to be started anew, with a pattern as good as the old one.
vm_config linux cmdline+='quiet lab.quiet lab.pattern=4' startup=shutdown
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
        verify-stream-v2 -f xl -i "$image" >/dev/null 2>&1 || trouble+=' the image is damaged;'
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

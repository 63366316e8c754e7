#!/bin/bash
# The part of scripts/demo that runs in the lab: one guest's life, each step told, shown, timed and checked.
#   lab run tests/lab/demo.sh [--colour]
# Ends with 1 at the first claim that turns out not to be so, and says in which step.
# shellcheck source=lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck disable=SC2034 # of lib.sh: this is no test script, it need not end with a plan
lab_ended=yes

bold='' dim='' red='' green='' blue='' plain=''
if [ "${1:-}" = --colour ]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' blue=$'\e[34m' plain=$'\e[0m'
fi

cfg=/etc/xenvm/demo.cfg
image=/var/lib/demo.image
log=$(guest_log demo)
times=$lab_tmp/times
steps=0

# step NAME EXPLANATION
step() {
    steps=$((steps + 1))
    name=$1
    printf '\n%s%d. %s%s\n%s\n' "$bold" $steps "$name" "$plain" "$2"
}

# Runs a command line as it was typed and shows it, what it prints and how long it took.
#   run COMMAND-LINE [EXIT-STATUS-WANTED [NAME-FOR-THE-TABLE-OF-TIMES]]
run() {
    local wanted=${2:-0} status began ended ms
    printf '  %s$ %s%s\n' "$blue" "$1" "$plain"
    # The clock is read on this side of the pipe.
    {
        began=${EPOCHREALTIME/./}
        eval "$1"
        status=$?
        ended=${EPOCHREALTIME/./}
        echo "$status $(((ended - began + 500) / 1000))" >"$lab_tmp/result"
    } 2>&1 | tr -d '\r' | sed -u 's/^/    /'
    read -r status ms <"$lab_tmp/result"
    printf '    %s[%d ms%s]%s\n' "$dim" "$ms" "$([ "$status" -eq 0 ] || echo ", exit status $status")" "$plain"
    [ -z "${3:-}" ] || printf '%-38s %7d ms\n' "$3" "$ms" >>"$times"
    [ "$status" -eq "$wanted" ] || fail_step "it ended with status $status, not $wanted"
}

# A claim, and the command that tells whether it is true.   check CLAIM COMMAND [ARG…]
check() {
    local claim=$1
    shift
    "$@" >"$lab_tmp/check" 2>&1 || {
        sed 's/^/    /' "$lab_tmp/check"
        fail_step "not so: $claim"
    }
    printf '  %s✓%s %s\n' "$green" "$plain" "$claim"
}

fail_step() {
    printf '  %s✗ %s%s\n' "$red" "$1" "$plain"
    printf '\n%sdemo: step %d (%s) failed: %s%s\n' "$red" $steps "$name" "$1" "$plain"
    cp /tmp/xenvm-debug-* "$LAB_OUT/" 2>/dev/null
    exit 1
}

same() { [ "$1" = "$2" ] || { echo "got '$1', not '$2'"; return 1; }; }
last_tick() { tr -d '\r' <"$log" | sed -n 's/^tick //p' | tail -n 1; }
listed() { xl list | awk '{ print $1 }' | grep -qx demo; }
not_listed() { ! listed; }
ticked_past() { [ "$(last_tick)" -gt "$1" ]; }
tick_after() { tr -d '\r' <"$log" | grep -a '^tick ' | grep -A 1 -x "tick $1" | sed -n '2s/^tick //p'; }
free_memory() { xl info | sed -n 's/^free_memory *: //p'; }
gave_back() { [ $(($(free_memory) - $1)) -ge 120 ] || { echo "free: $1 MiB before, $(free_memory) now"; return 1; }; }
status_of() { xenvm-cmd demo status | sed -n "s/^$1: //p"; }
no_process() { ! pgrep -l '^xenvm' || return 1; }
ups() { grep -ac '^guest: up' "$log"; }
none_left() { not_listed && no_process && [ -z "$(ls /run/xenvm)" ] && [ ! -e $image ]; }

# What stands in the guest's console, in words that can be typed again.
show_tick="grep tick $log | tail -n 1"

step 'The host' \
    'This machine runs the Xen hypervisor. Under Xen every system is a domain, also the one that these commands are
typed in: Domain-0, a Linux that manages the others. Xen'\''s own tool xl lists the domains; it is the witness here.'
run 'xl list'
check 'Domain-0 is alone' same "$(xl list | wc -l)" 2

step 'A guest from a file' \
    'A virtual machine (VM) is described by a file. This one has a Linux kernel and, as its whole system, a small program
that counts the seconds on its console and keeps 8 MB of known data in memory.'
mkdir -p /etc/xenvm
cat >$cfg <<END
uuid = 3d6f1c5e-94a2-4b0d-8c57-f0e1d2c3b4a5
name = demo
kernel = /lab/guest/debian/vmlinux
initrd = /lab/guest/debian/initrd
cmdline = console=hvc0
memory = 128
END
run "cat $cfg"
echo 'xenvm builds the domain, starts it and stays in the background: one such monitor for each VM.'
run "xenvm $cfg" 0 'start'
run 'xl list'
check 'Xen lists the guest beside Domain-0' listed
run 'xenvm-cmd demo status'
check 'the monitor says that it is running, in the domain that Xen lists' \
    same "$(status_of state) $(status_of domid)" "running $(xl domid demo)"

step 'The console' \
    'What the guest prints on its console is kept in a log in Domain-0. Its kernel needs a moment to start.'
check 'the guest counts' wait_for 60 grep -aq '^tick 3' "$log"
run "tail -n 5 $log"

step 'Pause' \
    'The guest'\''s processors stop; its memory stays where it is. (p: xl'\''s letter for a paused domain.)'
run 'xenvm-cmd demo pause' 0 'pause'
run 'xl list demo'
check 'Xen says that it is paused' guest_has_state demo p
run "$show_tick"
stood=$(last_tick)
run "sleep 3; $show_tick"
check "three seconds later the counter still stands at $stood" same "$(last_tick)" "$stood"

step 'Unpause' 'The guest goes on as if nothing had been.'
run 'xenvm-cmd demo unpause' 0 'unpause'
check 'the counter goes on' wait_for 10 ticked_past "$stood"
run "$show_tick"
check 'with the next number' same "$(tick_after "$stood")" $((stood + 1))

step 'Suspend' \
    'The guest is asked to stand still, its memory is written to a file, and its domain ends: it now costs the host
nothing but the file.'
free=$(free_memory)
run "xenvm-cmd demo suspend file=$image" 0 'suspend'
run 'xl list; xl info | grep free_memory'
check 'the domain is gone' not_listed
check "its memory is free again ($free MiB were free before)" wait_for 5 gave_back "$free"
run "ls -sh $image; verify-stream-v2 -f xl -i $image"
check 'the file is an image that Xen'\''s own judge accepts' verify-stream-v2 -f xl -i $image
check 'the VM is suspended' same "$(status_of state)" suspended

step 'Restore' 'A new domain is made from the file.'
stood=$(last_tick)
run "xenvm-cmd demo restore file=$image" 0 'restore'
run 'xl list'
check 'Xen lists it again, under a new number' listed
check 'the counter goes on' wait_for 20 ticked_past "$stood"
check "from where it was: after $stood comes $((stood + 1))" same "$(tick_after "$stood")" $((stood + 1))
mark=$(guest_mark demo)
echo 'The guest is told over its console to compare its 8 MB with what they were at its start.'
run "echo check >$(xenstore-read "/local/domain/$(xl domid demo)/console/tty")"
check 'it answers that its memory is whole' guest_wait demo '^pattern ok' 30 "$mark"
run "grep pattern $log | tail -n 1"

step 'The monitor is killed' \
    'kill -9 gives the monitor no time to clean up. The guest does not need it in order to run.'
domid=$(xl domid demo)
pid=$(status_of pid)
run "kill -9 $pid"
run 'xenvm-cmd demo status' 3
check 'no monitor is left' no_process
stood=$(last_tick)
check 'the guest counts on' wait_for 10 ticked_past $((stood + 1))
run "$show_tick"
echo 'A new monitor, started from the same file, finds the domain and takes it over.'
run "xenvm $cfg" 0 'a new monitor adopts the guest'
run 'xenvm-cmd demo status'
check 'the same domain is running' same "$(status_of state) $(status_of domid)" "running $domid"
check 'the guest was not started again: it said only once that it is up' same "$(ups)" 1

step 'Shutdown' 'The guest is asked to power off, agrees and does it.'
run 'xenvm-cmd demo shutdown' 0 'shutdown, with the guest'\''s agreement'
run "tail -n 2 $log"
check 'the guest said so' grep -aq '^guest: obeys poweroff' "$log"
run 'xl list'
check 'its domain is gone' not_listed
run 'xenvm-cmd demo quit'
check 'and of the VM nothing is left: no domain, no process, no socket, no image' wait_for 5 none_left

printf '\n%sAll %d steps did what they claim.%s Whole commands, as they were typed, took:\n' "$green" $steps "$plain"
sed 's/^/  /' "$times"
echo "These are times of a Xen host that is emulated in software; a real one is many times faster."

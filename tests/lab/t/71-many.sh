#!/bin/bash
# Many VMs: list and --all, with a monitor among them that hangs.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
space=' ' # where editors would take it off
world >"$before"

# column NAME N: a word of that VM's line of list
column() { xenvm-cmd list | awk -v "name=$1" -v "n=$2" '$1 == name { print $n }'; }
# listed NAME MEMBER: of list --json
listed() { xenvm-cmd list --json | jq -r ".[] | select(.name == \"$1\") | .$2"; }
# states_are STATE…: those of all VMs, sorted by name
states_are() { [ "$(xenvm-cmd list --json | jq -r '.[].state' | tr '\n' ' ')" = "$* " ]; }

is "$(xenvm-cmd list --json)" '[]' 'no VMs: an empty list'
runs '--all of no VMs succeeds' xenvm-cmd --all pause
is "$output" '' 'and says nothing'

# --- list

runs 'a VM with a guest that listens' vm_up guest
runs 'a tiny one' vm_tiny tiny1 idle
runs 'another one' vm_tiny tiny2 idle
vm_config down startup=shutdown
runs 'one that is down' xenvm "$(vm_file down)"
is "$(xenvm-cmd list | awk '{ print $1 }' | tr '\n' ' ')" 'NAME down guest tiny1 tiny2 ' 'list shows all, sorted by name'
is "$(xenvm-cmd list | head -n 1 | tr -s ' ')" 'NAME UUID DOMID STATE UPTIME MEMORY VCPUS CPU' 'under heads'
is "$(xenvm-cmd list | sed -n 's/^tiny1 *//p' | tr -s ' ' | cut -d ' ' -f 1,2,3,5,6)" \
    "$(vm_uuid tiny1) $(vm_domid tiny1) running 4 1" 'with UUID, domid, state, memory and vcpus'
is "$(xenvm-cmd list | sed -n 's/^down *//p' | tr -s ' ')" "$(vm_uuid down) - shutdown - 64 1 -" 'and less of one that is down'
like "$(column guest 5)" '^([0-9]+:)?[0-9]{1,2}:[0-9]{2}$' 'uptime'
like "$(column guest 8)" '^[0-9]+\.[0-9]%$' 'and the use of processors'
is "$(xenvm-cmd list --json | jq -c '[.[].state]')" '["shutdown","running","running","running"]' 'list --json'
is "$(xenvm-cmd list --json | wc -l)" 1 'is one line'
xl_uptime=$(xl uptime "$(vm_domid guest)" | awk 'END { print $3 }')
uptime=$(listed guest uptime)
xl_uptime=$(awk -F : '{ print $1 * 3600 + $2 * 60 + $3 }' <<<"$xl_uptime")
ok "$([ $((uptime - xl_uptime)) -ge 0 ] && [ $((uptime - xl_uptime)) -le 3 ]; echo $?)" \
    "the uptime is that of xl: $uptime, $xl_uptime"
xl_used=$(xl list "$(vm_domid guest)" | awk 'NR == 2 { printf "%d", $6 * 1000 }')
used=$(xenvm-cmd guest status | sed -n 's/^cpu-time: //p')
ok "$([ $((used - xl_used)) -ge -100 ] && [ $((used - xl_used)) -le 3000 ]; echo $?)" \
    "so is the processor time: $used ms, $xl_used ms"
is "$(vm_get down uptime)$(vm_get down cpu-time)" '' 'one that is down has neither'
pid=$(vm_get guest pid)
xenvm-cmd guest quit
wait_for 20 no_process "$pid"
is "$(xenvm-cmd list | wc -l)" 4 'a VM without a monitor is not listed'
uptime_before=$uptime
xenvm "$(vm_file guest)"
ok "$([ "$(listed guest uptime)" -ge "$uptime_before" ]; echo $?)" 'a new monitor knows how long its domain has been there'

# --- list --watch

xenvm-cmd list --watch >"$lab_tmp/watched" &
watcher=$!
xenvm-cmd list --watch --json >"$lab_tmp/watched.json" &
json_watcher=$!
# What is drawn on a terminal; socat gives it one.
socat -u "EXEC:xenvm-cmd list --watch,pty,setsid,ctty,stderr" "CREATE:$lab_tmp/screen" &
screen_watcher=$!
# has FILE REGEX
has() { grep -qE -- "$2" "$1"; }
runs 'list --watch prints each VM at first' wait_for 20 has "$lab_tmp/watched" '^[0-9:]{8} tiny2: running, domid [0-9]+$'
runs 'as JSON, too' wait_for 20 has "$lab_tmp/watched.json" '"name":"tiny2"'
runs 'as a table on a terminal' wait_for 20 has "$lab_tmp/screen" 'tiny2 .* running '
xenvm-cmd tiny2 pause
runs 'and a change of state' wait_for 20 has "$lab_tmp/watched" '^[0-9:]{8} tiny2: running -> paused, domid [0-9]+$'
runs 'as JSON, too' wait_for 20 has "$lab_tmp/watched.json" '"uuid":"'"$(vm_uuid tiny2)"'","old":"running","state":"paused"'
runs 'and below the table' wait_for 20 has "$lab_tmp/screen" '^[0-9:]{8} tiny2: running -> paused, domid [0-9]+'
like "$(cat "$lab_tmp/screen")" 'tiny2 .* paused ' 'which is drawn anew'
vm_down down
runs 'the end of a monitor' wait_for 20 has "$lab_tmp/watched" '^[0-9:]{8} down: its monitor has ended$'
runs 'as JSON, too' wait_for 20 has "$lab_tmp/watched.json" '"event":"gone","name":"down"'
is "$(grep -c tiny1 "$lab_tmp/watched")" 1 'what does not change is printed once'
is "$(jq -r .event "$lab_tmp/watched.json" | sort | uniq -c | tr -s ' ' | tr '\n' ,)" ' 1 gone, 5 state,' \
    'every line of JSON is an event'
kill "$watcher" "$json_watcher" "$screen_watcher"
wait "$watcher" "$json_watcher" "$screen_watcher" 2>/dev/null

# --- --all

xenvm-cmd tiny2 unpause
runs '--all pause' xenvm-cmd --all pause
is "$(sort <<<"$output")" "$(printf '%s: done\n' guest tiny1 tiny2)" 'says it of each'
ok "$(states_are paused paused paused; echo $?)" 'and does it'
is "$(vm_letters guest)$(vm_letters tiny1)$(vm_letters tiny2)" ppp 'as xl sees'
fails 'once more' xenvm-cmd --all pause
is "$status $(grep -c '^xenvm-cmd: [a-z0-9]*: the VM is paused; pause needs it running$' <<<"$output")" '1 3' \
    'is refused by each, in one line'
xenvm-cmd tiny1 unpause
xenvm-cmd --all --json pause >"$lab_tmp/all.json" 2>/dev/null
is "$? $(jq -sc 'sort_by(.name) | [.[] | [.name, (.error.code // .result)]]' "$lab_tmp/all.json")" \
    '1 [["guest",-32000],["tiny1",null],["tiny2",-32000]]' 'where some fail, the status is 1, and JSON has both'
runs '--all domid' xenvm-cmd --all domid
is "$(sort <<<"$output")" "$(for vm in guest tiny1 tiny2; do echo "$vm: $(vm_domid $vm)"; done)" 'prints the results'
runs '--all unpause' xenvm-cmd --all unpause
ok "$(states_are running running running; echo $?)" 'all run'
refused 2 '^xenvm-cmd: suspend is not for all VMs at once: each needs a file of its own$' 'one image for all is refused' \
    xenvm-cmd --all suspend file="$lab_tmp/image" overwrite=true
refused 2 '^xenvm-cmd: watch is not for all VMs at once$' 'so is watch' xenvm-cmd --all watch
refused 2 "^xenvm-cmd: unknown command .paus'; did you mean .pause'" 'and what is no command' xenvm-cmd --all paus
ok "$(states_are running running running; echo $?)" 'which changes nothing'

# --- completion, in a bash that runs on a terminal

completed() { ./type-tab.py bash /usr/share/bash-completion/completions/xenvm-cmd "$@"; }
is "$(completed 'xenvm-cmd gu' 'xenvm-cmd ti' 'xenvm-cmd guest pau' 'xenvm-cmd guest shutdown fo' 'xenvm-cmd list --wa')" \
    "xenvm-cmd guest$space
xenvm-cmd tiny
xenvm-cmd guest pause$space
xenvm-cmd guest shutdown force=
xenvm-cmd list --watch$space" 'the Tab key knows VMs, commands, arguments and options'
is "$(completed "xenvm-cmd $(vm_uuid tiny1 | cut -c 1-8)")" "xenvm-cmd $(vm_uuid tiny1)$space" 'and UUIDs'

# --- a monitor that hangs

hung=$(vm_get tiny1 pid)
kill -STOP "$hung"
began=${EPOCHREALTIME/[.,]/}
xenvm-cmd list >"$lab_tmp/list"
took=$((${EPOCHREALTIME/[.,]/} - began))
is "$(awk '{ print $1, $4 }' "$lab_tmp/list" | tail -n +2 | tr '\n' ,)" 'guest running,tiny1 no,tiny2 running,' \
    'a monitor that hangs is shown as such'
like "$(cat "$lab_tmp/list")" "^tiny1 +$(vm_uuid tiny1) +- +no answer +- +- +- +-" 'with its name and UUID'
ok "$([ $took -lt 8000000 ]; echo $?)" "long before the ten seconds of other commands: $((took / 1000)) ms"
began=${EPOCHREALTIME/[.,]/}
xenvm-cmd --timeout 5 list >"$lab_tmp/list"
took=$((${EPOCHREALTIME/[.,]/} - began))
ok "$([ $took -ge 5000000 ] && [ $took -lt 10000000 ]; echo $?)" "or the five of --timeout: $((took / 1000)) ms"
refused 4 '^xenvm-cmd: tiny1: no answer within 1 s; the status may still go on$' 'a command gives up after --timeout' \
    xenvm-cmd --timeout 1 tiny1 status
refused 4 '^xenvm-cmd: tiny2: no answer within 2 s; the shutdown may still go on$' 'a long one too' \
    xenvm-cmd --timeout 2 tiny2 shutdown timeout=5
is "$(vm_state tiny2)" shutdowning 'which does go on'
runs 'until its own time is over' wait_for 10 vm_is tiny2 running

xenvm-cmd --all pause >"$lab_tmp/all" 2>"$lab_tmp/error" &
all=$!
runs 'it holds up no other' wait_for 5 vm_is tiny2 paused
runs 'of them' wait_for 5 vm_is guest paused
is "$(sort "$lab_tmp/all")" "$(printf '%s: done\n' guest tiny2)" 'which are told of at once'
wait $all
is "$? $(cat "$lab_tmp/error")" '4 xenvm-cmd: tiny1: no answer within 10 s; the pause may still go on' \
    'and then it is given up'
xenvm-cmd guest unpause
xenvm-cmd tiny2 unpause

mark=$(guest_mark guest)
xenvm-cmd --all shutdown timeout=1 >"$lab_tmp/all" 2>"$lab_tmp/error" &
all=$!
runs '--all shutdown' wait_for 60 vm_is guest shutdown
ok "$(guest_said guest '^guest: obeys poweroff' "$mark"; echo $?)" 'asks a guest that listens'
wait $all
is "$? $(cat "$lab_tmp/all")" '4 guest: done' 'which alone does it'
like "$(cat "$lab_tmp/error")" '^xenvm-cmd: tiny1: the monitor does not answer$' 'the others are named: that which hangs'
like "$(cat "$lab_tmp/error")" '^xenvm-cmd: tiny2: ' 'and that whose guest does not listen'
is "$(wc -l <"$lab_tmp/error")" 2 'in a line each'
kill -CONT "$hung"
runs 'a monitor that hangs no more does what it was told' wait_for 20 vm_is tiny1 paused
runs 'and is listed like others' wait_for 20 states_are shutdown paused running

xenvm-cmd guest start
runs '--all destroy' xenvm-cmd --all destroy
is "$(sort <<<"$output")" "$(printf '%s: done\n' guest tiny1 tiny2)" 'ends all'
ok "$(states_are shutdown shutdown shutdown; echo $?)" 'as list says'
pids=$(xenvm-cmd list --json | jq -r '.[].pid')
runs '--all quit' xenvm-cmd --all quit
for pid in $pids; do wait_for 20 no_process "$pid"; done
is "$(xenvm-cmd list --json)" '[]' 'no monitor is left'
# --- without systemd: all files of a folder

export XENVM_CONFIG_DIR=$lab_tmp/etc
mkdir "$XENVM_CONFIG_DIR"
for name in all1 all2 all3; do
    vm_config $name kernel="$lab_tmp/idle" initrd= cmdline= memory=4 stop-method=destroy
    mv "$(vm_file $name)" "$XENVM_CONFIG_DIR/$name.cfg"
done
vm_config all4 stop-method=suspend cmdline+=lab.quiet
mv "$(vm_file all4)" "$XENVM_CONFIG_DIR/all4.cfg"
mark=$(guest_mark all4)
runs 'xenvm-all start' xenvm-all start
is "$output" '' 'has nothing to say'
is "$(for name in all1 all2 all3 all4; do vm_state $name; done | sort | uniq -c | tr -s ' ')" ' 4 running' 'starts them'
runs 'a guest boots' vm_ready all4 "$mark"
mark=$(guest_mark all4)
runs 'once more' xenvm-all start
is "$(sort <<<"$output")" "$(printf '%s: has a monitor already\n' all1 all2 all3 all4)" 'leaves them alone'
echo 'memroy = 4' >>"$XENVM_CONFIG_DIR/all2.cfg"
is "$(xenvm-all status | tr '\n' ' ')" 'all1: running all2: running all3: running all4: running ' 'xenvm-all status lists them'
runs 'xenvm-all stop' xenvm-all stop
is "$(xl list | wc -l) $(xenvm-cmd list --json)" '2 []' 'ends them, and their monitors'
is "$(find /var/lib/xenvm -name "$(vm_uuid all4).*.image" | wc -l)" 1 'the one whose stop-method says so by a suspend'
is "$(xenvm-all status | uniq -f 1 -c | tr -s ' ')" ' 4 all1: has no monitor' 'which status says'
fails 'a file with a mistake' xenvm-all start
like "$output" "^all2: .*memroy: unknown key" 'is named'
is "$(xenvm-cmd list --json | jq -r '.[].name' | sort | tr '\n' ' ')" 'all1 all3 all4 ' 'and the others are started'
runs 'the guest that was suspended goes on' vm_goes_on all4 "$mark"
xenvm-cmd all4 destroy
runs 'stop' xenvm-all stop

world_is "$before" 'nothing is left'
done_testing

#!/bin/bash
# Clients that do not behave, commands at the wrong time, and destroy in the middle of everything.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
world >"$before"
bad() { # VM ACTION [ARG…]
    local vm=$1
    shift
    # -I, -S: without looking for packages, which takes longer than the rest.
    python3 -IS /lab/tests/badclient.py "/run/xenvm/vm-$(vm_uuid "$vm")" "$@"
}
rss() { awk '/^RssAnon/ { print $2 }' "/proc/$1/status"; }
in_state() { wait_for 60 vm_is "$1" "$2"; }

# --- the client's own errors

refused 3 '^xenvm-cmd: cl: no monitor is running \(`xenvm FILE. starts one\)$' 'no such VM' xenvm-cmd cl status
refused 3 'no monitor is running' 'no VM of that UUID' xenvm-cmd "$(vm_uuid cl)" status
vm_config cl startup=shutdown
runs 'a monitor' xenvm "$(vm_file cl)"
uuid=$(vm_uuid cl)
vm_config twin startup=shutdown "uuid=${uuid:0:8}-1111-1111-1111-111111111111"
runs 'and another one whose UUID begins alike' xenvm "$(vm_file twin)"
runs 'a prefix of one of them' xenvm-cmd "${uuid:0:10}" status
refused 2 "^xenvm-cmd: ${uuid:0:8}: more than one UUID begins so: .*$uuid" 'a prefix of both' xenvm-cmd "${uuid:0:8}" status
runs 'one of them quits' xenvm-cmd twin quit
runs 'and the prefix is one of the other' wait_for 20 xenvm-cmd "${uuid:0:8}" status
# shellcheck disable=SC2016 # the quotes are what xenvm-cmd prints
refused 2 'unknown command `statsu.; did you mean `status.\?' 'a misspelt command' xenvm-cmd cl statsu
refused 2 'start has no argument `fast=1.' 'an unknown argument' xenvm-cmd cl start fast=1
refused 2 'paused: `maybe. is not one of' 'a boolean that is none' xenvm-cmd cl start paused=maybe
refused 2 'timeout: `0. is not a whole number' 'a time that is none' xenvm-cmd cl shutdown timeout=0
refused 2 'suspend needs file=' 'a missing argument' xenvm-cmd cl suspend
refused 2 'file is given twice' 'an argument given twice' xenvm-cmd cl suspend file=/a file=/b
refused 1 'the VM is shutdown; pause needs it running$' 'a command that is not legal now' xenvm-cmd cl pause
refused 1 'the VM is shutdown; suspend needs it running$' 'another one' xenvm-cmd cl suspend file=/tmp/a
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("/run/xenvm/vm-99999999-9999-9999-9999-999999999999")'
refused 3 'no monitor is running' 'a socket whose monitor is dead' xenvm-cmd 99999999-9999-9999-9999-999999999999 status
rm /run/xenvm/vm-99999999-9999-9999-9999-999999999999

# --- requests that are none

# gets NAME CODE WORDS ACTION TEXT: the answer is an error of that code
gets() { like "$(bad cl "$4" "$5")" "\"code\": ?$2,.*$3" "$1"; }
status='{"jsonrpc":"2.0","method":"status"}'
bad cl wait '\x00' >"$lab_tmp/silent" &
silent=$!
bad cl wait '\x00\x00\x00\x80{"jsonrpc"' >"$lab_tmp/half" &
half=$!
gets 'a length of 4 GiB' -32600 'longer than 65536 bytes' bytes '\xff\xff\xff\xff{'
gets 'a length of 64 KiB and one' -32600 'longer than' bytes '\x00\x01\x00\x01'
gets 'a length of nothing' -32700 '' bytes '\x00\x00\x00\x00'
gets 'broken JSON' -32700 'not JSON' send '{"jsonrpc":}'
gets 'JSON that ends early' -32700 'ends too early' send '{"jsonrpc":"2.0"'
gets 'JSON that is very deep' -32700 'nested too deeply' send "$(printf '[%.0s' {1..60000})"
gets 'a key twice' -32700 'given twice' send '{"jsonrpc":"2.0","method":"status","method":"quit"}'
gets 'binary rubbish' -32700 '' bytes '\x00\x00\x00\x08\x80\x81\xfe\xff\x00\x01\x02\x03'
gets 'a NUL in a string' -32700 'NUL' send '{"jsonrpc":"2.0","method":"status\u0000"}'
gets 'two objects' -32700 'something follows' send "$status$status"
gets 'an array' -32600 'one JSON object' send "[$status]"
gets 'no method' -32600 'method' send '{"jsonrpc":"2.0"}'
gets 'no version' -32600 'jsonrpc' send '{"method":"status"}'
gets 'a method that is a number' -32600 'method' send '{"jsonrpc":"2.0","method":7}'
gets 'an id that is an object' -32600 'id must be' send '{"jsonrpc":"2.0","method":"status","id":{}}'
gets 'stream that is a string' -32600 'stream' send '{"jsonrpc":"2.0","method":"status","stream":"yes"}'
gets 'params that are an array' -32602 'object' send '{"jsonrpc":"2.0","method":"status","params":[]}'
gets 'a value that is a number' -32602 'string' send '{"jsonrpc":"2.0","method":"shutdown","params":{"timeout":5}}'
gets 'an unknown command' -32601 "no command 'explode'" send '{"jsonrpc":"2.0","method":"explode"}'
gets 'an unknown argument' -32602 'has no argument' send '{"jsonrpc":"2.0","method":"status","params":{"x":"y"}}'
gets 'a relative path' -32602 'not an absolute path' send '{"jsonrpc":"2.0","method":"restore","params":{"file":"a"}}'
gets 'watch without a stream' -32600 'stream' send '{"jsonrpc":"2.0","method":"watch"}'
like "$(bad cl send "$status")" '"state": ?"shutdown"' 'a good one is answered'
like "$(bad cl half "$status")" '"state": ?"shutdown"' 'also when the client has closed its direction'
like "$(bad cl bytes '\x00\x00\x00\x23{"jsonrpc":"2.0","method":"status"}more')" '"state": ?"shutdown"' \
    'bytes behind it do not matter'
is "$(bad cl crowd 500 "$status")" 500 '500 clients at once are all answered'
wait $silent $half
like "$(cat "$lab_tmp/silent")" '^(9|1[0-9]) closed$' 'a client that says nothing is dropped after ten seconds'
like "$(cat "$lab_tmp/half")" '^(9|1[0-9]) closed$' 'and one that says half of it'
is "$(vm_state cl)" shutdown 'the monitor lives'
vm_down cl
world_is "$before" 'nothing is left'

# --- clients that do not read

runs 'a small guest' vm_tiny tiny idle
pid=$(vm_get tiny pid)
sysctl -q net.core.wmem_default=4608
mkfifo "$lab_tmp/deaf"
bad tiny deaf 8 '{"jsonrpc":"2.0","method":"watch","stream":true}' <"$lab_tmp/deaf" >"$lab_tmp/events" &
deaf=$!
exec 8>"$lab_tmp/deaf"
runs 'eight clients watch and read nothing' wait_for 30 grep -q listening "$lab_tmp/events"
sysctl -q net.core.wmem_default=212992
first=$(rss "$pid")
bad tiny toggle 1350
grown=$(($(rss "$pid") - first))
allowed=$((8 * 300 + ${LAB_QUARANTINE_KIB:-0}))
ok $((grown > allowed)) "after 2700 events the monitor has grown by $grown KiB, less than $allowed"
echo >&8
exec 8>&-
wait $deaf
ok $(($(tail -n 1 "$lab_tmp/events") > 250000)) "and each was dropped with $(tail -n 1 "$lab_tmp/events") bytes, less than 250000"
is "$(vm_state tiny)" running 'the VM is running'

# --- destroy in the middle of something

# cancels NAME OPERATION VM STATE ARG…: a command that has brought the VM into that state is cancelled
cancels() {
    local name=$1 operation=$2 vm=$3 state=$4
    shift 4
    xenvm-cmd --json "$vm" "$@" >/dev/null 2>"$lab_tmp/first" &
    local first=$!
    runs "$name is under way" in_state "$vm" "$state"
    runs '... and destroyed' xenvm-cmd "$vm" destroy
    wait $first
    is "$? $(cat "$lab_tmp/first")" "1 xenvm-cmd: $vm: $operation was cancelled by destroy" '... who asked for it is told'
}
cancels 'a shutdown that the guest does not hear' shutdown tiny shutdowning shutdown
is "$(vm_state tiny)" shutdown '... the VM is shutdown'
runs 'it starts again' xenvm-cmd tiny start
cancels 'a restart that it does not hear' restart tiny rebooting restart
is "$(vm_state tiny)" shutdown '... the VM is shutdown'
vm_down tiny
world_is "$before" 'nothing is left'

vm_config big startup=shutdown memory=256 kernel=/lab/guest/debian/vmlinuz cmdline+='quiet lab.quiet lab.pattern=4'
runs 'a monitor' xenvm "$(vm_file big)"
world >"$lab_tmp/waiting"
cancels 'a start' start big creating-domain start
is "$(vm_state big)" shutdown '... the VM is shutdown'
world_is "$lab_tmp/waiting" '... nothing of it is left'
# The packed kernel made the start a long one. From now on it is to be short.
vm_config big startup=shutdown memory=256 cmdline+='quiet lab.quiet lab.pattern=4'
runs 'another kernel' xenvm-cmd big read-config
mark=$(guest_mark big)
runs 'it starts' xenvm-cmd big start
runs 'and is up' vm_ready big "$mark"
cancels 'a suspend' suspend big suspending suspend file=/tmp/image
is "$(vm_state big) $(ls /tmp/image* 2>&1)" "shutdown ls: cannot access '/tmp/image*': No such file or directory" \
    '... the VM is shutdown, and there is no image'
world_is "$lab_tmp/waiting" '... nothing of it is left'

# --- what happens during a suspend

mark=$(guest_mark big)
runs 'it starts' xenvm-cmd big start
runs 'and is up' vm_ready big "$mark"
bad big leave '{"jsonrpc":"2.0","method":"suspend","params":{"file":"/tmp/image"}}'
runs 'a client asks for a suspend and is gone' in_state big suspending
runs 'whose worker is held up' wait_for 60 pkill -STOP -x xenvm-worker
refused 1 '^xenvm-cmd: big: busy with suspend$' 'a second suspend is refused' xenvm-cmd big suspend file=/tmp/other
refused 1 '^xenvm-cmd: big: busy with suspend$' 'and a shutdown' xenvm-cmd big shutdown
refused 1 '^xenvm-cmd: big: busy with suspend$' 'and quit' xenvm-cmd big quit
refused 1 '^xenvm-cmd: big: the VM is suspending; pause needs it running$' 'and pause' xenvm-cmd big pause
runs 'the worker goes on' pkill -CONT -x xenvm-worker
read -r median seen < <(bad big latency 9)
ok $((seen < 5)) "status was asked 9 times, $seen of them during the suspend"
ok $((median > 150)) "and took $median ms"
runs 'the suspend goes on to its end' in_state big suspended
runs '... its image is sound' verify-stream-v2 -f xl -i /tmp/image
world >"$lab_tmp/waiting"
cancels 'a restore' restore big restoring restore file=/tmp/image
is "$(vm_state big)" suspended '... the VM is suspended'
world_is "$lab_tmp/waiting" '... nothing of it is left'
runs 'it is restored' xenvm-cmd --json big restore file=/tmp/image
runs 'and its pattern is whole' vm_pattern big
fails 'its image is spent' ls /tmp/image
vm_down big
world_is "$before" 'nothing is left'
done_testing

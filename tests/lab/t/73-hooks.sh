#!/bin/bash
# Those who look on: the programs that notify names.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
world >"$before"

logged() { journalctl -b -t xenvm -o cat | grep "$(vm_uuid "$1")" | grep -cE "$2"; }
is_logged() { [ "$(logged "$1" "$2")" -gt 0 ]; }
has() { grep -qE -e "$2" "$1"; }
has_lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }
# Of all its threads.
switches() { cat "/proc/$1"/task/*/status | awk '/ctxt_switches/ { n += $2 } END { print n }'; }
# What a listener has heard, of one VM.   heard FILE NAME
heard() { sed -n "s/^$(vm_uuid "$2")://p" "$1"; }

# --- notify

ip link set lo up
lines=$lab_tmp/lines
tcp_lines=$lab_tmp/tcp-lines
# All that is heard at an address of socat's, in a file.   listen FILE ADDRESS    Sets $listener.
listen() {
    : >"$1"
    socat -u "$2" "OPEN:$1,append" &
    listener=$!
}
listen "$lines" "UNIX-LISTEN:$lab_tmp/socket,fork"
listen "$tcp_lines" TCP-LISTEN:7123,bind=127.0.0.1,reuseaddr,fork
tcp_listener=$listener
wait_for 10 test -S "$lab_tmp/socket"
vm_config told kernel="$lab_tmp/idle" initrd= cmdline= memory=4 on_crash=preserve
printf 'notify = unix,%s\nnotify = tcp,127.0.0.1:7123\n' "$lab_tmp/socket" >>"$(vm_file told)"
/lab/tests/guest/tiny idle "$lab_tmp/idle"
runs 'a VM whose file names two listeners' xenvm "$(vm_file told)"
xenvm-cmd told pause
xenvm-cmd told unpause
runs 'they hear of it' wait_for 10 has_lines "$lines" 7
life='0:ping
61440:vm:state:creating-domain
61440:vm:state:creating-devices
61440:vm:state:created
61440:vm:state:running
61440:vm:state:paused
61440:vm:state:running'
is "$(heard "$lines" told)" "$life" 'each line has UUID, code and message'
runs 'so has TCP' wait_for 10 has_lines "$tcp_lines" 7
is "$(cat "$tcp_lines")" "$(cat "$lines")" 'and they hear the same'

pid=$(vm_get told pid)
sleep 4 # the monitor has tidied up
first=$(switches "$pid")
sleep 8
is "$(($(switches "$pid") - first))" 0 'a monitor whose listeners have nothing to hear does not wake up'

# socat has a process for each connection.
pkill -f TCP-LISTEN:7123
wait "$tcp_listener" 2>/dev/null
xenvm-cmd told pause
xenvm-cmd told unpause
runs 'a listener that has gone is missed' wait_for 10 is_logged told 'notify tcp,127.0.0.1:7123: .*; what there is to say waits'
runs 'the other one hears the next change' wait_for 10 has_lines "$lines" 9
listen "$tcp_lines" TCP-LISTEN:7123,bind=127.0.0.1,reuseaddr,fork
runs 'it comes again and hears what it has not' wait_for 30 has "$tcp_lines" vm:state:running
like "$(heard "$tcp_lines" told | tail -n 1)" '^61440:vm:state:running$' 'up to the last line'
runs 'and the log says so' wait_for 10 is_logged told 'notify tcp,127.0.0.1:7123: it listens again'
is "$(logged told 'what there is to say waits')" 1 'it complained once'

sed -i '/^notify = tcp/d' "$(vm_file told)"
runs 'the file without the second one is read' xenvm-cmd told read-config
: >"$tcp_lines"
xenvm-cmd told pause
runs 'the first one hears of the next change' wait_for 10 has_lines "$lines" 10
is "$(cat "$tcp_lines")" '' 'the second one does not'
xenvm-cmd told unpause
xenvm-cmd told destroy
xenvm-cmd told quit
runs 'the last word' wait_for 10 has "$lines" ':1:hup$'
is "$(heard "$lines" told | tail -n 2)" '61440:vm:state:shutdown
1:hup' 'is hup'
vm_down told

: >"$lines"
vm_tiny crash crash on_crash=preserve notify="unix,$lab_tmp/socket" >/dev/null 2>&1
runs 'a guest that crashes' wait_for 20 has "$lines" vm:state:crashed
like "$(heard "$lines" crash)" '^2:error:crashed$' 'is told as an error'
vm_down crash
: >"$lines"
vm_config none kernel=/no/kernel notify="unix,$lab_tmp/socket"
refused 1 '/no/kernel' 'a VM that cannot be started' xenvm "$(vm_file none)"
runs 'is told too' wait_for 10 has "$lines" ':1:hup$'
like "$(heard "$lines" none)" '^2:error:.*/no/kernel: No such file or directory' 'with the reason'

: >"$lines"
runs 'a guest with a shell' vm_up shell vcpus=2 notify="unix,$lab_tmp/socket"
runs 'has one processor less' xenvm-cmd shell vcpu-set 1
runs 'which is told' wait_for 10 has "$lines" ':4096:vcpus:1$'
vm_down shell

# A listener that accepts and never reads.
cat >"$lab_tmp/deaf.py" <<'END'
import socket, sys, time
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
client = server.accept()[0]
time.sleep(1000)
END
python3 -IS "$lab_tmp/deaf.py" "$lab_tmp/deaf" &
deaf=$!
wait_for 10 test -S "$lab_tmp/deaf"
sysctl -q net.core.wmem_default=4608
runs 'a VM whose listener does not read' vm_tiny slow idle notify="unix,$lab_tmp/deaf"
sysctl -q net.core.wmem_default=212992
runs 'changes its state 800 times' python3 -IS /lab/tests/badclient.py "/run/xenvm/vm-$(vm_uuid slow)" toggle 400
runs 'and answers' vm_is slow running
is "$(logged slow 'notify .*: does not listen, and misses lines from now on')" 1 'that lines were dropped is in the log, once'
kill "$deaf"
wait "$deaf" 2>/dev/null
rm "$lab_tmp/deaf"
listen "$lab_tmp/late" "UNIX-LISTEN:$lab_tmp/deaf,fork"
runs 'the next listener hears the rest' wait_for 90 has_lines "$lab_tmp/late" 256
runs 'and how many are missing is in the log' wait_for 10 is_logged slow 'listens again, and has missed [0-9]{3} lines'
vm_down slow

vm_config bad startup=shutdown notify=tcp,example.org:7
refused 1 "notify: 'tcp,example.org:7' names a host by something else than its address, accepted: unix,PATH or tcp," \
    'a host name is refused' xenvm --check "$(vm_file bad)"

pkill -x socat
wait
world_is "$before" 'nothing is left'
done_testing

#!/bin/bash
# Those who look on: the programs that notify names, and hooks; and those who may give some commands.
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
has_none() { ! pgrep -f "$1"; }
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
runs 'and less memory' xenvm-cmd shell set-mem-target 50
runs 'which is told, too' wait_for 10 has "$lines" ':4096:memory:50$'
vm_down shell

# A device model that does nothing but tell that the guest has set its clock: Debian's leaves the clock to Xen.
cat >"$lab_tmp/model" <<'END'
#!/usr/bin/python3 -IS
import json, re, socket, sys
listener = socket.socket(fileno=int(re.search("id=qmp,fd=([0-9]+)", " ".join(sys.argv))[1]))
connection = listener.accept()[0]
# Two streams: one for both ways forgets at each write what it has read ahead.
heard, said = connection.makefile("r"), connection.makefile("w")
def say(**what):
    print(json.dumps(what), file=said, flush=True)
say(QMP={})
for line in heard:
    command = json.loads(line)
    answers = {"query-status": {"running": True}, "query-chardev": []}
    say(**{"return": answers.get(command["execute"], {}), "id": command["id"]})
    if command["execute"] == "query-status":
        say(event="RTC_CHANGE", data={"offset": -3600})
END
chmod 755 "$lab_tmp" "$lab_tmp/model"
: >"$lines"
vm_config clock hvm=true memory=32 kernel= initrd= cmdline= startup=paused qemu-dm-path="$lab_tmp/model" notify="unix,$lab_tmp/socket"
runs 'a guest whose device model reports its clock' xenvm "$(vm_file clock)"
runs 'which is told' wait_for 10 has "$lines" ':4096:rtc:-3600$'
vm_down clock

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
world_is "$before" 'they leave nothing'

# --- hooks

hooks=/etc/xenvm/hooks.d
told=$lab_tmp/hooks
# hook NAME: what is on standard input, as a hook
hook() {
    { echo '#!/bin/sh' && cat; } >"$hooks/$1"
    chmod 755 "$hooks/$1"
}
# What the hooks have written, of one VM.
said() { sed -n "s/^$1 //p" "$told"; }
mkdir -p "$hooks"
hook 10-first <<END
echo "\$XENVM_NAME \$XENVM_OLD_STATE -> \$XENVM_NEW_STATE \$XENVM_DOMID \$XENVM_REASON" >>$told
END
hook 20_second <<END
echo "\$XENVM_NAME second" >>$told
[ "\$XENVM_NAME" != one ] || exit 7
END
for name in 05.dot 30-left~ 30-left.dpkg-old; do
    hook "$name" <<<"echo '$name was run' >>$told"
done
hook 40-open <<<"echo 'one was run' >>$told" && chmod 775 "$hooks/40-open"
hook 50-idle <<<"echo 'one was run' >>$told" && chmod 644 "$hooks/50-idle"
runs 'a VM with hooks' vm_tiny one idle
domid=$(vm_domid one)
runs 'which are run' wait_for 20 has_lines "$told" 8
is "$(said one)" "shutdown -> creating-domain  
second
creating-domain -> creating-devices $domid 
second
creating-devices -> created $domid 
second
created -> running $domid 
second" 'at each change, in the order of their names, and no others'
runs 'one that others may write to is in the log' is_logged one "$hooks/40-open: others than its owner root may write to it: not run"
is "$(logged one 'hook for created -> running: /etc/xenvm/hooks.d/20_second ended with status 7')" 1 'and one that fails'
chmod 777 "$hooks"
: >"$told"
xenvm-cmd one pause
runs 'a folder that others may write to is refused' wait_for 10 is_logged one 'hooks.d: others than its owner root'
is "$(cat "$told")" '' 'as a whole'
chmod 755 "$hooks"
rm "$hooks"/[3-5]* "$hooks/05.dot"
xenvm-cmd one destroy
runs 'the reason' wait_for 10 has_lines "$told" 2
like "$(said one)" '^paused -> shutdown  destroyed$' 'is told'
vm_down one

hook 20_second <<END
env | sed 's/=.*//' | sort | tr '\n' ' ' >$lab_tmp/environment
exec python3 -IS $lab_tmp/open.py
END
# The descriptor that the folder is read by is closed when the links are.
cat >"$lab_tmp/open.py" <<END
import os
folder = "/proc/self/fd/"
links = [fd + " -> " + os.readlink(folder + fd) for fd in sorted(os.listdir(folder)) if os.path.exists(folder + fd)]
open("$lab_tmp/open", "w").write("\n".join(links) + "\n")
END
exec 7<"$told"
runs 'a VM' vm_tiny two idle
exec 7<&-
runs 'whose hook looks around' wait_for 20 test -s "$lab_tmp/open"
wait_for 10 has "$told" 'created -> running'
sleep 2
is "$(cat "$lab_tmp/environment")" 'PATH PWD XENVM_DOMID XENVM_NAME XENVM_NEW_STATE XENVM_OLD_STATE XENVM_UUID ' \
    'has what it is to know in its environment'
is "$(cat "$lab_tmp/open")" '0 -> /dev/null
1 -> /dev/null
2 -> /dev/null' 'and nothing else open'
vm_down two

# Slow ones: the VM goes on, the order stays.
hook 20_second <<END
echo "\$XENVM_NAME second" >>$told
case \$XENVM_NAME in
slow) sleep 2 ;;
hangs) sleep 1111 & sleep 1111 ;;
parent) sleep 1112 & ;;
esac
END
: >"$told"
runs 'a VM whose hook hangs' vm_tiny hangs idle
began=$SECONDS
: >"$told"
runs 'a VM whose hooks are slow' vm_tiny slow idle
runs 'is paused' xenvm-cmd slow pause
runs 'and let go on' xenvm-cmd slow unpause
ok $(($(said slow | grep -c second) >= 6)) 'without waiting for them'
runs 'they come' wait_for 30 has "$told" 'slow paused -> running'
is "$(said slow | grep -v second | sed 's/ [0-9]* $//')" 'shutdown -> creating-domain
creating-domain -> creating-devices
creating-devices -> created
created -> running
running -> paused
paused -> running' 'in their order'
: >"$told"
xenvm-cmd slow destroy
pid=$(vm_get slow pid)
xenvm-cmd slow quit
runs 'a monitor that quits' wait_for 20 no_process "$pid"
is "$(said slow)" 'running -> shutdown  destroyed
second' 'has run its hooks'

runs 'a VM whose hook leaves a process behind' vm_tiny parent idle
runs 'which is killed' wait_for 20 has_none 'sleep 1112'
vm_down parent
pid=$(vm_get hangs pid)
runs 'the monitor of the VM whose hook hangs answers' vm_is hangs running
runs 'the hook is killed in time' wait_for 90 is_logged hangs 'hook for shutdown -> creating-domain: /etc/xenvm/hooks.d/20_second took too long: killed'
took=$((SECONDS - began))
ok $((took < 50 || took > 80)) "after 60 s ($took)"
runs 'and the next change has its turn' wait_for 10 has "$told" 'hangs creating-domain -> creating-devices'
is "$(pgrep -fc 'sleep 1111')" 2 'no process of the first one is left'
xenvm-cmd hangs destroy
kill "$pid"
sleep 1
runs 'a monitor waits for hooks when it is to end' kill -0 "$pid"
kill "$pid"
runs 'unless it is told twice' wait_for 5 no_process "$pid"
runs 'and then ends the hook' wait_for 5 has_none 'sleep 1111'
rm -r "$hooks"

# --- allow

# as UID GID GROUPS COMMAND…: in the groups besides, which are numbers with commas between them, or none
as() {
    local groups=--groups=$3
    [ "$3" != none ] || groups=--clear-groups
    setpriv --reuid "$1" --regid "$2" "$groups" "${@:4}"
}
nobody=$(id -u nobody)
daemon=$(id -u daemon)
games=$(getent group games | cut -d : -f 3)
socket=/run/xenvm/vm-$(vm_uuid open)
in_list() { sed 's/  */ /g' "$lab_tmp/output" | sed -nE "s/^$1 [^ ]+ [^ ]+ (running|no access) .*/\1/p"; }

vm_config open kernel="$lab_tmp/idle" initrd= cmdline= memory=4
cp "$(vm_file open)" "$lab_tmp/before.cfg"
printf 'allow = user nobody status,pause\nallow = group games unpause, watch\nallow = user nobody read-config\n' \
    >>"$(vm_file open)"
runs 'a VM that others may do something to' xenvm "$(vm_file open)"
runs 'and one that only root may' vm_tiny closed idle
is "$(stat -c %a "$socket" "/run/xenvm/vm-$(vm_uuid closed)" | tr '\n' ' ')" '666 600 ' 'have sockets of that kind'
runs 'a user does what is allowed' as "$nobody" "$nobody" none xenvm-cmd open pause
runs 'and so on' as "$nobody" "$nobody" none xenvm-cmd open status
refused 1 "^xenvm-cmd: open: unpause: user $nobody may not do that \(allow in the VM's configuration\)\$" \
    'and not what is not' as "$nobody" "$nobody" none xenvm-cmd open unpause
is "$(logged open "refused to user $nobody \(process [0-9]+\): unpause: ")" 1 'which is in the log'
refused 1 'watch: user .* may not' 'nor does he watch' as "$nobody" "$nobody" none xenvm-cmd open watch
refused 1 'destroy: user .* may not' 'nor destroy' as "$nobody" "$nobody" none xenvm-cmd open destroy
refused 1 'read-config: path= is for root alone' 'nor have another file opened' \
    as "$nobody" "$nobody" none xenvm-cmd open read-config path=/etc/shadow
runs 'the one that root named he may' as "$nobody" "$nobody" none xenvm-cmd open read-config
refused 1 'Permission denied' 'the other VM he cannot even ask' as "$nobody" "$nobody" none xenvm-cmd closed status
runs 'a group of the process does what is allowed' as "$daemon" "$games" none xenvm-cmd open unpause
runs 'the state is what root sees' vm_is open running
refused 1 'pause: user .* may not' 'and not the rest' as "$daemon" "$games" none xenvm-cmd open pause
xenvm-cmd open pause
runs 'so does one of its further groups' as "$daemon" "$daemon" "$daemon,$games" xenvm-cmd open unpause
refused 1 'unpause: user .* may not' 'somebody without it does nothing' as "$daemon" "$daemon" none xenvm-cmd open unpause
as "$daemon" "$games" none xenvm-cmd open watch >"$lab_tmp/watched" &
watcher=$!
runs 'the group watches' wait_for 10 has "$lab_tmp/watched" running
xenvm-cmd open pause
xenvm-cmd open unpause
runs 'and hears of changes' wait_for 10 has "$lab_tmp/watched" 'paused -> running'
runs 'list' as "$nobody" "$nobody" none xenvm-cmd list
is "$(in_list open), $(in_list closed)" 'running, no access' 'shows the VM whose status the user may ask'
runs 'list' as "$daemon" "$games" none xenvm-cmd list
is "$(in_list open), $(in_list closed)" 'no access, no access' 'and that there are others'
cat >"$lab_tmp/crowd.py" <<'END'
import socket, sys
clients = []
for _ in range(40):
    clients.append(socket.socket(socket.AF_UNIX))
    clients[-1].connect(sys.argv[1])
clients[-1].settimeout(5)
print(clients[-1].recv(1000))
END
like "$(as "$nobody" "$nobody" none python3 -IS - "$socket" <"$lab_tmp/crowd.py")" 'too many connections' \
    'a user who takes all connections does not get them'
runs 'and is let in again' wait_for 10 as "$nobody" "$nobody" none xenvm-cmd open status
cp "$lab_tmp/before.cfg" "$(vm_file open)"
runs 'the file without allow is read' xenvm-cmd open read-config
runs 'who watched does not any more' wait_for 10 no_process "$watcher"
wait "$watcher" 2>/dev/null
is "$(stat -c %a "$socket")" 600 'and the socket is root'"'"'s'
refused 1 'Permission denied' 'alone' as "$nobody" "$nobody" none xenvm-cmd open status
vm_down open
vm_down closed
for wrong in "user nobody statsu|command 'statsu' is not known" "user nobody suspend|command 'suspend' is for root alone"; do
    vm_config bad startup=shutdown allow="${wrong%|*}"
    refused 1 "bad.cfg:[0-9]+: allow: ${wrong#*|}" "allow = ${wrong%|*} is refused" xenvm --check "$(vm_file bad)"
done
for kind in user group; do
    vm_config bad startup=shutdown allow="$kind nosuch status"
    refused 1 "bad.cfg: allow: $kind 'nosuch' is not known on this host\$" "a $kind that there is not is told of" \
        xenvm --check "$(vm_file bad)"
done
runs 'and keeps no VM down' xenvm "$(vm_file bad)"
is "$(stat -c %a "/run/xenvm/vm-$(vm_uuid bad)")" 600 'but opens it to nobody'
refused 1 "allow: user 'other' is not known on this host\$" 'another is not set' xenvm-cmd bad set allow 'user other status'
runs 'nor in the way of another key' xenvm-cmd bad set memory 5
runs 'which is taken back' xenvm-cmd bad unset memory
vm_down bad
printf '[first-boot]\nallow = user nobody status\n' >>"$(vm_file bad)"
refused 1 'bad.cfg:[0-9]+: allow: is no matter of one boot, accepted: before any heading$' 'nor is it a matter of the first boot' \
    xenvm --check "$(vm_file bad)"

world_is "$before" 'nothing is left'
done_testing

#!/bin/bash
# Monitors where Xen isn't running (xenvm(8), "Without Xen").   tests/without-xen.sh BUILD-FOLDER
# Prints TAP. On a Xen host nothing of it can be seen, and the test is skipped.
set -u
build=$(cd "$1" && pwd) || exit
tests=$(cd "$(dirname "$0")" && pwd) || exit
xenvm=$build/monitor/xenvm
client=$build/cmd-client/xenvm-cmd
tmp=$(mktemp -d)
uuid=$(cat /proc/sys/kernel/random/uuid)
export XENVM_SOCKET_DIR=$tmp/sockets
pid=
# The monitor of a test that failed half way.
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$tmp"' EXIT

# shellcheck source=tap.sh source-path=SCRIPTDIR
. "$tests/tap.sh"
[ ! -e /dev/xen/privcmd ] || {
    echo '1..0 # SKIP Xen is running here'
    exit 77
}

# said COMMAND…: sets $status and $said, what it prints and what it complains of
said() {
    status=0
    said=$("$@" 2>&1) || status=$?
}
config() { printf '%s\n' "uuid = $uuid" 'name = none' 'kernel = /vmlinuz' "$@" >"$tmp/none.cfg"; }
left() { find "$tmp" -mindepth 1 ! -name '*.cfg' ! -name sockets -printf '%P '; }
# For ten seconds.
ends() {
    for _ in $(seq 100); do
        kill -0 "$1" 2>/dev/null || return 0
        sleep 0.1
    done
    return 1
}
no_xen='Xen is not there: cannot open /dev/xen/privcmd: No such file or directory'

mkdir "$XENVM_SOCKET_DIR"
config 'startup = shutdown'
said "$xenvm" "$tmp/none.cfg"
is "$status $said" "0 xenvm: $no_xen" 'a VM that is not to run gets its monitor, which says that there is no Xen'
pid=$("$client" none status | sed -n 's/^pid: //p')
said "$client" none status
is "$status $(sed -n 's/^state: //p' <<<"$said")" '0 shutdown' 'status'
said "$client" none get memory
is "$status $(sed -n 's/^value: //p' <<<"$said")" '0 256' 'commands that need no Xen work'
for command in start restart; do
    said "$client" none $command
    is "$status $said" "1 xenvm-cmd: none: $no_xen" "$command says that it is not there, in one line"
done
said "$client" none status
is "$status $(sed -n 's/^state: //p' <<<"$said")" '0 shutdown' 'the VM is as it was'
said "$xenvm" "$tmp/none.cfg"
is "$status $(wc -l <<<"$said")" '1 1' 'there is one monitor for a VM, here too'
said "$client" none quit
is "$status $said" '0 ' 'quit'
ends "$pid"
ok $? 'ends the monitor'
is "$(left)" '' 'and nothing is left: no socket, no lock, no record'

for startup in started paused; do
    config "startup = $startup"
    said "$xenvm" "$tmp/none.cfg"
    is "$status $said" "1 xenvm: $no_xen" "a VM with startup = $startup is not started, and one line says why"
    is "$(left)" '' 'and nothing is left'
done

# In the foreground, it says all there is to say, also what is no warning.
config 'startup = shutdown'
"$xenvm" --no-daemonize --config "$tmp/none.cfg" >"$tmp/log.cfg" 2>&1 &
pid=$!
for _ in $(seq 100); do
    ! "$client" none status >/dev/null 2>&1 || break
    sleep 0.1
done
said "$client" none status
is "$(sed -n 's/^pid: //p' <<<"$said")" "$pid" '--no-daemonize stays, and --config names the file'
kill -TERM "$pid"
wait "$pid"
is "$?" 0 'a SIGTERM ends it'
is "$(cat "$tmp/log.cfg")" "xenvm: $no_xen
xenvm: Terminated: ending, the VM stays as it is
xenvm: the monitor ends" 'and its log is on standard error'
is "$(left)" '' 'nothing is left'
pid=
done_testing

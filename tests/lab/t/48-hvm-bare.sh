#!/bin/bash
# An HVM guest that knows nothing of Xen: its serial port is its console, it has the disk and the card of its machine, and
# shutdown presses its power button.
# shellcheck disable=SC2016 # what the guest is told
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
work=/root/bare
mkdir -p $work
truncate -s 4M $work/disk
echo 'what the host wrote' | dd of=$work/disk conv=notrunc 2>/dev/null
host_bridges
world >"$before"

vm_config bare hvm=true startup=paused memory=80 kernel=/lab/guest/vmlinuz initrd=/lab/guest/initrd-more \
    cmdline="console=ttyS0 nopv tsc=reliable no_timer_check quiet ${guest_quick/,serial8250_init/} lab.console=ttyS0 lab.pattern=1 lab.quiet" \
    disk=$work/disk:file:hda:w:disk nic=bridge=xenbr0,model=e1000
runs 'a guest that has not begun' xenvm "$(vm_file bare)"
arguments=$(tr '\0' '\n' <"/proc/$(pgrep -f "xen-domid $(vm_domid bare) ")/cmdline")
like "$arguments" '^e1000,id=' 'its machine has the card that was asked for'

# --- its console, by a pipe to it and a file of what it says

console=$work/console
mkfifo $work/typed
xenvm-cmd bare console <$work/typed >$console 2>&1 &
client=$!
exec {typed}>$work/typed
mark=0
said() { line=$(tail -c "+$((mark + 1))" "$console" | tr -d '\r' | grep -aE -m 1 -- "$1"); }
# serial LINE REGEX [SECONDS]: the answer to a line
serial() {
    mark=$(stat -c %s "$console")
    printf '%s\n' "$1" >&"$typed"
    wait_for "${3:-60}" said "$2" || { tail -c 500 "$console" && return 1; }
}
shell() { serial "sh $1" '^status ' "${2:-60}" && said '^status 0$'; }

runs 'it begins' xenvm-cmd bare unpause
runs 'its serial port says that it is up' wait_for 400 said '^guest: ready' || note "$(tail -n 5 $console)"
runs 'and takes what is said' serial 'ping serial' '^pong serial$'
runs 'nothing in it is for Xen' shell '! grep -q xen /proc/interrupts && [ ! -e /dev/hvc0 ] && [ -z "$(ls /sys/bus/xen/devices 2>/dev/null)" ]'
runs 'its disk is that of its machine' shell \
    'for m in ata_piix sd_mod; do for f in /modules/$m/*; do insmod $f 2>/dev/null; done; done; for i in 1 2 3 4 5 6 7 8; do [ -e /dev/sda ] && break; sleep 1; done; head -n 1 /dev/sda' &&
    runs 'with what the host wrote' said '^what the host wrote$'
# Its driver reads the card's memory bit by bit, each a word of the device model's.
runs 'and so is its card' shell 'for f in /modules/e1000/*; do insmod $f; done; ip addr add 10.0.0.21/24 dev eth0 && ip link set eth0 up' 200
runs 'the host reaches it' wait_for 60 busybox ping -q -c 1 10.0.0.21
runs 'it reaches the host' shell 'ping -q -c 3 10.0.0.1'

# --- its power button

runs 'it listens to its button' shell \
    'for m in button evdev; do for f in /modules/$m/*; do insmod $f 2>/dev/null; done; done; for e in /sys/class/input/event*; do read -r name <$e/device/name; case $name in Power*) (head -c 1 /dev/input/${e##*/} >/dev/null; echo power button; busybox poweroff -f) & ;; esac; done'
mark=$(stat -c %s "$console")
runs 'shutdown' xenvm-cmd bare shutdown
runs 'presses it' said '^power button$'
is "$(vm_state bare) $(vm_get bare reason) $(vm_domid bare)" 'shutdown poweroff ' 'and it is off'
exec {typed}>&-
wait $client
like "$? $(tail -n 1 $console)" "^1 .*the guest is gone\$" 'and its console ended with it'
vm_down bare
world_is "$before" 'nothing is left'
rm -rf $work
for n in 0 1; do ip link del xenbr$n; done
done_testing

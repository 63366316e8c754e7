#!/bin/bash
# VMs as services of systemd: ready, status, reload, watchdog, each way to stop and to start again.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh
# shellcheck source=../services.sh source-path=SCRIPTDIR
. /lab/tests/services.sh

before=$lab_tmp/before
room=$lab_tmp/room
world >"$before"
mkdir -p "$room"

# tiny_unit NAME KIND [KEY=VALUE…]
tiny_unit() {
    local name=$1 kind=$2
    shift 2
    [ -e "$lab_tmp/$kind" ] || /lab/tests/guest/tiny "$kind" "$lab_tmp/$kind"
    unit "$name" "kernel=$lab_tmp/$kind" initrd= cmdline= memory=4 "$@"
}
has_state() { [ "$(of "$1" ActiveState)" = "$2" ]; }
# Debian has one of its own.
qemu_of() { pgrep -f "name xenvm-$(vm_uuid "$1")"; }
busy() { [ -n "$(vm_get "$1" operation)" ]; }
monitor_changed() { [ "$(of "$1" MainPID)" != "$2" ] && [ "$(of "$1" MainPID)" != 0 ] && [ "$(of "$1" ActiveState)" = active ]; }
# boots NAME: started, and its user space is there
boots() {
    local at
    at=$(guest_mark "$1")
    ctl start "$1" && vm_ready "$1" "$at"
}
# failing NAME STATUS REGEX WHAT: what cannot be started
failing() {
    mark
    fails "$4" ctl start "$1"
    is "$(ended "$1") $(of "$1" NRestarts)" "failed exit-code $2 0" 'fails, and is not tried again'
    logged "$1" "$3" 'with the words of the monitor'
    is "$(vm_xl "$1")" '' 'there is no domain'
    systemctl reset-failed "xenvm@$1"
}
images() { find /var/lib/xenvm "$room" -name '*.image' 2>/dev/null | wc -l; }

runs 'the units are good' systemd-analyze verify --man=no /lib/systemd/system/xenvm@.service /lib/systemd/system/xenvm.target
is "$output" '' 'systemd has nothing to say of them'

# --- the life of a service

truncate -s 1M "$room/disk" "$room/more"
unit web name= uuid="$(vm_uuid web)" disk="$room/disk:file:xvdd:w:disk"
at=$(guest_mark web)
mark
runs 'enable --now' systemctl enable --now xenvm@web
is "$(now web), $(vm_state web)" 'active running, running' 'is active when the guest runs, and says so'
is "$(of web WantedBy) $(of web PartOf)" 'xenvm.target xenvm.target' 'a part of xenvm.target'
is "$(vm_get web name)" web 'without a name in its file it has that of the unit'
logged web "$(vm_uuid web): .* -> running" 'the journal has what the monitor logs'
is "$(log web | grep -c -- '-> running')" 1 'once'
runs 'the guest boots' vm_ready web "$at"

runs 'pause' xenvm-cmd web pause
is "$(now web)" 'active paused' 'the status follows'
xenvm-cmd web unpause
is "$(now web)" 'active running' 'at each change'

pid=$(of web MainPID)
mark
runs 'reload' ctl reload web
runs 'reads the file again' wait_for 10 eval 'log web | grep -q "read /etc/xenvm/web.cfg"'
runs 'and is ready again' wait_for 10 has_state web active
echo 'vcpus = 0' >>/etc/xenvm/web.cfg
ctl reload web
runs 'a bad file is refused' wait_for 10 eval "log web | grep -q 'the configuration stays as it was: .*vcpus'"
sed -i '/^vcpus/d' /etc/xenvm/web.cfg
is "$(of web MainPID) $(vm_state web)" "$pid running" 'and changes nothing'

# --- the monitor goes, the guest stays

seen=$(vm_xl web)
at=$(guest_mark web)
for i in 1 2 3 4 5; do
    pid=$(of web MainPID)
    kill -KILL "$pid"
    wait_for 30 monitor_changed web "$pid"
    is "$? $(vm_state web) $(vm_xl web)" "0 running $seen" "killed with -9, $i: another monitor has the same domain"
done
is "$(of web NRestarts)" 5 'started again each time'
runs 'and the guest went on all the while' vm_goes_on web "$at"

echo 'vcpus = none' >>/etc/xenvm/web.cfg
mark
for i in 1 2; do
    pid=$(of web MainPID)
    kill -KILL "$pid"
    runs "the file has become wrong before the monitor died, $i" wait_for 30 monitor_changed web "$pid"
    is "$(now web) $(vm_xl web)" "active running $seen" 'there is another one all the same'
done
logged web '^xenvm: /etc/xenvm/web.cfg:[0-9]+: vcpus: ' 'which says what is wrong'
logged web "the VM's last monitor has died; this one takes /etc/xenvm/web.cfg as that one had read it" 'and what it has done'
refused 1 'vcpus' 'a bad file is still refused' xenvm-cmd web read-config

# What it needs of Xen is away for a moment, too.
mv /dev/xen/privcmd /dev/xen/privcmd.away
mount -t tmpfs none /proc/xen
pid=$(of web MainPID) tries=$(of web NRestarts)
kill -KILL "$pid"
runs 'a monitor that cannot reach Xen tries again' wait_for 30 eval "[ \"\$(of web NRestarts)\" -ge $((tries + 3)) ]"
umount /proc/xen
mv /dev/xen/privcmd.away /dev/xen/privcmd
runs 'until it can' wait_for 30 has_state web active
is "$(now web) $(vm_xl web)" "active running $seen" 'and has the same domain'
sed -i '/^vcpus/d' /etc/xenvm/web.cfg
runs 'a good file is read' xenvm-cmd web read-config

kill -TERM "$(of web MainPID)"
runs 'SIGTERM ends the monitor' wait_for 10 has_state web inactive
is "$(ended web) $(vm_xl web)" "inactive success 0 $seen" 'and nothing else'
runs 'start' ctl start web
is "$(now web) $(vm_xl web)" "active running $seen" 'takes it over'

# --- what the guest needs of the host is started anew

# writes DISK: the guest does, and the host reads it
writes() {
    vm_shell web "until grep -qw $1 /proc/partitions; do sleep 1; done; echo $1 | dd of=/dev/$1 conv=fsync 2>/dev/null" &&
        [ "$(head -n 1 "$2" | tr -d '\0')" = "$1" ]
}
pid=$(of web MainPID)
daemons() { systemctl show -P MainPID systemd-udevd && pidof xenconsoled; }
# Both are there, and neither is one of those: daemons_changed PID…
daemons_changed() {
    local now
    now=$(daemons) && [[ ! $now =~ (^|[[:space:]])($1|$2)($|[[:space:]]) ]]
}
mapfile -t was < <(daemons)
runs 'restart of udev' systemctl restart systemd-udevd
runs "and of Xen's daemons" systemctl restart xen
runs 'which are others' wait_for 10 daemons_changed "${was[@]}"
is "$(of web MainPID) $(now web) $(vm_xl web)" "$pid active running $seen" 'touches neither the monitor nor the VM'
runs 'the guest is heard on its console, all the while whole' vm_goes_on web "$at"
runs 'it writes to its disk' writes xvdd "$room/disk"
runs 'a disk is added' xenvm-cmd web disk-add "$room/more:file:xvde:w:disk"
runs 'to which it writes, too' writes xvde "$room/more"
runs 'and removed' xenvm-cmd web disk-del xvde

mkdir -p /run/systemd/system/xenvm@.service.d
printf '[Service]\nWatchdogSec=20\n' >/run/systemd/system/xenvm@.service.d/lab.conf
systemctl daemon-reload
kill -TERM "$(of web MainPID)"
wait_for 10 has_state web inactive
ctl start web
pid=$(of web MainPID)
sleep 25
is "$(of web MainPID) $(now web)" "$pid active running" 'a monitor that lives says so often enough'
kill -STOP "$pid"
runs 'one that hangs is replaced' wait_for 60 monitor_changed web "$pid"
is "$(of web NRestarts) $(vm_state web) $(vm_xl web)" "1 running $seen" 'and the guest stays'
rm -r /run/systemd/system/xenvm@.service.d
systemctl daemon-reload

# --- stop-method

mark
runs 'stop' ctl stop web
is "$(ended web), $(vm_xl web)" 'inactive success 0, ' 'ends the domain'
logged web 'stop: the VM is running: the guest is asked to shut down, for 300 s' 'says what is done'
logged web 'stop: the VM is shutdown$' 'and that it has been done'
like "$(tail -c "+$at" "$(guest_log web)")" 'guest: obeys poweroff' 'the guest was asked'

unit web stop-timeout=3
runs 'a guest' boots web
runs 'that does not listen' guest_ask web deaf '^deaf' 30
mark
runs 'stop' ctl stop web
is "$(ended web), $(vm_xl web)" 'inactive success 0, ' 'ends it all the same'
logged web 'stop: the guest acknowledged the poweroff request but did not do it in 3 s: the VM is destroyed' 'and says why'

# suspended NAME FOLDER: after a stop; restored by its start
suspended() {
    # A start that failed meanwhile has left its exit status in a unit that is enabled.
    is "$(of "$1" ActiveState) $(of "$1" Result), $(vm_xl "$1"), $(find "$2" -name "$(vm_uuid "$1").*.image" | wc -l)" 'inactive success, , 1' \
        'leaves an image and no domain'
    rm -f "/run/xenvm/vm-$(vm_uuid "$1").state" # as after a reboot of the host
    mark
    runs 'start' ctl start "$1"
    logged "$1" 'the last stop suspended the VM to .*: it is restored' 'restores it'
    runs 'with all its memory' vm_goes_on "$1" "$at"
    is "$(images) $(grep -ls '"image"' /var/lib/xenvm/*/memory)" '0 ' 'the image is spent'
}
unit web stop-timeout=3 stop-fallback=suspend
runs 'a guest' boots web
runs 'that does not listen' guest_ask web deaf '^deaf' 30
at=$(guest_mark web)
mark
runs 'is stopped with stop-fallback = suspend' ctl stop web
logged web 'did not do it in 3 s: stop-fallback = suspend' 'which comes to that'
suspended web "/var/lib/xenvm/$(vm_uuid web)"

unit web stop-method=suspend
ctl reload web
runs 'it listens again' guest_ask web listen '^listening' 30
at=$(guest_mark web)
mark
runs 'stop, with stop-method = suspend' ctl stop web
logged web 'stop: the VM is suspended$' 'suspends it'
suspended web "/var/lib/xenvm/$(vm_uuid web)"

unit web stop-method=suspend suspend-dir="$room"
ctl reload web
runs 'stop, with a suspend-dir' ctl stop web
sed '$a startup = shutdown' /etc/xenvm/web.cfg >"$lab_tmp/down.cfg"
rm -f "/run/xenvm/vm-$(vm_uuid web).state"
runs 'a monitor that is to start nothing' xenvm "$lab_tmp/down.cfg"
is "$(vm_state web)" suspended 'finds it suspended'
refused 1 'the VM is suspended; start needs it' 'and does not start it' xenvm-cmd web start
runs 'quit' xenvm-cmd web quit
mv "$room"/*.image "$lab_tmp"
gone="the image that the last stop suspended the VM to, .*\\.image, can't be had: No such file or directory "
gone+='[(]is its file system mounted[?] without .*/memory, the VM starts anew[)]'
failing web 1 "$gone" 'an image that is not there'
rm -f "/run/xenvm/vm-$(vm_uuid web).state"
failing web 1 "$gone" 'the same after a reboot of the host'
mv "$lab_tmp"/*.image "$room"
suspended web "$room"

mount -t tmpfs -o size=48m tmpfs "$room"
mark
runs 'stop, with no room for the image' ctl stop web
is "$(ended web), $(vm_xl web), $(images)" 'inactive success 0, , 0' 'ends it'
logged web 'stop: cannot suspend: no room in .* for an image of 64 MiB, 4[0-9] MiB are free: the guest is shut down instead' \
    'and says why it is shut down'
umount "$room"

tiny_unit tiny idle stop-method=suspend suspend-dir=/nowhere/images stop-timeout=1
ctl start tiny
mark
runs 'stop, with a suspend-dir that there is not' ctl stop tiny
is "$(ended tiny), $(vm_xl tiny)" 'inactive success 0, ' 'ends the VM'
logged tiny 'stop: cannot suspend: no image can be in /nowhere/images: No such file or directory: the guest is shut down instead' \
    'and says why it is asked'

tiny_unit tiny idle stop-method=destroy
mark
runs 'a VM' ctl start tiny
runs 'stop, with stop-method = destroy' ctl stop tiny
is "$(ended tiny), $(vm_xl tiny)" 'inactive success 0, ' 'ends it'

tiny_unit tiny idle stop-method=leave
runs 'a VM' ctl start tiny
seen=$(vm_xl tiny)
runs 'stop, with stop-method = leave' ctl stop tiny
is "$(ended tiny), $(vm_xl tiny)" "inactive success 0, $seen" 'leaves it'
logged tiny 'stop: the VM is running, and is left alone' 'and says so'
runs 'start' ctl start tiny
runs 'restart' ctl restart tiny
is "$(now tiny) $(vm_xl tiny)" "active running $seen" 'and the next monitor has it'

xenvm-cmd tiny destroy
ctl stop tiny

truncate -s 1M /root/disk
tiny_unit tiny idle stop-method=leave disk=/root/disk:aio:xvda:w:disk
runs 'a VM with a disk of qemu' ctl start tiny
seen="$(vm_xl tiny) $(qemu_of tiny)"
like "$seen" '^[0-9]+ 4 1 [0-9]+$' 'has one'
runs 'restart' ctl restart tiny
is "$(now tiny) $(vm_xl tiny) $(qemu_of tiny)" "active running $seen" 'leaves qemu alone'
pid=$(of tiny MainPID)
kill -KILL "$pid"
runs 'a monitor that is killed' wait_for 30 monitor_changed tiny "$pid"
is "$(vm_state tiny) $(vm_xl tiny) $(qemu_of tiny)" "running $seen" 'too'
runs 'destroy' xenvm-cmd tiny destroy
pid=$(of tiny MainPID)
kill -KILL "$pid"
runs 'a monitor that is killed then' wait_for 30 monitor_changed tiny "$pid"
is "$(now tiny)" 'active shutdown' 'starts nothing that was down'
runs 'but start does' xenvm-cmd tiny start
seen="$(vm_xl tiny) $(qemu_of tiny)"
tiny_unit tiny idle stop-method=destroy disk=/root/disk:aio:xvda:w:disk
ctl reload tiny
runs 'a stop that ends the VM' ctl stop tiny
runs 'ends qemu' wait_for 20 no_process "${seen##* }"

tiny_unit tiny idle
ctl start tiny
seen=$(vm_xl tiny)
runs 'pause' xenvm-cmd tiny pause
mark
runs 'stop of a VM that does not run' ctl stop tiny
logged tiny 'stop: the VM is paused, and stays so' 'leaves it'
is "$(vm_xl tiny)" "$seen" 'as it is'
runs 'start' ctl start tiny
xenvm-cmd tiny destroy
is "$(now tiny)" 'active shutdown' 'a VM that was destroyed by command still has its service'
ctl stop tiny

# --- while something else is under way

tiny_unit tiny idle kernel=/lab/guest/debian/vmlinuz initrd=/lab/guest/debian/initrd memory=128 stop-method=destroy
ctl start tiny
mark
xenvm-cmd tiny restart force=true &
runs 'a restart' wait_for 10 busy tiny
runs 'and a stop' ctl stop tiny
wait $!
is "$? $(ended tiny), $(vm_xl tiny)" '0 inactive success 0, ' 'which comes after it'
logged tiny 'stop: waits for the end of the restart under way' 'and says so'

printf '#!/bin/sh\nexec sleep 100\n' >"$lab_tmp/slow"
chmod 755 "$lab_tmp" "$lab_tmp/slow"
truncate -s 1M "$lab_tmp/boot-disk"
unit tiny kernel= initrd= cmdline= memory=4 stop-method=destroy bootloader="$lab_tmp/slow" disk="$lab_tmp/boot-disk:file:xvda:w:disk"
mark
ctl start tiny --no-block
runs 'a start' wait_for 20 vm_is tiny creating-domain
runs 'that is stopped' ctl stop tiny
is "$(of tiny ActiveState), $(vm_xl tiny)" 'inactive, ' 'leaves nothing'
logged tiny 'ending, and the start is taken back' 'and says so'

# --- the guest's own wish

tiny_unit tiny poweroff
mark
runs 'a guest that powers itself off' ctl start tiny
runs 'ends its service' wait_for 10 has_state tiny inactive
is "$(ended tiny), $(vm_xl tiny)" 'inactive success 0, ' 'without a complaint'
tiny_unit tiny reboot on_reboot=destroy
ctl start tiny
runs 'so does one that reboots, if that is to be its end' wait_for 10 has_state tiny inactive
tiny_unit tiny poweroff startup=paused
ctl start tiny
is "$(now tiny)" 'active created' 'startup = paused: ready when the domain is complete'
kill -TERM "$(of tiny MainPID)"
wait_for 10 has_state tiny inactive
xl unpause tiny
runs 'a guest powers itself off while it has no monitor' wait_for 20 guest_has_state tiny s
sed -i '/^startup/d' /etc/xenvm/tiny.cfg
mark
runs 'start' ctl start tiny
runs 'comes to the same' wait_for 10 has_state tiny inactive
is "$(ended tiny), $(vm_xl tiny), $(log tiny | grep -c -- '-> creating-domain')" 'inactive success 0, , 0' 'it is not started anew'
tiny_unit tiny poweroff
runs 'outside a service' xenvm "$(vm_file tiny)"
runs 'it is down' wait_for 10 vm_is tiny shutdown
runs 'and the monitor stays' xenvm-cmd tiny status
vm_down tiny

# --- what cannot be started

tiny_unit tiny idle kernel=/no/such/kernel
failing tiny 1 'kernel: cannot open /no/such/kernel: No such file|/no/such/kernel.*No such file' 'a VM without a kernel'
tiny_unit tiny idle stop-method=explode
failing tiny 1 "stop-method: 'explode' is not known, accepted: shutdown, suspend, destroy or leave" 'a bad configuration'
tiny_unit tiny idle uuid=
failing tiny 1 'tiny.cfg: uuid: missing, accepted: ' 'a VM that the next monitor would not find'
tiny_unit tiny idle name=other
failing tiny 2 '^xenvm: --name tiny: /etc/xenvm/tiny.cfg has name = other' 'a VM of another name'
rm /etc/xenvm/tiny.cfg
failing tiny 1 '/etc/xenvm/tiny.cfg: cannot read the configuration: No such file' 'a VM that there is not'

# --- many

systemctl --quiet disable xenvm@web

# --- how long a stop may take

mkdir -p /run/systemd/system/xenvm@.service.d
printf '[Service]\nWatchdogSec=10\nTimeoutStopSec=12\n' >/run/systemd/system/xenvm@.service.d/lab.conf
systemctl daemon-reload
tiny_unit tiny idle stop-timeout=25
ctl start tiny
mark
runs 'a stop that takes longer than systemd would wait' ctl stop tiny
is "$(ended tiny), $(vm_xl tiny)" 'inactive success 0, ' 'has the time it needs'
logged tiny 'did not acknowledge the poweroff request in 25 s: the VM is destroyed' 'all of it'
ctl start tiny
seen=$(vm_xl tiny)
kill -STOP "$(of tiny MainPID)"
runs 'a stop when the monitor hangs' ctl stop tiny
is "$(of tiny Result) $(vm_xl tiny)" "timeout $seen" 'comes to an end, and leaves the guest alone'
systemctl reset-failed xenvm@tiny
ctl start tiny
is "$(now tiny) $(vm_xl tiny)" "active running $seen" 'the next start takes it over'
xenvm-cmd tiny destroy
ctl stop tiny
rm -r /run/systemd/system/xenvm@.service.d
systemctl daemon-reload

for i in 1 2 3 4; do
    tiny_unit "many$i" idle stop-timeout=8
    systemctl --quiet enable "xenvm@many$i"
done
runs 'start of xenvm.target' systemctl start xenvm.target
for i in 1 2 3 4; do wait_for 30 has_state "many$i" active; done
is "$(for i in 1 2 3 4; do now "many$i"; done | sort | uniq -c | tr -s ' ')" ' 4 active running' 'starts all that are enabled'
last=$(for i in 1 2 3 4; do of "many$i" ExecMainStartTimestampMonotonic; done | sort -n | tail -n 1)
first=$(for i in 1 2 3 4; do of "many$i" ActiveEnterTimestampMonotonic; done | sort -n | head -n 1)
ok "$([ "$last" -gt 0 ] && [ "$last" -lt "$first" ]; echo $?)" "all at once: the last begins $(((first - last) / 1000)) ms before the first is there"
lab_now
began=$lab_time
runs 'stop of xenvm.target' systemctl stop xenvm.target
for i in 1 2 3 4; do wait_for 30 has_state "many$i" inactive; done
lab_now
ok "$([ $((lab_time - began)) -lt 20 ]; echo $?)" "stops all at once: four guests that do not answer in 8 s took $((lab_time - began)) s"
is "$(for i in 1 2 3 4; do ended "many$i"; done | sort | uniq -c | tr -s ' ')" ' 4 inactive success 0' 'all of them'

systemctl --quiet disable xenvm@many{1,2,3,4}
rm -r /etc/xenvm /root/disk
rm -rf /var/lib/xenvm
world_is "$before" 'nothing is left'
done_testing

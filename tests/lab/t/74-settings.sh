#!/bin/bash
# Boots of another configuration: one-off, and the first.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
file=$(vm_file set)
other=$lab_tmp/other.cfg
uuid=$(vm_uuid set)
world >"$before"

# memory: what Xen gives the guest, in MB
memory() { xl list set | awk 'NR == 2 { print $3 }'; }
runs_with() { [ "$(memory)" = "$1" ] && vm_is set running; }
# A configuration with a kernel of another kind:  one_off KIND [LINE…]
one_off() {
    [ -e "$lab_tmp/$1" ] || /lab/tests/guest/tiny "$1" "$lab_tmp/$1"
    printf '%s\n' "kernel = $lab_tmp/$1" 'memory = 5' "${@:2}" >"$other"
}
kill_monitor() {
    local pid
    pid=$(vm_get set pid)
    kill -9 "$pid"
    wait_for 20 no_process "$pid"
}

# --- one boot of another configuration

runs 'a VM' vm_tiny set idle startup=shutdown
one_off reboot
runs 'a boot of an installer, which reboots at once' xenvm-cmd set start config="$other"
runs 'the next boot is lasting' wait_for 20 runs_with 4
is "$(vm_get set one-off)" '' 'and so says the status'
vm_down set

runs 'the VM again' vm_tiny set idle startup=shutdown
one_off idle "uuid = $uuid" 'name = set' 'on_crash = preserve'
runs 'a one-off boot' xenvm-cmd set start config="$other"
is "$(memory) $(vm_get set one-off)" "5 $other" 'is of that file, and the status tells'
like "$(xenvm-cmd --json set status)" "\"one-off\":\"$other\"" 'with --json too'
runs 'a command restarts it' xenvm-cmd set restart force=true
is "$(memory) $(vm_get set one-off)" '4 ' 'with the lasting configuration'
xenvm-cmd set destroy
runs 'another one-off boot' xenvm-cmd set start config="$other" paused=true
is "$(vm_state set) $(memory)" 'created 5' 'may be left paused'
xenvm-cmd set destroy
is "$(vm_state set) $(vm_get set one-off)" 'shutdown ' 'once it is over, nothing is left of it'
runs 'the next start' xenvm-cmd set start
is "$(memory)" 4 'is lasting'
xenvm-cmd set destroy

runs 'a one-off boot' xenvm-cmd set start config="$other"
sed -i 's/^memory = 4/memory = 6/' "$file"
runs 'the lasting configuration is read meanwhile' xenvm-cmd set read-config
is "$(memory) $(vm_get set one-off)" "5 $other" 'which changes nothing yet'
runs 'a restart' xenvm-cmd set restart force=true
is "$(memory)" 6 'takes it'
sed -i 's/^memory = 6/memory = 4/' "$file"
xenvm-cmd set read-config
xenvm-cmd set destroy

# --- what is refused

refuses() { refused 1 "$1" "$2" xenvm-cmd set start config="$other"; }
one_off idle "uuid = $(vm_uuid another)"
refuses "^xenvm-cmd: set: $other: uuid: is another VM's$" "another VM's file"
one_off idle 'name = another'
refuses "^xenvm-cmd: set: $other: name: 'set' cannot become 'another'" 'another name'
one_off idle 'vcpus = 0'
refuses "^xenvm-cmd: set: $other:3: vcpus: '0' is too small, accepted: a whole number from 1 to 128$" 'a bad file'
one_off idle 'vcpus = 0' 'zebra = 1'
refuses "^xenvm-cmd: set: $other:3: vcpus: .*[(]and more: see the log[)]$" 'a worse one'
one_off idle 'kernel = /nowhere/kernel'
sed -i 1d "$other"
refuses '^xenvm-cmd: set: kernel /nowhere/kernel: No such file or directory$' 'a kernel that is not there'
rm "$other"
refuses "^xenvm-cmd: set: $other: cannot read the configuration: No such file" 'a file that is not there'
is "$(vm_state set) $(vm_xl set) $(vm_get set one-off)" 'shutdown  ' 'nothing is started by any'
runs 'a start' xenvm-cmd set start
is "$(memory)" 4 'is lasting after all that'
one_off idle
refused 1 'the VM is running; start needs it' 'a VM that runs has no other boot' xenvm-cmd set start config="$other"

# --- the monitor dies meanwhile

xenvm-cmd set destroy
one_off idle
runs 'a one-off boot' xenvm-cmd set start config="$other"
rm "$other"
kill_monitor
runs 'a new monitor' xenvm "$file"
is "$(vm_state set) $(memory) $(vm_get set one-off)" "running 5 $other" 'knows what it has adopted'
runs 'a restart' xenvm-cmd set restart force=true
is "$(memory) $(vm_get set one-off)" '4 ' 'is of the lasting configuration'
xenvm-cmd set destroy
vm_down set

# A guest that reboots when it is told to, and whose monitor has died before.
vm_config set memory=130
sed -e 's/^memory = .*/memory = 128/' -e '/^uuid\|^name/d' "$file" >"$other"
echo 'startup = shutdown' >>"$file"
runs 'a monitor' xenvm "$file"
mark=$(guest_mark set)
runs 'a one-off boot of Linux' xenvm-cmd set start config="$other"
runs 'it is up' vm_ready set "$mark"
is "$(memory)" 128 'with the memory of that file'
kill_monitor
runs 'a new monitor' xenvm "$file"
mark=$(guest_mark set)
runs 'the guest reboots' guest_say set reboot
runs 'it is up again' vm_ready set "$mark"
is "$(memory) $(vm_get set one-off)" '130 ' 'with the memory of the lasting configuration'
vm_down set

# The memory in an image is given up only where the other boot runs.
runs 'a monitor' xenvm "$file"
mark=$(guest_mark set)
runs 'a Linux' xenvm-cmd set start
runs 'comes up' vm_ready set "$mark"
runs 'is suspended' xenvm-cmd set suspend file="$lab_tmp/image"
echo 'kernel = /nowhere/kernel' >"$other"
refused 1 'kernel /nowhere/kernel: No such file' 'a one-off boot in its place that fails' \
    xenvm-cmd set start discard=true config="$other"
is "$(vm_state set)" suspended 'leaves it suspended'
runs 'and it can be restored' xenvm-cmd set restore file="$lab_tmp/image"
is "$(memory)" 130 'as it was'
vm_down set

# --- the first boot

kept=/var/lib/xenvm/$uuid
kept_files() { find "$kept" -mindepth 1 ! -name memory -printf '%f ' 2>/dev/null; }
# first_boot LINE…: the configuration of a VM that waits, with these for its first boot
first_boot() {
    vm_config set "kernel=$lab_tmp/idle" initrd= cmdline= memory=4 startup=shutdown
    printf '%s\n' '[first-boot]' "$@" >>"$file"
}

first_boot 'memory = no' 'zebra = 1'
fails 'the keys of the first boot' xenvm --check "$file"
is "$(sed -E "s|.*:[0-9]+: ([a-z]+): .*|\1|" <<<"$output" | tr '\n' ' ')" 'memory zebra ' 'are judged like others'
first_boot "uuid = $uuid"
refused 1 "^xenvm: $file:[0-9]+: uuid: is the VM's identity, accepted: " 'but the VM is always the same' xenvm "$file"
first_boot 'memory-max = 3'
refused 1 "memory-max: 3 MiB is less than memory, which is 4 MiB" 'they are judged with the rest' xenvm --check "$file"
first_boot 'on_crash = preserve'
sed -i 's/first-boot/last-boot/' "$file"
refused 1 "'\[last-boot\]' is no heading, accepted: \[first-boot\]$" 'another heading is refused' xenvm --check "$file"

first_boot 'memory = 5' 'kernel = /nowhere/kernel'
runs 'a monitor' xenvm "$file"
refused 1 'kernel /nowhere/kernel: No such file' 'a first boot that fails' xenvm-cmd set start
is "$(vm_state set) $(kept_files)" 'shutdown ' 'is not the first one'
first_boot 'memory = 5'
runs 'the file, mended, is read' xenvm-cmd set read-config
runs 'a start that is left paused' xenvm-cmd set start paused=true
is "$(memory) $(vm_get set first-boot)" '5 true' 'is of the first boot'
is "$(kept_files)" '' 'which has not been yet'
xenvm-cmd set destroy
runs 'it is started again' xenvm-cmd set start
is "$(memory) $(vm_get set first-boot)" '5 true' 'and that is the first boot, too'
runs 'once it runs' wait_for 5 test -f "$kept/first-boot-done"
is "$(kept_files)" 'first-boot-done ' 'that is kept, and nothing else'
kill_monitor
runs 'a new monitor' xenvm "$file"
is "$(vm_state set) $(memory) $(vm_get set first-boot)" 'running 5 true' 'knows of the first boot'
runs 'a restart' xenvm-cmd set restart force=true
is "$(memory) $(vm_get set first-boot)" '4 ' 'is not the first boot any more'
vm_down set
runs 'a monitor that knows only what outlives the host' xenvm "$file"
runs 'starts it' xenvm-cmd set start
is "$(memory)" 4 'as always'
vm_down set
rm -r "$kept"

first_boot 'memory = 5' "kernel = $lab_tmp/reboot"
sed -i '/^startup/d' "$file"
runs 'a first boot that ends in a reboot' xenvm "$file"
runs 'is followed by others' wait_for 20 runs_with 4
is "$(vm_get set first-boot)" '' 'which are not the first'
vm_down set
rm -r "$kept"

first_boot 'memory = 5'
runs 'a monitor' xenvm "$file"
one_off idle 'memory-max = 6' '[first-boot]' 'memory = 6'
refused 1 '\[first-boot\]: means nothing in' 'a one-off boot has no first one' xenvm-cmd set start config="$other"
one_off idle 'memory-max = 6'
runs 'a one-off boot' xenvm-cmd set start config="$other"
is "$(kept_files)" '' 'is not the first'
kill_monitor
runs 'a new monitor' xenvm "$file"
runs 'a restart' xenvm-cmd set restart force=true
is "$(memory) $(vm_get set first-boot)" '5 true' 'which is'
runs 'the monitor dies at once' kill_monitor
runs 'a new monitor' xenvm "$file"
runs 'keeps that it has been' wait_for 5 test -f "$kept/first-boot-done"
vm_down set
rm -r "$kept"

world_is "$before" 'nothing is left'
done_testing

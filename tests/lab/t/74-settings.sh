#!/bin/bash
# Boots of another configuration, one-off and the first, and settings beside the file.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh
# shellcheck source=../faults.sh source-path=SCRIPTDIR
. /lab/tests/faults.sh

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
kept=/var/lib/xenvm/$uuid

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
vm_config set memory=66
sed -e 's/^memory = .*/memory = 64/' -e '/^uuid\|^name/d' "$file" >"$other"
echo 'startup = shutdown' >>"$file"
runs 'a monitor' xenvm "$file"
mark=$(guest_mark set)
runs 'a one-off boot of Linux' xenvm-cmd set start config="$other"
runs 'it is up' vm_ready set "$mark"
is "$(memory)" 64 'with the memory of that file'
kill_monitor
runs 'a new monitor' xenvm "$file"
mark=$(guest_mark set)
runs 'the guest reboots' guest_say set reboot
runs 'it is up again' vm_ready set "$mark"
is "$(memory) $(vm_get set one-off)" '66 ' 'with the memory of the lasting configuration'
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
xenvm-cmd set quit
runs 'a monitor in which calls can be made to fail' with_faults xenvm "$file"
sed -e 's/^memory = .*/memory = 64/' -e '/^uuid\|^name/d' "$file" >"$other"
lay xenvm domctl_max_mem:1:kill-after
fails 'the monitor dies in one that begins' xenvm-cmd set start discard=true config="$other"
runs 'a new monitor' xenvm "$file"
is "$(vm_state set) $(vm_get set one-off)" 'suspended ' 'finds it suspended'
is "$(xenvm-cmd set get memory | sed -n 's/^value: //p')" 66 'and built as it was'
# What is said to hold from the next start on does so, whatever goes down meanwhile.
runs 'a setting' xenvm-cmd set set vcpus 2
xenvm-cmd set quit
runs 'a new monitor' xenvm "$file"
is "$(xenvm-cmd set get vcpus | sed -n 's/^\(value\|next\): //p' | tr '\n' ' ')" '1 2 ' 'knows that it waits'
runs 'and it can be restored' xenvm-cmd set restore file="$lab_tmp/image"
is "$(memory)" 66 'as it was'
runs 'the setting goes' xenvm-cmd set unset vcpus
vm_down set
rm -r "$kept"

# --- the first boot

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
first_boot 'memory = 5' 'on_reboot = preserve'
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
is "$(xenvm-cmd set get on_reboot | sed -n 's/^\(value\|next\): //p' | tr '\n' ' ')" 'preserve restart ' 'with all that it has of its own'
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

first_boot 'bootloader ='
sed -i '1i bootloader = pygrub' "$file"
runs 'a monitor' xenvm "$file"
runs 'a first boot without the bootloader of the others' xenvm-cmd set start
refused 1 'there is no disk to find a kernel in' 'which they need' xenvm-cmd set restart force=true
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

# --- settings

# says WANTED NAME COMMAND…: what a command of the VM prints
says() { is "$(xenvm-cmd set "${@:3}" 2>&1 | tr '\n' ' ')" "$1 " "$2"; }
# checked NAME: the effective configuration is a good file
checked() {
    xenvm-cmd set config next=true >"$lab_tmp/printed"
    runs "$1" xenvm --check "$lab_tmp/printed"
}

runs 'a VM' vm_tiny set idle
says 'key: memory value: 4 from: file default: 256' 'a key of the file' get memory
says 'key: vcpus value: 1 from: default default: 1' 'one that is not there' get vcpus
says 'key: initrd from: default' 'one that has neither' get initrd
says "key: uuid value: $uuid from: file" 'what it is' get uuid
says 'memory: 5, from the next start on' 'a setting' set memory 5
says 'key: memory value: 4 from: file default: 256 next: 5 next-from: set' 'waits' get memory
is "$(cat "$kept/settings")" 'memory = 5' 'and is kept'
is "$(stat -c %a "$kept/settings") $(kept_files)" '600 settings ' 'for root only, and nothing else is'
says 'on_reboot: destroy, from now on' 'another' set on_restart destroy
says 'key: on_reboot value: destroy from: set default: restart' 'holds at once' get on_reboot
runs 'a restart' xenvm-cmd set restart force=true
is "$(memory)" 5 'takes the first one'
says 'key: memory value: 5 from: set default: 256' 'which is known' get memory
checked 'the configuration is a file'
is "$(grep -E '^(memory|on_reboot|vcpus) ' "$lab_tmp/printed" | xargs)" 'memory = 5 vcpus = 1 on_reboot = destroy' \
    'with all that holds, defaults too'
xenvm --list-keys | awk 'NR > 1 && !/^hvm / && /  PV,/ && !/  -  +PV,/ { sub(",", "", $1); print $1 }' >"$lab_tmp/keys"
is "$(grep -cx -e memory -e stop-fallback "$lab_tmp/keys") $(while read -r key; do
    grep -q "^$key = " "$lab_tmp/printed" || echo "$key"
done <"$lab_tmp/keys")" '2 ' 'of every key that has one'

# Each key is set on a VM of a kind that it means something for, and taken back.
declare -A another=() kind=()
while read -r key value; do another[$key]=$value; done <<'END'
type pvh
hvm true
memory 129
memory-max 200
no_mem_check true
vcpus 2
cores-per-socket 2
cpuid avx2=0
kernel /nowhere/kernel
initrd /nowhere/initrd
cmdline root=/dev/xvda1 ro a#b
firmware /nowhere/firmware
bios /nowhere/bios
bootloader pygrub
bootloader-args --entry=1 -q
bootloader-timeout 10
startup paused
on_halt restart
on_reboot destroy
on_crash preserve
stop-method suspend
stop-timeout 20
stop-fallback suspend
suspend-dir /nowhere/images
notify unix,/nowhere/socket
allow user root status
debug true
output /nowhere/trace
disk :file:xvdb:r:cdrom
nic bridge=xen-br0,id=3
pci 0,bind,0000:00:1b.0
serial none
display vnc
videoram 32
usb true
sound hda
boot dc
pae false
acpi false
apic false
nx false
viridian true
nested true
hap false
hpet false
vpt-align false
timer-mode 0
timeoffset -3600
platform a=b
smbios-pt false
smbios-oem-type-pt 128
acpi-pt true
diskinfo-pt true
power-management 2
oem-features 0
inject-sci 0
pci-msitranslate 0
pci-power-management 1
extra-hvm snapshot
qemu-dm-path /nowhere/qemu
qemu-dm-user nobody
qemu-dm-timeout 10
END
for name in PV PVH HVM; do
    vm_config $name type=${name,,} startup=shutdown output="$lab_tmp/trace"
    case $name in
    PV) sed -i '/^type/d' "$(vm_file PV)" ;; # the default, and no other word for hvm
    PVH) echo 'vcpus = 2' >>"$(vm_file PVH)" ;;
    HVM) echo 'smbios-pt = true' >>"$(vm_file HVM)" ;;
    esac
    runs "a VM of the kind $name, which is down" xenvm "$(vm_file $name)"
done
while read -r line; do
    [[ $line =~ ^([a-z_-]+).*\ (PV|PVH|HVM)(,[HMPV,]+)?\ \  ]] && kind[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
done < <(xenvm --list-keys)
# Sets $told to what there is to know of it:  ask_of NAME KEY
ask_of() {
    told=$(xenvm-cmd "$1" get "$2" 2>&1)
    told=${told//$'\n'/|}
}
trouble=
for key in "${!kind[@]}"; do
    name=${kind[$key]}
    value=${another[$key]:-}
    ask_of "$name" "$key"
    was=$told
    case $key in
    uuid | name)
        refused 1 "^xenvm-cmd: $name: $key: is the VM's identity, which nothing changes" "$key stays" xenvm-cmd "$name" set "$key" "$(vm_uuid x)"
        ask_of "$name" "$key"
        [ "$told" = "$was" ] || trouble+=" $key has changed;"
        continue
        ;;
    power-management | oem-features | inject-sci) ;; # of one value
    *) [[ $was != *"|value: $value|"* ]] || trouble+=" $key is $value already;" ;;
    esac
    [ -n "$value" ] || trouble+=" there is no value to set $key to;"
    # A value can look like an option.
    xenvm-cmd "$name" set -- "$key" "$value" >"$lab_tmp/said" 2>&1 || trouble+=" $(<"$lab_tmp/said");"
    ask_of "$name" "$key"
    case $told in
    "key: $key|value: $value|from: set" | "key: $key|value: $value|from: set|"* | *"|next: $value|next-from: set") ;;
    *) trouble+=" set $key '$value': $told;" ;;
    esac
    xenvm-cmd "$name" unset "$key" >"$lab_tmp/said" 2>&1 || trouble+=" $(<"$lab_tmp/said");"
    ask_of "$name" "$key"
    [ "$told" = "$was" ] || trouble+=" unset $key: $told and not $was;"
done
is "$trouble" '' 'every key can be set, and taken back'
is "${#kind[@]}" "$((${#another[@]} + 2))" 'and these were all'
for name in PV PVH HVM; do vm_down $name; done
rm -f /tmp/xenvm-debug-*

# What is checked.
cannot() { refused 1 "^xenvm-cmd: set: $1$" "$2" xenvm-cmd set "${@:3}"; }
cannot "memory: 'much' is not a whole decimal number, accepted: a whole number from 1 to 16777216 MiB" 'a bad value' set memory much
cannot "memory-max: 3 MiB is less than memory, which is 5 MiB, accepted: 0 or at least 5 MiB" 'one that does not fit' \
    set memory-max 3
cannot "display: means nothing to a pv guest, accepted: for HVM" 'one that means nothing' set display vnc
cannot "memory: has no value, accepted: .*" 'none' set memory
cannot "key: 'memroy' is not known, did you mean 'memory'[?]" 'a misspelt key' set memroy 5
cannot "key: 'zebra' is not known, accepted: those of xenvm --list-keys" 'an unknown one' get zebra
cannot "uuid: is the VM's identity, which nothing changes while it has a monitor" 'the UUID' set uuid "$(vm_uuid another)"
cannot "name: is the VM's identity, .*" 'the name' set name another
cannot "vcpus: has not been set" 'what is not set cannot be unset' unset vcpus
cannot "memory: has one value only, accepted: without add=" 'one value is no list' set memory 7 add=true
says 'output: /nowhere/trace, from now on' 'where a trace would be' set output /nowhere/trace
cannot "cannot write the trace to /nowhere/trace: No such file or directory" 'but it cannot' set debug true
says 'output: (none), from now on' 'it is taken back' unset output
is "$(tr '\n' ' ' <"$kept/settings")" 'memory = 5 on_reboot = destroy ' 'nothing of that is kept'

# Lists.
says 'disk: :file:xvdb:r:cdrom, from the next start on' 'a disk' set disk :file:xvdb:r:cdrom
says 'disk: :file:xvdb:r:cdrom, :file:xvdc:r:cdrom, from the next start on' 'another' set disk :file:xvdc:r:cdrom add=true
cannot "disk: virtpath 'xvdb' is that of another disk.*" 'one that is there' set disk :file:xvdb:r:cdrom add=true
says 'disk: :file:xvdd:r:cdrom, from the next start on' 'one for all' set disk :file:xvdd:r:cdrom
says 'cmdline: a "b" # c, from the next start on' 'a value to be quoted' set cmdline 'a "b" # c'
checked 'they make a file'
runs 'a restart' xenvm-cmd set restart force=true
says 'key: cmdline value: a "b" # c from: set' 'takes them' get cmdline
like "$(xenvm-cmd --json set get disk)" '"value":\[":file:xvdd:r:cdrom"\],"from":"set"' 'all of them'

# The monitor dies, the file changes, and the host goes down.
says 'memory: 6, from the next start on' 'a setting' set memory 6
kill_monitor
runs 'a new monitor' xenvm "$file"
says 'key: memory value: 5 from: set default: 256 next: 6 next-from: set' 'knows it' get memory
sed -i 's/^memory = .*/memory = 9/' "$file"
runs 'the file is read again' xenvm-cmd set read-config
runs 'a restart' xenvm-cmd set restart force=true
is "$(memory)" 6 'the setting holds'
vm_down set
runs 'a monitor that knows only what outlives the host' xenvm "$file"
is "$(memory)" 6 'has it too'
says 'memory: 9, from the next start on' 'it is taken back' unset memory
runs 'a restart' xenvm-cmd set restart force=true
is "$(memory)" 9 'and the file holds'
for key in on_reboot disk cmdline; do xenvm-cmd set unset $key >"$lab_tmp/said"; done
is "$(cat "$lab_tmp/said") $(kept_files)" 'cmdline: (none), from the next start on ' 'all are'
ok "$([ ! -e "$kept" ]; echo $?)" 'and nothing is left of them'

# Beside other boots, and what was plugged.
xenvm-cmd set destroy
runs 'a one-off boot' xenvm-cmd set start config="$other"
says 'key: memory value: 5 from: one-off default: 256 next: 9 next-from: file' 'has its own keys' get memory
says 'on_crash: preserve, from the next start on' 'all else waits' set on_crash preserve
says 'key: on_crash value: destroy from: default default: destroy next: preserve next-from: set' 'as it says' get on_crash
runs 'a restart' xenvm-cmd set restart force=true
says 'key: on_crash value: preserve from: set default: destroy' 'is lasting' get on_crash
says 'on_crash: destroy, from now on' 'and changes at once' unset on_crash
runs 'a drive is added' xenvm-cmd set disk-add :file:xvdb:r:cdrom
says 'vcpus: 2, from the next start on' 'a setting of something else' set vcpus 2
runs 'a restart' xenvm-cmd set restart force=true
says 'key: vcpus value: 2 from: set default: 1' 'takes it' get vcpus
says 'key: disk value: :file:xvdb:r:cdrom from: plugged' 'and the drive is still there' get disk
kill_monitor
runs 'a new monitor' xenvm "$file"
says 'key: disk value: :file:xvdb:r:cdrom from: plugged' 'knows it' get disk
says 'vcpus: 1, from the next start on' 'that is taken back' unset vcpus
xenvm-cmd set destroy
first_boot 'memory = 5'
runs 'the file gets a first boot' xenvm-cmd set read-config
says 'key: memory value: 5 from: first-boot default: 256 next: 4 next-from: file' 'which is to be' get memory
says 'memory: 6, from the boot after the first on' 'a setting' set memory 6
runs 'that boot' xenvm-cmd set start
is "$(memory)" 5 'goes before it'
runs 'the next one' xenvm-cmd set restart force=true
is "$(memory)" 6 'does not'
vm_down set
rm -r "$kept"
vm_config set "kernel=$lab_tmp/idle" initrd= cmdline= memory=4 startup=shutdown
echo 'memory-max = 5' >"$lab_tmp/settings"
mkdir -m 700 "$kept" && cp "$lab_tmp/settings" "$kept/settings" && echo half >"$kept/settings.new"
sed -i 's/^memory = .*/memory = 6/' "$file"
refused 1 "^xenvm: $kept/settings:1: memory-max: 5 MiB is less than memory, which is 6 MiB" 'a file that does not fit its settings' \
    xenvm "$file"
rm "$kept/settings"
runs 'a monitor' xenvm "$file"
ok "$([ ! -e "$kept" ]; echo $?)" 'removes what an earlier one has left half done'

# The disk is full, or is none.
mkdir -m 700 "$kept" && mount -t tmpfs -o size=4k none "$kept" && head -c 4096 /dev/zero >"$kept/full"
cannot "cannot write $kept/settings.new: No space left on device" 'a setting without room' set memory 5
says 'key: memory value: 6 from: file default: 256' 'is none' get memory
is "$(kept_files)" 'full ' 'and leaves nothing'
umount "$kept" && rmdir "$kept"
vm_down set

world_is "$before" 'nothing is left'
done_testing

#!/bin/bash
# A VM's memory exists once: in its domain, in the image that the record names, or nowhere.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
image=$lab_tmp/image
copy=$lab_tmp/copy
world >"$before"

record() { echo "/var/lib/xenvm/$(vm_uuid once)/memory"; }
# no_restore FILE WHY NAME
no_restore() {
    refused 1 "^xenvm-cmd: once: cannot restore from $1: $2\$" "$3" xenvm-cmd once restore file="$1"
}
used='it has been restored before, or given up: the guest went on from it [(]force=true restores it all the same[)]'
# The host has been down: /run is empty.   reboots NAME
reboots() {
    kill -KILL "$(vm_get once pid)"
    rm -f "/run/xenvm/vm-$(vm_uuid once).state"
    runs "$1" xenvm "$(vm_file once)"
}

runs 'a VM' vm_up once memory=48 cmdline+='lab.pattern=4 lab.quiet' startup=started
mark=$(guest_mark once)
refused 1 '^xenvm-cmd: once: the VM is running; restore needs it' 'it runs: nothing to restore' xenvm-cmd once restore
runs 'suspended' xenvm-cmd once suspend file="$image"
cp "$image" "$copy"
refused 1 'the VM is suspended; start needs it' 'start is refused' xenvm-cmd once start

# --- after the host has been down

reboots 'after the host has been down'
is "$(vm_state once), $(vm_get once image)" "suspended, $image" 'it is suspended still, and not started'
like "$(cat "$(record)")" "\"image\": *\"$image\"" 'the record says so'
is "$(stat -c '%a %U' "$(record)")" '600 root' 'for root only'

# The power was cut just before the image got its name.
temporary=$(sed 's/.*"temporary": *"\([^"]*\)".*/\1/' "$(record)")
mv "$image" "$temporary"
reboots 'after a power cut before it had its name'
is "$(vm_state once), $(vm_get once image), $(ls "$image" "$temporary" 2>/dev/null)" "suspended, $image, $image" 'it has it'

runs 'restore needs no name' xenvm-cmd once restore
runs 'the guest goes on' vm_goes_on once "$mark"
ok "$([ ! -e "$image" ]; echo $?)" 'the image is gone'
is "$(grep -c image "$(record)")" 0 'and not in the record'

# --- copies, and what is older

cp "$copy" "$image"
runs 'destroy' xenvm-cmd once destroy
no_restore "$image" "$used" 'a copy is void'
reboots 'after the host has been down'
is "$(vm_state once)" running 'it was started, as startup says'
runs 'destroy' xenvm-cmd once destroy
no_restore "$image" "$used" 'and the copy is void still'
refused 1 "no image holds the VM's memory: restore needs file=" 'there is no other' xenvm-cmd once restore
mark=$(guest_mark once)
runs 'force=true restores it' xenvm-cmd once restore file="$image" force=true
runs 'the guest goes on' vm_goes_on once "$mark"
runs 'suspended' xenvm-cmd once suspend file="$image"
no_restore "$copy" "the VM's memory is in $image [(]force=true gives that up, and restores this[)]" \
    'while it is suspended, an older image can not be restored'
is "$(vm_state once)" suspended 'it stays suspended'
mv "$image" "$lab_tmp/moved"
runs 'an image that has been moved can' xenvm-cmd once restore file="$lab_tmp/moved" delete=false
runs 'the guest goes on' vm_goes_on once "$mark"
runs 'destroy' xenvm-cmd once destroy
no_restore "$lab_tmp/moved" "$used" 'once'

runs 'a guest' xenvm-cmd once start
vm_ready once "$mark"
runs 'suspended' xenvm-cmd once suspend file="$image"
runs 'start discard=true' xenvm-cmd once start discard=true
runs 'destroy' xenvm-cmd once destroy
no_restore "$image" "$used" 'what was given up is void'
rm "$image"

# --- checkpoints

mark=$(guest_mark once)
runs 'a guest that writes to no disk' xenvm-cmd once start
vm_ready once "$mark"
runs 'checkpoint' xenvm-cmd once checkpoint file="$image"
for i in first second; do
    runs 'destroy' xenvm-cmd once destroy
    runs "can be restored, the $i time" xenvm-cmd once restore file="$image" delete=false
    runs 'its pattern is whole' vm_pattern once
done
vm_down once
truncate -s 1M "$lab_tmp/disk"
vm_config once memory=48 cmdline+='lab.pattern=4 lab.quiet' disk="$lab_tmp/disk:file:xvda:w:disk"
mark=$(guest_mark once)
runs 'one that may write to a disk' vm_boot once
runs 'checkpoint' xenvm-cmd once checkpoint file="$image" overwrite=true
runs 'destroy' xenvm-cmd once destroy
no_restore "$image" 'it is a checkpoint, after which the guest went on and wrote to its disks [(]force=true restores it all the same[)]' \
    'can not'
runs 'but with force=true' xenvm-cmd once restore file="$image" force=true
runs 'its pattern is whole' vm_pattern once

# --- no record, no suspend

mount -t tmpfs -o nr_inodes=1 tmpfs /var/lib/xenvm
fails 'no room for the record' xenvm-cmd once suspend file="$image"
like "$output" 'xenvm-cmd: once: cannot write /var/lib/xenvm/.*/memory: No space left on device$' 'is what it says'
umount /var/lib/xenvm
ok "$([ ! -e "$image" ]; echo $?)" 'there is no image'
runs 'the guest goes on' vm_pattern once
echo '{ what' >"$(record)"
runs 'a record that is damaged' xenvm-cmd once suspend file="$image"
runs 'is written anew' xenvm-cmd once restore
runs 'destroy' xenvm-cmd once destroy
runs 'quit' xenvm-cmd once quit
echo '{ what' >"$(record)"
fails 'a VM with such a record' xenvm "$(vm_file once)"
like "$output" '/memory can.t be read, and may name an image that has the VM.s memory [(]without it, the VM starts anew[)]$' \
    'is not started'
rm "$(record)"
vm_down once
world_is "$before" 'nothing is left'
done_testing

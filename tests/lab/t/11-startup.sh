#!/bin/bash
# Each mode of `startup`, with and without a VM that is there already.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
image="$lab_tmp/an image"
world >"$before"

# begins MODE STATE LETTERS: a new VM
begins() {
    runs "startup = $1" vm_tiny boot idle startup="$1"
    is "$(vm_state boot), $(vm_letters boot)" "$2, $3" "makes it $2"
    is "$(vm_seen boot)" "$(vm_xl boot)" 'as xl says'
    vm_down boot
}
begins started running ''
begins paused created p
begins shutdown shutdown ''

# ignored MODE: a VM that is there already is left as it is
ignored() {
    vm_tiny boot idle startup=paused
    xenvm-cmd boot quit
    seen=$(vm_xl boot)
    runs "startup = $1 with a VM that is there" vm_tiny boot idle startup="$1"
    is "$(vm_state boot) $(vm_xl boot)" "created $seen" 'leaves it as it is'
    vm_down boot
}
ignored started
ignored shutdown
ignored 'restore /no/such/image'

# restore, restore-del
refused 1 '^xenvm: .*restore.*/no/such/image: No such file or directory$' 'an image that is not there is an error' \
    vm_tiny boot idle 'startup=restore /no/such/image'
world_is "$before" 'which leaves nothing behind'

runs 'a VM' vm_up boot
runs 'is told something' guest_ask boot 'sh echo kept >/tmp/kept' '^status 0' 20
runs 'suspended' xenvm-cmd boot suspend file="$image"
runs 'its monitor ends' xenvm-cmd boot quit
vm_config boot startup=started
runs 'startup = started with a suspended VM' xenvm "$(vm_file boot)"
is "$(vm_state boot)$(vm_xl boot), $(vm_get boot image)" "suspended, $image" 'leaves it suspended'
runs 'quit' xenvm-cmd boot quit

for mode in restore restore-del; do
    mark=$(guest_mark boot)
    vm_config boot startup="$mode $image"
    runs "startup = $mode" xenvm "$(vm_file boot)"
    is "$(vm_state boot) $(vm_seen boot)" "running $(vm_xl boot)" 'makes it run'
    runs 'the memory is that of the image' guest_ask boot 'sh cat /tmp/kept' '^kept' 60
    runs 'all of it' vm_pattern boot
    fails 'the guest has not booted' guest_said boot '^guest: up' "$mark"
    if [ $mode = restore ]; then
        ok "$([ -e "$image" ]; echo $?)" 'the image is still there'
        runs 'suspended again' xenvm-cmd boot suspend file="$image" overwrite=true
        xenvm-cmd boot quit
    else
        ok "$([ ! -e "$image" ]; echo $?)" 'the image is gone'
    fi
done
vm_down boot

world_is "$before" 'nothing is left'
done_testing

#!/bin/bash
# Images go both ways between xenvm and xl.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
image=$lab_tmp/image
world >"$before"

# from xenvm to xl
runs 'a VM of xenvm' vm_up both cmdline+=lab.pattern=8
mark=$(guest_mark both)
runs 'is told something' guest_ask both 'sh echo xenvm >/tmp/kept' '^status 0' 20
runs 'suspended' xenvm-cmd both suspend file="$image"
runs 'its monitor ends' xenvm-cmd both quit
runs 'xl restore starts it' xl restore -e "$image"
runs 'the guest goes on' guest_ask both 'sh cat /tmp/kept' '^xenvm' 60
runs 'all of it' vm_goes_on both "$mark"
is "$(vm_xl both | cut -d ' ' -f 2-)" '64 1' 'with its UUID, memory and processor'

# from xl to xenvm
runs 'the guest is told something else' guest_ask both 'sh echo xl >/tmp/kept' '^status 0' 20
runs 'a monitor' xenvm "$(vm_file both)"
is "$(vm_state both) $(vm_seen both), $(vm_get both image)" "running $(vm_xl both), " \
    'takes it over, and does not believe in the image any more'
runs 'its monitor ends' xenvm-cmd both quit
rm -f "$image"
runs 'xl save ends it' xl save both "$image"
is "$(vm_xl both)" '' 'there is no domain'
vm_config both cmdline+=lab.pattern=8 startup=shutdown
runs 'a monitor' xenvm "$(vm_file both)"
runs 'restores it' xenvm-cmd both restore file="$image"
is "$(vm_state both) $(vm_seen both)" "running $(vm_xl both)" 'it runs'
runs 'the guest goes on' guest_ask both 'sh cat /tmp/kept' '^xl' 60
runs 'all of it' vm_goes_on both "$mark"
runs 'it is suspended' xenvm-cmd both suspend file="$image"
runs 'and restored' xenvm-cmd both restore file="$image" delete=false
runs 'and goes on' vm_goes_on both "$mark"

# another VM's image
vm_config other startup=shutdown
runs 'another VM' xenvm "$(vm_file other)"
status=0
output=$(xenvm-cmd other restore file="$image" 2>&1) || status=$?
is "$status $output" "1 xenvm-cmd: other: cannot restore from $image: it is the image of another VM, $(vm_uuid both)" \
    'refuses its image'
is "$(vm_state other)$(vm_xl other)" shutdown 'and has no domain'
ok "$([ -e "$image" ]; echo $?)" 'the image is still there'
vm_down other
vm_down both

world_is "$before" 'nothing is left'
done_testing

#!/bin/bash
# The life of a VM: started, looked at, paused, stopped in each way. What xenvm-cmd says is compared with xl.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before

# What the guest's kernel and its monitor have put into xenstore, without what differs from run to run.
store() {
    xenstore-ls -fp /local/domain | grep "^/local/domain/$1[/ ]" | sed "s/domain\/$1\b/domain\/N/; s/([nr]0,r$1)/(guest reads)/
        s/(n$1)/(guest owns)/; s/\(domid\|port\|ring-ref\|tty\) = \"[^\"]*\"/\1/" | tr -s ' '
}

world >"$before"
mark=$(guest_mark life)
vm_config life vcpus=2
runs 'xenvm starts a VM' xenvm "$(vm_file life)"
is "$output" '' 'and has nothing to say'
is "$(vm_state life)" running 'it is running'
# A guest brings its further processors up by and by.
runs 'domid, memory and vcpus are those of xl' wait_for 20 vm_as_xl life
domid=$(xl domid life)
is "$(xenvm-cmd life domid)" "$domid" 'domid says the same'
runs 'its guest gets to user space' vm_ready life "$mark"
is "$(vm_xl life)" "$domid 64 2" 'they are those that the configuration asks for'
runs 'with two processors' guest_ask life 'sh grep -c ^processor /proc/cpuinfo' '^2' 20

is "$(store "$domid" | grep -v '/console\|/store/')" "/local/domain/N = \"\" (guest reads)
/local/domain/N/attr = \"\" (guest owns)
/local/domain/N/control = \"\" (guest reads)
/local/domain/N/control/feature-poweroff = \"1\" (guest owns)
/local/domain/N/control/feature-reboot = \"1\" (guest owns)
/local/domain/N/control/feature-suspend = \"1\" (guest owns)
/local/domain/N/control/platform-feature-multiprocessor-suspend = \"1\" (guest reads)
/local/domain/N/control/platform-feature-xs_reset_watches = \"1\" (guest reads)
/local/domain/N/control/shutdown = \"\" (guest owns)
/local/domain/N/control/sysrq = \"\" (guest owns)
/local/domain/N/cpu = \"\" (guest reads)
/local/domain/N/cpu/0 = \"\" (guest reads)
/local/domain/N/cpu/0/availability = \"online\" (guest reads)
/local/domain/N/cpu/1 = \"\" (guest reads)
/local/domain/N/cpu/1/availability = \"online\" (guest reads)
/local/domain/N/data = \"\" (guest owns)
/local/domain/N/device = \"\" (guest reads)
/local/domain/N/device/suspend = \"\" (guest reads)
/local/domain/N/device/suspend/event-channel = \"\" (guest owns)
/local/domain/N/domid (guest reads)
/local/domain/N/drivers = \"\" (guest owns)
/local/domain/N/error = \"\" (guest owns)
/local/domain/N/feature = \"\" (guest owns)
/local/domain/N/memory = \"\" (guest reads)
/local/domain/N/memory/static-max = \"65536\" (guest reads)
/local/domain/N/memory/target = \"65536\" (guest reads)
/local/domain/N/memory/videoram = \"0\" (guest reads)
/local/domain/N/name = \"life\" (guest reads)
/local/domain/N/store = \"\" (guest reads)
/local/domain/N/vm = \"/vm/$(vm_uuid life)\" (guest reads)" 'xenstore has what a guest expects, and the features that it announced'
is "$(store "$domid" | grep '/console\|/store/')" "/local/domain/N/console = \"\" (guest reads)
/local/domain/N/console/limit = \"1048576\" (guest reads)
/local/domain/N/console/output = \"pty\" (guest reads)
/local/domain/N/console/port (guest reads)
/local/domain/N/console/ring-ref (guest reads)
/local/domain/N/console/tty (guest reads)
/local/domain/N/console/type = \"xenconsoled\" (guest reads)
/local/domain/N/store/port (guest reads)
/local/domain/N/store/ring-ref (guest reads)" 'and its console, served by xenconsoled'
is "$(xenstore-ls -f "/vm/$(vm_uuid life)" | sed -E 's|.*/||; s/[0-9]+\.[0-9]{2}"$/TIME"/')" \
    "$(printf 'name = "life"\nstart_time = "TIME"\nuuid = "%s"' "$(vm_uuid life)")" 'and /vm'

# pause, unpause
runs 'pause' xenvm-cmd life pause
is "$output" '' 'prints nothing'
is "$(vm_letters life)" p 'xl sees it paused'
is "$(vm_state life)" paused 'so does status'
fails 'the guest ticks no more' guest_wait life '^tick' 3
runs 'unpause' xenvm-cmd life unpause
fails 'xl sees it run' guest_has_state life p
is "$(vm_state life)" running 'so does status'
runs 'the guest ticks on' vm_ticks life
runs 'its memory is whole' vm_pattern life
runs 'paused by xl' xl pause life
is "$(vm_state life)" paused 'it is paused for status too'
runs 'unpaused by xl' xl unpause life
is "$(vm_state life)" running 'it is running for status too'

# asked COMMAND REQUEST: the guest is told, and its domain ends
asked() {
    mark=$(guest_mark life)
    domid=$(xl domid life)
    runs "$1" xenvm-cmd life "$1"
    ok "$(guest_said life "^guest: obeys $2" "$mark"; echo $?)" 'asks the guest'
}
runs_anew() {
    ok "$(vm_moved life "$domid"; echo $?)" 'the VM has another domain'
    runs 'and runs' vm_is life running
    runs 'as xl sees it' wait_for 60 vm_as_xl life
}
is_shut_down() {
    is "$(vm_xl life)" '' 'the domain is gone'
    is "$(vm_state life), $(vm_get life reason), $(vm_get life domid)" "shutdown, $1, " 'status says so, and why'
}
asked restart reboot
runs_anew
runs 'it gets to user space again' vm_ready life "$mark"
asked shutdown poweroff
is_shut_down poweroff
refused 1 '^xenvm-cmd: life: the VM is shutdown; domid needs it ' 'there is no domid' xenvm-cmd life domid

# start, and the other names of the same commands
mark=$(guest_mark life)
runs 'start' xenvm-cmd life start
runs_anew
runs 'it gets to user space' vm_ready life "$mark"
asked reboot reboot
runs_anew
runs 'it gets to user space' vm_ready life "$mark"
asked halt poweroff
is_shut_down poweroff

# created, destroy
mark=$(guest_mark life)
runs 'start paused=true' xenvm-cmd life start paused=true
is "$(vm_state life), $(vm_letters life)" 'created, p' 'makes a domain that does not run'
is "$(vm_seen life)" "$(vm_xl life)" 'as large as it will be'
fails 'the guest does nothing' guest_wait life . 2 "$mark"
runs 'unpause' xenvm-cmd life unpause
is "$(vm_state life)" running 'makes it run'
runs 'and the guest start' vm_ready life "$mark"
runs 'destroy' xenvm-cmd life destroy
is_shut_down destroyed
fails 'the guest was not asked' guest_said life '^guest: obeys' "$mark"
pid=$(vm_get life pid)
runs 'quit' xenvm-cmd life quit
runs 'ends the monitor' wait_for 10 no_process "$pid"
world_is "$before" 'nothing is left'

# other kernels
for form in vmlinuz vmlinux; do
    runs "a VM starts from Debian's $form" vm_up life "kernel=/lab/guest/debian/$form" initrd=/lab/guest/debian/initrd memory=128
    vm_down life
done
vm_config tiny kernel=/lab/guest/grub-xen.bin initrd= cmdline= memory=32
mark=$(guest_mark tiny)
runs 'a VM of 32 MB starts from grub' xenvm "$(vm_file tiny)"
is "$(vm_seen tiny)" "$(xl domid tiny) 32 1" 'as small as that'
runs 'it gets to its prompt' guest_wait tiny '^grub> ' 120 "$mark"
vm_down tiny

world_is "$before" 'nothing is left'
done_testing

#!/bin/bash
# Guests that end by themselves under each of on_halt, on_reboot and on_crash, and domains that others end or make.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
world >"$before"

logged() { journalctl -b -t xenvm -o cat | grep "$(vm_uuid "$1")" | grep -qE "$2"; }

# restart: a guest with an operating system, the aliases of the key and of the value
runs 'a VM that restarts at each end' vm_up ends on_halt=restart on_restart=reboot on_crash=reboot
for end in poweroff:poweroff reboot:reboot crash:crash; do
    domid=$(vm_domid ends)
    mark=$(guest_mark ends)
    runs "its guest's ${end%:*}" guest_say ends "${end%:*}"
    runs 'leads to another domain' wait_for 60 vm_moved ends "$domid"
    runs 'in which it starts' vm_ready ends "$mark"
    is "$(vm_state ends) $(vm_seen ends)" "running $(vm_xl ends)" 'and runs'
done
vm_down ends

# destroy and preserve
# ends KIND KEY=VALUE STATE LETTER
ends() {
    runs "$1 with ${2/=/ = }" vm_tiny ends "$1" "$2"
    runs "leaves the VM $3" wait_for 20 vm_is ends "$3"
    is "$(vm_get ends reason)" "$1" 'and says why'
    is "$(vm_letters ends)" "$4" 'as xl sees it'
    is "$(vm_seen ends)" "$(vm_xl ends)" 'and its domain'
}
ends poweroff on_halt=destroy shutdown ''
vm_down ends
ends crash on_crash=destroy shutdown ''
vm_down ends
ends reboot on_reboot=destroy rebooted ''
vm_config ends startup=shutdown "kernel=$lab_tmp/idle" initrd= cmdline= memory=4
/lab/tests/guest/tiny idle "$lab_tmp/idle"
runs 'the next start' xenvm-cmd ends read-config
runs 'is legal there' xenvm-cmd ends start
is "$(vm_state ends)" running 'and works'
vm_down ends

# preserved ends are ended by hand, in three ways
ends poweroff on_halt=preserve preserved s
runs 'destroy' xenvm-cmd ends destroy
is "$(vm_state ends)$(vm_xl ends)" shutdown 'removes it'
vm_down ends
ends reboot on_reboot=preserve preserved s
runs 'shutdown force=true' xenvm-cmd ends shutdown force=true
is "$(vm_state ends)$(vm_xl ends)" shutdown 'removes it'
vm_down ends
ends crash on_crash=preserve crashed sc
vm_config ends "kernel=$lab_tmp/idle" initrd= cmdline= memory=4
domid=$(vm_domid ends)
xenvm-cmd ends read-config
runs 'restart' xenvm-cmd ends restart
ok "$(vm_moved ends "$domid"; echo $?)" 'puts another domain in its place'
is "$(vm_state ends)" running 'which runs'
vm_down ends

# a guest that crashes over and over
runs 'a VM that crashes as soon as it is started' vm_tiny loop crash on_crash=restart
runs 'is given up' wait_for 60 vm_is loop shutdown
runs 'with a message' logged loop 'crashed more than 5 times in 60 s: left down'
is "$(journalctl -b -t xenvm -o cat | grep "$(vm_uuid loop)" | grep -c 'ended: crash')" 6 'after five restarts'
is "$(vm_xl loop)" '' 'it has no domain'
vm_config loop "kernel=$lab_tmp/idle" initrd= cmdline= memory=4
xenvm-cmd loop read-config
runs 'it can be started by hand' xenvm-cmd loop start
vm_down loop

# others end the domain, or make one
runs 'a VM' vm_tiny ours idle
xl destroy ours
runs 'destroyed by xl is shut down' wait_for 10 vm_is ours shutdown
is "$(vm_get ours reason), $(vm_get ours domid)" 'destroyed, ' 'and says why'
runs 'with a warning' logged ours 'was destroyed by somebody else'
cat >"$lab_tmp/theirs" <<END
name = 'ours'
uuid = '$(vm_uuid ours)'
kernel = '$lab_tmp/idle'
memory = 4
END
runs 'a domain of the same UUID by xl' xl create -e "$lab_tmp/theirs"
runs 'is taken over' wait_for 10 vm_is ours running
is "$(vm_seen ours)" "$(vm_xl ours)" 'as xl sees it'
runs 'paused' xenvm-cmd ours pause
is "$(vm_letters ours)" p 'xl sees it paused'
runs 'and destroyed' xenvm-cmd ours destroy
is "$(vm_state ours)$(vm_xl ours)" shutdown 'it is gone'
vm_down ours

world_is "$before" 'nothing is left'
done_testing

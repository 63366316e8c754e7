#!/bin/bash
# xenstored is killed and started again. The VMs' monitors come back to it, and know their VMs by Xen. It has forgotten all
# guests, and what the kernel watched: this is the last script of a lab.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

trace=$lab_tmp/trace
runs 'a VM' vm_tiny one idle debug=true output="$trace"
runs 'another' vm_tiny two idle
runs 'and one more' vm_tiny three idle
three=$(vm_domid three)
store=$(pidof oxenstored)
console=$(pidof xenconsoled)
mapfile -d '' -t start_store <"/proc/$store/cmdline"
mapfile -d '' -t start_console <"/proc/$console/cmdline"
kill -KILL "$store"
lost() { grep -q 'lost the connection to xenstored' "$trace"; }
runs 'a monitor notices at once that it has gone' wait_for 5 lost
is "$(vm_state one) $(vm_state two)" 'running running' 'and goes on'

rm -f /run/xenstore.pid
"${start_store[@]}"
/usr/lib/xen-4.17/bin/xen-init-dom0 >/dev/null
kill "$console"
wait_for 10 no_process "$console"
"${start_console[@]}"
back() { grep -q 'xenstored can be reached again' "$trace"; }
runs 'it comes back' wait_for 10 back
kill -9 "$(vm_get three pid)"
runs 'a new monitor' xenvm "$(vm_file three)"
is "$(vm_state three)" running 'finds the third running'
xl destroy "$three"
runs 'it hears of the end of a domain that xenstored has forgotten' wait_for 15 vm_is three shutdown
runs 'destroy' xenvm-cmd one destroy
runs 'destroy the other' xenvm-cmd two destroy
runs 'start' xenvm-cmd two start
is "$(vm_state two)" running 'and starts it again'
runs 'a Linux boots' vm_up four
runs 'and answers on its console' guest_ask four 'ping again' '^pong again' 30
vm_down four
vm_down one
vm_down two
vm_down three
is "$(xl list | wc -l)" 2 'no domain is left'
done_testing

#!/bin/bash
# A host whose processor can run PV guests only. Others are refused before anything is made of them.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

if [ ! -e /lab/host-has-no-svm ]; then
    like "$(xl info virt_caps)" '(^| )hvm' 'this host can run HVM guests: another lab has one that cannot'
    done_testing
fi

before=$lab_tmp/before
truncate -s 1M "$lab_tmp/disk"
world >"$before"
why="its processor has no SVM or VMX, or the firmware has turned it off$"

vm_config hvm hvm=true memory=64 kernel= initrd= cmdline= disk="$lab_tmp/disk:file:hda:w:disk"
refused 1 "this host can't run HVM guests: $why" 'no HVM guest' xenvm "$(vm_file hvm)"
vm_config pvh type=pvh memory=64
refused 1 "this host can't run PVH guests: $why" 'no PVH guest' xenvm "$(vm_file pvh)"
world_is "$before" 'nothing is left of them'

runs 'a PV guest' vm_up pv
runs 'is shut down' xenvm-cmd pv shutdown
cp "$(vm_file pv)" "$lab_tmp/pv"
echo 'hvm = true' >>"$(vm_file pv)"
runs 'is to be an HVM guest' xenvm-cmd pv read-config
refused 1 "this host can't run HVM guests: $why" 'which it cannot be' xenvm-cmd pv start
is "$(vm_state pv)" shutdown 'it stays down'
cp "$lab_tmp/pv" "$(vm_file pv)"
runs 'as a PV guest' xenvm-cmd pv read-config
mark=$(guest_mark pv)
runs 'it starts' xenvm-cmd pv start
runs 'and is up' vm_ready pv "$mark"
vm_down pv
world_is "$before" 'nothing is left'
done_testing

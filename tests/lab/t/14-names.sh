#!/bin/bash
# How VMs are told apart: UUID, beginning of a UUID, name; list.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
one=abcd0001-3f4e-4a5b-8c6d-0123456789ab
two=abcd0002-3f4e-4a5b-8c6d-0123456789ab
world >"$before"

# who WHAT: the UUID of the VM that xenvm-cmd takes it for
who() { xenvm-cmd "$1" status | sed -n 's/^uuid: //p'; }

vm_config one "uuid=$one" startup=shutdown
runs 'a monitor' xenvm "$(vm_file one)"
is "$output" '' 'does not print a UUID that is in the file'
runs 'another one, called abcd' vm_tiny abcd idle "uuid=$two"
is "$(who one)" "$one" 'a VM is found by its name'
is "$(who "$two")" "$two" 'by its UUID'
is "$(who "${two^^}")" "$two" 'in capitals'
is "$(who abcd0001)" "$one" 'by the beginning of its UUID'
is "$(who abcd)" "$two" 'a name goes before the beginning of a UUID'
refused 2 'abc.*(one|'"$one"').*' 'the beginning of two is refused' xenvm-cmd abc status
refused 3 'nobody' 'an unknown name has no monitor' xenvm-cmd nobody status
refused 3 'abce' 'neither has an unknown beginning' xenvm-cmd abce status
refused 3 '11111111-2222-3333-4444-555555555555' 'nor an unknown UUID' \
    xenvm-cmd 11111111-2222-3333-4444-555555555555 status

is "$(readlink /run/xenvm/name-one)" "vm-$one" 'the name is a link to the socket'
is "$(stat -c '%F %a' "/run/xenvm/vm-$one")" 'socket 600' 'which is for root only'
# In its first second, a VM has no use of processors yet.
is "$(xenvm-cmd list | tr -s ' ' | sed -E 's/ [0-9]+:[0-9]{2} / TIME /; s/([0-9.]+%|-)$/CPU/')" \
    "NAME UUID DOMID STATE UPTIME MEMORY VCPUS CPU
abcd $two $(vm_xl "$two" | sed 's/ / running TIME /') CPU
one $one - shutdown - 64 1 CPU" 'list shows both, as xl does'
is "$(xenvm-cmd list --json | jq -c '.[] | [.name, .uuid, .state, .domid, .memory, .vcpus]')" \
    "[\"abcd\",\"$two\",\"running\",$(vm_xl "$two" | tr ' ' ,)]
[\"one\",\"$one\",\"shutdown\",null,64,1]" 'so does list --json'

vm_config thief uuid=abcd0003-3f4e-4a5b-8c6d-0123456789ab name=one startup=shutdown
refused 1 "^xenvm: the name 'one' is in use by VM $one$" 'a name is not given twice' xenvm "$(vm_file thief)"
is "$(who one)" "$one" 'its owner keeps it'
vm_down "$one"
vm_down "$two"

# Without a UUID, without a name
printf 'startup = shutdown\nname = fresh\n' >"$lab_tmp/fresh.cfg"
first=$(xenvm "$lab_tmp/fresh.cfg")
like "$first" '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' 'a new UUID is printed'
is "$(who fresh)" "$first" 'and is the VM'"'"'s'
vm_down "$first"
second=$(xenvm "$lab_tmp/fresh.cfg")
ok "$([ -n "$second" ] && [ "$second" != "$first" ]; echo $?)" 'the next one is another'
vm_down "$second"

uuid=$(vm_tiny nameless idle uuid= name=)
is "$(who "$uuid")" "$uuid" 'a VM with neither is found by what was printed'
is "$(xl list -v | awk -v "uuid=$uuid" 'index($0, uuid) { print $1 }')" "$uuid" 'which is its name for xl'
is "$(find /run/xenvm -name 'name-*')" '' 'it has no link'
vm_down "$uuid"

# --uuid
given=abcd0004-3f4e-4a5b-8c6d-0123456789ab
runs '--uuid gives one' xenvm --uuid "$given" "$lab_tmp/fresh.cfg"
is "$output $(who fresh)" " $given" 'which is not printed'
vm_down "$given"
refused 2 '^xenvm: --uuid: .*one.cfg names another UUID$' 'but not another one than the file' \
    xenvm --uuid "$given" "$(vm_file one)"

world_is "$before" 'nothing is left'
done_testing

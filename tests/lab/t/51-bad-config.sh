#!/bin/bash
# Configurations and command lines that are refused: every error at once, named by file, line and key.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

cfg=$(vm_file bad)
before=$lab_tmp/before
world >"$before"

# wrong NAME MESSAGE [KEY=VALUE…]: such a file is refused with that message, a regex of what follows `file:line: `
wrong() {
    local name=$1 message=$2
    shift 2
    vm_config bad "$@"
    refused 1 "^xenvm: $cfg:[0-9]+: $message\$" "$name" xenvm "$cfg"
}

# --- keys

wrong 'an unknown key' 'zebra: unknown key, accepted: those of --list-keys' zebra=1
wrong 'a misspelt key' "memroy: unknown key, did you mean 'memory'\?" memroy=128 memory=
wrong "another toolstack's key" "maxmem: unknown key, did you mean 'memory-max'\?" maxmem=128
wrong 'memory = 0' "memory: '0' is too small, accepted: .*1 to 16777216.*" memory=0
wrong 'memory too large' "memory: '99999999999999999999' is too large, accepted: .*" memory=99999999999999999999
wrong 'memory with a unit' "memory: '1G' is not a whole decimal number, accepted: .*" memory=1G
wrong 'memory-max below memory' 'memory-max: 32 MiB is less than memory, which is 64 MiB, accepted: .*' memory-max=32
wrong 'no vcpus' "vcpus: '0' is too small, accepted: a whole number from 1 to 128" vcpus=0
wrong 'too many vcpus' "vcpus: '129' is too large, accepted: a whole number from 1 to 128" vcpus=129
wrong 'a boolean that is none' "debug: 'perhaps' is not a boolean, accepted: .*" debug=perhaps
wrong 'an action that is none' "on_crash: 'explode' is not known, accepted: destroy, restart, reboot or preserve" on_crash=explode
wrong 'a startup mode that is none' "startup: 'later' is not known, accepted: .*" startup=later
wrong 'a restore of nothing' "startup: 'restore' names no file, accepted: .*" startup=restore
wrong 'a bootloader that is none' "bootloader: 'grub' is not known, accepted: pygrub, an absolute path or nothing" bootloader=grub
wrong 'a relative path' "kernel: 'vmlinux' is not an absolute path, accepted: .*" kernel=vmlinux
wrong 'a command line of 1024 bytes' 'cmdline: is 1024 bytes long, accepted: .*1023.*' "cmdline=$(printf %1024s '' | tr ' ' x)"
wrong 'a name that is none' "name: '-x' doesn't begin with a letter or a digit, accepted: .*" name=-x
wrong 'a UUID that is none' "uuid: '1234' is not a UUID, accepted: .*" uuid=1234
wrong 'the UUID of dom0' "uuid: '0{8}-.*' is the UUID of Domain-0, accepted: .*" uuid=00000000-0000-0000-0000-000000000000
wrong 'a disk without its last part' 'disk: has 4 of its 5 parts, accepted: physpath:.*' disk=/dev/vg/x:phy:xvda:w
wrong 'a card with an id that is none' "nic: id '100' is too large, accepted: a whole number from 0 to 99" nic=id=100
wrong 'a model of an emulated card for a guest without one' \
    'nic: model means nothing to a pv guest, accepted: for HVM' nic=model=e1000
wrong 'two kinds of guest' 'hvm: true disagrees with type = pv [(]line [0-9]+[)], accepted: .*' hvm=true type=pv

vm_config bad
echo 'vcpus = 1
vcpus = 2' >>"$cfg"
refused 1 "^xenvm: $cfg:[0-9]+: vcpus: repeated, accepted: once, first given in line [0-9]+\$" 'a repeated key' xenvm "$cfg"
vm_config bad
echo 'on_reboot = restart
on_restart = restart' >>"$cfg"
refused 1 "^xenvm: $cfg:[0-9]+: on_restart: repeated, .*first given as on_reboot in line [0-9]+\$" 'a key under both its names' \
    xenvm "$cfg"
vm_config bad startup=shutdown kernel=
sed -i /startup/d "$cfg"
refused 1 "^xenvm: $cfg: kernel: missing, accepted: .*\$" 'no kernel' xenvm "$cfg"

cat >"$cfg" <<END
memroy = 128
vcpus = 0
nonsense
debug = x
uuid = x
END
fails 'five errors' xenvm "$cfg"
is "$status" 1 'it fails'
is "$(echo "$output" | sed -E "s|^xenvm: $cfg:([0-9]+: [a-z-]*).*|\1|" | tr '\n' ' ')" \
    "1: memroy 2: vcpus 3:  4: debug 5: uuid xenvm: $cfg: kernel: missing, accepted: the absolute path of a PV kernel, or a disk to find one in (neither is needed with startup = shutdown, restore and restore-del) " \
    'all of them are told, in the order of the lines'

# --- files

refused 1 '^xenvm: /nowhere/cfg: cannot read the configuration: No such file or directory$' 'a file that is not there' \
    xenvm /nowhere/cfg
refused 1 '^xenvm: /tmp: cannot read the configuration: Is a directory$' 'a directory' xenvm /tmp
refused 1 '^xenvm: /dev/zero: cannot read the configuration: Not a regular file$' 'a device' xenvm /dev/zero
head -c 100000 /dev/urandom >"$cfg"
refused 1 "^xenvm: $cfg:[0-9]+: NUL byte, accepted: a text file\$" 'random bytes' xenvm "$cfg"
truncate -s 2M "$cfg"
refused 1 "^xenvm: $cfg: too large, accepted: at most 1 MiB\$" 'two megabytes' xenvm "$cfg"

# --- the command line

# usage NAME WHY [ARG…]: two lines, the cause and the usage
usage() {
    local name=$1 why=$2
    shift 2
    fails "$name" xenvm "$@"
    is "$status" 2 '... is wrong usage'
    like "$output" "$why" '... and says so'
}
vm_config bad startup=shutdown
usage 'no file' '^xenvm: no configuration FILE given$'
usage 'two files' "^xenvm: one FILE only: $cfg\$" "$cfg" "$cfg"
usage 'an unknown option' "^xenvm: unrecognized option '--explode'\$" --explode "$cfg"
usage 'a --uuid that is none' '^xenvm: not a UUID: 1234$' --uuid 1234 "$cfg"
refused 2 "^xenvm: --uuid: $cfg names another UUID\$" 'a --uuid that the file contradicts' \
    xenvm --uuid 11111111-2222-3333-4444-555555555555 "$cfg"

runs '--version' xenvm --version
like "$output" '^xenvm [0-9]+\.[0-9]+\.[0-9]+$' '... tells the version'
runs '--help' xenvm --help
like "$output" '^usage: xenvm \[OPTION\]\.\.\. FILE$' '... tells the usage'
runs '--list-keys' xenvm --list-keys
like "$output" '^memory-max +.*MiB' '... lists a key with its unit'
like "$output" '^serial .*HVM' '... and one with the guests that it is for'
sh -c 'xenvm --list-keys >/dev/full' 2>"$lab_tmp/error"
is "$? $(cat "$lab_tmp/error")" '1 xenvm: standard output: No space left on device' 'a list that cannot be written'

runs '--check of a good file' xenvm --check "$cfg"
is "$output" '' '... says nothing'
vm_config bad zebra=1 vcpus=0 kernel=/nowhere/kernel
fails '--check of a bad file' xenvm --check "$cfg"
is "$status $(echo "$output" | wc -l)" '1 2' '... tells both errors'
fails '--lenient does not forgive all' xenvm --check --lenient "$cfg"
like "$output" "^xenvm: warning: $cfg:[0-9]+: zebra: unknown key" '... but makes a warning of the unknown key'
like "$output" "^xenvm: $cfg:[0-9]+: vcpus: '0' is too small" '... and the other one stays an error'
world_is "$before" 'all of this has left nothing'

# --- where it succeeds

vm_config bad zebra=1 startup=shutdown
runs '--lenient' xenvm --lenient "$cfg"
like "$output" "^xenvm: warning: $cfg:[0-9]+: zebra: unknown key" '... warns'
is "$(vm_state bad)" shutdown '... and there is a monitor'
vm_config bad startup=shutdown
refused 1 "^xenvm: VM $(vm_uuid bad) has a monitor already: process $(vm_get bad pid)\$" 'a second monitor' xenvm "$cfg"
vm_config bad uuid=22222222-2222-2222-2222-222222222222 startup=shutdown
refused 1 "^xenvm: the name 'bad' is in use by VM $(vm_uuid bad)\$" 'a second VM of that name' xenvm "$cfg"
sed -i '/^uuid/s/.*/zebra = 2/' "$cfg"
runs 'the file is read again' xenvm-cmd bad read-config
printf 'vcpus = 0\nzebra = 3\n' >>"$cfg"
refused 1 "^xenvm-cmd: bad: $cfg:[0-9]+: vcpus: '0' is too small, accepted: [^(]*\$" 'a bad one is not' xenvm-cmd bad read-config
vm_down bad

vm_config bad uuid= name= startup=shutdown
runs 'neither a UUID nor a name' xenvm "$cfg"
like "$output" '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' '... prints a UUID'
uuid=$output
is "$(xenvm-cmd "$uuid" status | sed -n 's/^name: //p')" "$uuid" '... which is the name too'
vm_down "$uuid"
runs '--uuid' xenvm --uuid 11111111-2222-3333-4444-555555555555 "$cfg"
is "$output" '' '... prints nothing'
is "$(vm_state 11111111-2222-3333-4444-555555555555)" shutdown '... and is the UUID'
vm_down 11111111-2222-3333-4444-555555555555
world_is "$before" 'nothing is left'
done_testing

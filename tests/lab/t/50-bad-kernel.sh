#!/bin/bash
# Kernels, initrds and sizes that can't be started: one line that says what and why, and nothing left.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

dir=$(mktemp -d)
before=$dir/world
cd "$dir" || exit
: >empty
head -c 1000000 /dev/urandom >random
head -c 3000 /lab/guest/debian/vmlinux >stub
head -c 20000000 /lab/guest/debian/vmlinux >half
head -c 2000000 /lab/guest/debian/vmlinuz >halfz
head -c 200000 /lab/guest/grub-xen.bin >halfgrub
truncate -s 200M huge
mkfifo fifo
ln -s nowhere dangling
world >"$before"

# cannot REGEX NAME [KEY=VALUE…]: a monitor that is to start such a VM fails with that line
cannot() {
    local regex=$1 name=$2
    shift 2
    vm_config bad "$@"
    refused 1 "^xenvm: start: $regex\$" "$name" xenvm "$(vm_file bad)"
    world_is "$before" "... and leaves nothing"
}

kernel() { cannot "kernel $dir/$1: $2" "a kernel that is $3" "kernel=$dir/$1"; }
initrd() { cannot "initrd $dir/$1: $2" "an initrd that is $3" "initrd=$dir/$1"; }

not_pv='not a kernel that can be started as a PV guest: '
kernel none 'No such file or directory' 'not there'
kernel dangling 'No such file or directory' 'a link to nowhere'
kernel . 'not a regular file' 'a directory'
kernel fifo 'not a regular file' 'a pipe that nobody writes'
cannot 'kernel /dev/zero: not a regular file' 'a kernel that is a device' kernel=/dev/zero
kernel empty 'the file is empty' 'empty'
kernel random "$not_pv.*" 'random bytes'
kernel stub "$not_pv.*" 'cut off in its headers'
kernel half "$not_pv.*" 'cut off in the middle'
kernel halfz "$not_pv.*" 'packed, and cut off'
kernel halfgrub "$not_pv.*" 'a cut off GRUB'

initrd none 'No such file or directory' 'not there'
initrd . 'not a regular file' 'a directory'
initrd fifo 'not a regular file' 'a pipe that nobody writes'
initrd empty 'the file is empty' 'empty'
cannot "kernel /lab/guest/vmlinux .*does not fit in 64 MiB of memory.*" 'an initrd larger than the memory' "initrd=$dir/huge"

cannot 'kernel /lab/guest/debian/vmlinux does not fit in 64 MiB of memory: .*' 'memory too small for the kernel' \
    kernel=/lab/guest/debian/vmlinux memory=64
cannot 'kernel /lab/guest/vmlinux does not fit in 1 MiB of memory: .*' 'one MiB of memory' memory=1

free=$(xl info free_memory)
cannot "not enough memory: the guest needs 100001 MiB, the host has $free MiB free" \
    'more memory than the host has' memory=100000
cannot 'cannot give the guest 100000 MiB of memory: .*' "and without the check, Xen's own refusal" \
    memory=100000 no_mem_check=true
cannot "not enough memory: the guest needs $((free + 1)) MiB, the host has $free MiB free" \
    'one MiB more than the host has' "memory=$free"

# The same through the client, and the monitor lives on.
vm_config bad startup=shutdown "kernel=$dir/random"
runs 'a monitor waits' xenvm "$(vm_file bad)"
world >"$before"
refused 1 "^xenvm-cmd: bad: kernel $dir/random: $not_pv.*\$" 'start through the client' xenvm-cmd bad start
is "$(vm_state bad)" shutdown 'the VM is shutdown'
world_is "$before" '... and the monitor is all there is'
/lab/tests/guest/tiny idle good
vm_config bad startup=shutdown "kernel=$dir/good" initrd= memory=4
runs 'a better configuration is read' xenvm-cmd bad read-config
runs 'and now it starts' xenvm-cmd bad start
runs 'it is destroyed' xenvm-cmd bad destroy
world_is "$before" 'nothing of it is left'
vm_down bad

# The longest command line arrives whole.
line='console=hvc0 quiet lab.quiet lab.pattern=1 x='
line=$line$(printf '%*s' $((1023 - ${#line})) '' | tr ' ' y)
runs 'a guest with a command line of 1023 bytes is up' vm_up long "cmdline=$line"
runs 'and has all of it' guest_ask long 'sh md5sum </proc/cmdline' "^$(echo "$line" | md5sum | cut -c 1-32)" 60
vm_down long

cd /
rm -r "$dir"
done_testing

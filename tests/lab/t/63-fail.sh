#!/bin/bash
# Calls of the system, of Xen and of xenstore that fail: one line that says what and why, and all is as it was.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh
# shellcheck source=../faults.sh source-path=SCRIPTDIR
. /lab/tests/faults.sh

image=/tmp/image
before=$lab_tmp/before
world >"$before"

# fault PROGRAM FUNCTION:N:fail=ERRNO STATE REGEX COMMAND ARG…: the command fails with that line, then the VM is so
fault() {
    local program=$1 point=$2 state=$3 regex=$4 trouble=
    shift 4
    lay "$program" "$point"
    ask "$@" >/dev/null 2>"$lab_tmp/error" && trouble='the command succeeded;'
    grep -qE "^xenvm-cmd: $vm: $regex\$" "$lab_tmp/error" || trouble+=" it said: $(cat "$lab_tmp/error");"
    [ "$(wc -l <"$lab_tmp/error")" -eq 1 ] || trouble+=' not in one line;'
    sprung || trouble+=' the fault did not happen;'
    rm -f "$fault_file"
    vm_is "$vm" "$state" || trouble+=" it is $(vm_state "$vm");"
    traces_are "$lab_tmp/as_it_was"
    is "$trouble" '' "$1, $program: $point"
}

vm=tiny
vm_tiny tiny idle startup=shutdown && ask quit
runs 'a monitor' with_faults xenvm "$(vm_file tiny)"
traces >"$lab_tmp/as_it_was"
kernel=$lab_tmp/idle

monitor() { fault xenvm "$1" shutdown "$2" start; }
monitor domctl_createdomain:1:fail=ENOMEM 'Xen will not create a domain of 1 vcpus: Cannot allocate memory'
monitor domctl_max_vcpus:1:fail=EINVAL 'cannot give the domain 1 vcpus: Invalid argument'
monitor domctl_max_mem:1:fail=EPERM 'cannot limit the domain to 4 MiB: Operation not permitted'
monitor domctl_settscinfo:1:fail=EINVAL "cannot set the domain's time stamp counter: Invalid argument"
monitor evtchn_alloc_unbound:1:fail=ENOSPC "cannot make the domain's event channels: No space left on device"
monitor evtchn_alloc_unbound:2:fail=ENOSPC "cannot make the domain's event channels: No space left on device"
monitor socketpair:1:fail=EMFILE 'cannot start /usr/libexec/xenvm/xenvm-worker: Too many open files'
monitor posix_spawn:1:fail=ENOMEM 'cannot start /usr/libexec/xenvm/xenvm-worker: Cannot allocate memory'
monitor pidfd_open:1:fail=EMFILE 'cannot watch /usr/libexec/xenvm/xenvm-worker: Too many open files'
monitor xs_transaction_start:1:fail=ENOENT "cannot write the domain's xenstore nodes: .*"
monitor xs_mkdir:3:fail=ENOENT "cannot write the domain's xenstore nodes: (No such file or directory|Input/output error)"
monitor xs_write:2:fail=ENOENT "cannot write the domain's xenstore nodes: (No such file or directory|Input/output error)"
monitor xs_set_permissions:2:fail=ENOENT "cannot write the domain's xenstore nodes: (No such file or directory|Input/output error)"
monitor xs_transaction_end:1:fail=ENOENT "cannot write the domain's xenstore nodes: (No such file or directory|Input/output error)"
monitor domctl_unpausedomain:1:fail=EINVAL 'cannot unpause domain [0-9]+: Invalid argument'

worker() { fault xenvm-worker "$1" shutdown "$2" start; }
worker xc_cpuid_apply_policy:1:fail=EINVAL "cannot set the guest's CPUID policy: Invalid argument"
worker xc_dom_allocate:1:fail=ENOMEM 'cannot start to build: Cannot allocate memory'
worker xc_dom_kernel_mem:1:fail=ENOMEM "kernel $kernel: Cannot allocate memory"
worker xc_dom_boot_xen_init:1:fail=EIO 'cannot prepare domain [0-9]+: Input/output error'
worker xc_dom_boot_mem_init:1:fail=ENOMEM 'cannot give the guest 4 MiB of memory: Cannot allocate memory'
worker xc_dom_boot_image:1:fail=EINVAL "cannot start kernel $kernel: Invalid argument"
worker xc_dom_gnttab_init:1:fail=EINVAL "cannot start kernel $kernel: Invalid argument"

runs 'after all this it starts' ask start
lay xenvm-worker domctl_destroydomain:1:fail=EBUSY
runs 'a destroy that fails once is tried again' ask destroy
runs '... it did fail' sprung
trouble=
traces_are "$lab_tmp/as_it_was"
is "$trouble" '' '... and nothing is left'
vm_down tiny

vm=linux
runs 'a guest is up' vm_up linux cmdline+='quiet lab.quiet lab.pattern=4'
ask quit
runs 'a monitor' with_faults xenvm "$(vm_file linux)"
traces >"$lab_tmp/as_it_was"
suspend() { fault "$1" "$2" running "$3" suspend "file=$image"; }
suspend xenvm socketpair:1:fail=EMFILE 'cannot start /usr/libexec/xenvm/xenvm-worker: Too many open files'
suspend xenvm posix_spawn:1:fail=ENOMEM 'cannot start /usr/libexec/xenvm/xenvm-worker: Cannot allocate memory'
suspend xenvm pidfd_open:1:fail=EMFILE 'cannot watch /usr/libexec/xenvm/xenvm-worker: Too many open files'
suspend xenvm-worker write:1:fail=EIO "cannot write $image: Input/output error"
suspend xenvm-worker writev:9:fail=ENOSPC "cannot write $image: .*No space left on device.*"
suspend xenvm-worker fsync:1:fail=EIO "cannot write $image: Input/output error"
memory=/var/lib/xenvm/$(vm_get linux uuid)/memory
for n in 2 3 4; do suspend xenvm-worker fsync:$n:fail=EIO "cannot write $memory: Input/output error"; done
suspend xenvm-worker fsync:5:fail=EIO "cannot write $image: Input/output error"
suspend xenvm-worker renameat2:1:fail=EIO "cannot write $image: Input/output error"
is "$(ls $image* 2>&1)" "ls: cannot access '$image*': No such file or directory" 'there is no image'
runs 'after all this the pattern is whole' vm_pattern linux

lay xenvm-worker renameat2:1:fail=EINVAL
runs 'a suspend to a file system that knows no renameat2' ask suspend "file=$image"
runs '... works without' sprung
runs '... its image is sound' verify-stream-v2 -f xl -i $image
is "$(ls $image*)" "$image" '... and alone'
traces >"$lab_tmp/as_it_was"
restore() { fault "$1" "$2" suspended "cannot restore from $image: $3" restore "file=$image"; }
restore xenvm domctl_createdomain:1:fail=ENOMEM 'Xen will not create a domain of 1 vcpus: Cannot allocate memory'
restore xenvm posix_spawn:1:fail=ENOMEM 'cannot start /usr/libexec/xenvm/xenvm-worker: Cannot allocate memory'
restore xenvm-worker xc_domain_restore:1:fail=EIO 'damaged or cut off: Input/output error'
fault xenvm domctl_unpausedomain:1:fail=EINVAL suspended 'cannot unpause domain [0-9]+: Invalid argument' restore "file=$image"
is "$(vm_get linux image)" "$image" 'the monitor still knows the image'
runs 'after all this it is restored' ask restore "file=$image"
runs 'and the pattern is whole' vm_pattern linux
vm_down linux
world_is "$before" 'nothing is left'
done_testing

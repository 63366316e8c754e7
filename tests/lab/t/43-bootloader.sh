#!/bin/bash
# Kernels out of the guest's own disk: pygrub and other bootloaders, and all that they may do wrong. They are
# confined, a failure is one line, and nothing is left of them.
# shellcheck disable=SC2016 # what bootloaders are made of
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

work=/root/boot
before=$lab_tmp/before
tree=$lab_tmp/tree
mkdir -p $work "$tree/boot/grub"
for kind in idle poweroff reboot; do /lab/tests/guest/tiny $kind $work/$kind; done
world >"$before"

# A filesystem of what is in the tree:  filesystem FILE SIZE [OPTION…]
filesystem() { mke2fs -q -t ext4 -F -d "$tree" "${@:3}" "$1" "$2" >/dev/null; }
# Bytes in the middle of a file, as printf's escapes:  poke FILE WHERE BYTES
poke() { printf '%b' "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
# The start of a disk whose one partition begins at 1 MiB and has so many sectors, in hexadecimal from the low byte on.
partition() {
    poke "$1" 446 "\x80\0\0\0\x83\0\0\0\0\x8\0\0$2"
    poke "$1" 510 '\x55\xaa'
}
# Nothing of a bootloader is there any more.
sleeps() { grep -qsa 'slee[p].1000' /proc/[0-9]*/cmdline; }
no_process_left() {
    local name
    for name in xenvm-bootloade pygrub bl qemu-nbd; do ! process_runs "$name" || return; done
    ! sleeps
}
no_trace() { no_process_left && ! compgen -G '/sys/block/loop*/loop' >/dev/null; }
nothing_left() {
    wait_for 5 no_trace
    ok $? "... $1" || note "$(losetup -a)" "$(ps -ef | tail -n 20)"
}
# cannot REGEX NAME [KEY=VALUE…]: a monitor that is to start such a VM fails with that line
cannot() {
    local regex=$1 name=$2
    shift 2
    vm_config bad initrd= kernel= cmdline= memory=4 "$@"
    refused 1 "^xenvm: $regex\$" "$name" xenvm "$(vm_file bad)"
}

# --- pygrub

cp /lab/guest/vmlinux /lab/guest/initrd /lab/guest/debian/vmlinuz "$tree/boot"
cp /lab/guest/debian/initrd "$tree/boot/initrd-debian"
cat >"$tree/boot/grub/grub.cfg" <<END
set default=0
set timeout=5
menuentry "a guest" --class linux {
    insmod ext2
    linux /boot/vmlinux console=hvc0 quiet $guest_quick lab.pattern=1
    initrd /boot/initrd
}
menuentry "another, packed" --class linux {
    linux /boot/vmlinuz console=hvc0 quiet $guest_quick lab.pattern=1
    initrd /boot/initrd-debian
}
END
filesystem $work/linux 200M -E offset=1048576
partition $work/linux '\0\x40\x6\0'
rm -r "${tree:?}"/boot/*

vm_config pv kernel= initrd= cmdline=lab.quiet disk=$work/linux:file:xvda:w:disk
runs 'a PV guest whose kernel is in a partition of its disk, with neither a kernel nor a bootloader named' vm_boot pv
runs 'its command line is that of the menu and that of the configuration' guest_ask pv 'sh cat /proc/cmdline' \
    '^console=hvc0 .* lab.pattern=1 lab.quiet' 60
runs 'it has its disk' vm_shell pv 'grep -q xvda /proc/partitions'
vm_down pv
world_is "$before" '... and leaves nothing'
vm_config pvh type=pvh kernel= initrd= cmdline=lab.quiet disk=$work/linux:file:xvda:w:disk bootloader=pygrub \
    memory=160 bootloader-args=--entry=1
runs "a PVH guest from the same disk, with Debian's packed kernel" vm_boot pvh
runs 'it is one' guest_ask pvh 'sh dmesg | grep "Booting kernel on Xen PVH"' 'Booting kernel on Xen PVH' 60
vm_down pvh
rm $work/linux

mkdir "$tree/boot/grub"
cp $work/idle $work/poweroff "$tree/boot"
printf 'default 0\ntimeout 3\n' >"$tree/boot/grub/menu.lst"
cp /usr/lib/grub-xen/grub-i386-xen_pvh.bin "$tree/boot/pvh"
printf 'title %s\n\troot (hd0,0)\n\tkernel /boot/%s a=b\n' one idle two poweroff three none four pvh >>"$tree/boot/grub/menu.lst"
filesystem $work/menu 8M
vm_config menu kernel= initrd= cmdline= memory=4 disk=$work/menu:file:xvda:w:disk
runs 'an old menu, on a disk without partitions' xenvm "$(vm_file menu)"
is "$(vm_state menu)" running 'its first entry runs'
vm_down menu
vm_config menu kernel= initrd= cmdline= memory=4 disk=$work/menu:file:xvda:w:disk 'bootloader-args=--debug   --entry=1'
runs 'its second entry, by bootloader-args' xenvm "$(vm_file menu)"
runs 'which powers off' wait_for 10 vm_is menu shutdown
vm_down menu
vm_config menu kernel=/boot/poweroff initrd= cmdline= memory=4 disk=$work/menu:file:xvda:w:disk bootloader=pygrub
runs 'a kernel of the disk, by kernel' xenvm "$(vm_file menu)"
runs 'which is that one' wait_for 10 vm_is menu shutdown
vm_down menu
vm_config menu type=pvh kernel= initrd= cmdline= memory=32 disk=$work/menu:file:xvda:w:disk bootloader-args=--entry=3
mark=$(guest_mark menu)
runs 'a PVH guest from an old menu' xenvm "$(vm_file menu)"
runs 'says that it is up' wait_for 20 guest_said menu GRUB "$mark"
vm_down menu
loop=$(losetup --find --show $work/menu)
vm_config menu kernel= initrd= cmdline= memory=4 disk="$loop:phy:xvda:w:disk"
runs 'a block device' xenvm "$(vm_file menu)"
vm_down menu
losetup -d "$loop"
qemu-img convert -O qcow2 $work/menu $work/qcow2
qemu-img convert -O vpc $work/menu $work/vhd
for format in qcow2 vhd; do
    vm_config menu kernel= initrd= cmdline= memory=4 disk=$work/$format:$format:xvda:w:disk
    runs "the same in an image, $format" xenvm "$(vm_file menu)"
    runs 'nothing of the bootloader is left' wait_for 5 no_process_left
    vm_down menu
    world_is "$before" 'and nothing at all after its end'
done
cannot 'start: bootloader pygrub: Error opening /boot/none in guest' 'an entry without its kernel' \
    disk=$work/menu:file:xvda:w:disk bootloader-args=--entry=2
world_is "$before" 'nothing is left'

# --- what may be refused before a bootloader runs

disk=disk=$work/menu:file:xvda:w:disk
cannot ".*/bad.cfg: kernel: missing, accepted: .*" 'neither a kernel nor a disk' disk=
cannot ".*/bad.cfg: kernel: missing, accepted: .*" 'a cdrom without a medium' disk=:file:hdc:r:cdrom
cannot 'start: bootloader pygrub: there is no disk to find a kernel in' 'a bootloader without a disk' \
    kernel=/boot/idle bootloader=pygrub
cannot "start: bootloader pygrub: qemu-nbd: .*$work/idle.*" 'a qcow2 disk that is none' \
    disk=$work/idle:qcow2:xvda:w:disk
cannot "start: bootloader pygrub: the first disk, $work/menu, is encrypted: .*" 'an encrypted disk' \
    disk=$work/menu:file:xvda:w:disk:cipher=aes-xts-plain64:key-file=/root/key
cannot "start: bootloader pygrub: disk $work/none: No such file or directory" 'a disk that is not there' \
    disk=$work/none:file:xvda:w:disk
cannot "start: bootloader pygrub: disk $work: not a block device or a regular file" 'a folder' \
    disk=$work:file:xvda:w:disk
cannot 'start: bootloader /nowhere: cannot start it: No such file or directory' 'a bootloader that is not there' \
    bootloader=/nowhere $disk
cannot 'start: bootloader /root: cannot start it: not a regular file' 'one that is a folder' bootloader=/root $disk
cannot "start: bootloader $work/idle: cannot start it: Permission denied" 'one that is not a program' \
    bootloader=$work/idle $disk

# --- a bootloader of our own, which is what the test puts into that file

bl() { printf '#!/bin/sh\nfor disk; do :; done\n%s\n' "$1" >$work/bl; }
bl 'exit 1'
chmod 755 $work/bl
truncate -s 8K $work/idle $work/reboot
ln -sfn idle $work/disk
vm_config bl startup=shutdown kernel=/the/kernel initrd=/the/initrd 'cmdline=a  "b c"' memory=4 \
    disk=$work/disk:file:xvda:w:disk \
    bootloader=$work/bl 'bootloader-args= -x  y=z ' bootloader-timeout=20
printf 'disk = %s\n' "$work/none:file:xvdb:w:disk:cipher=aes-xts-plain64:key-file=/root/key" :file:xvdc:r:cdrom \
    $work/menu:aio:xvdd1:w:disk >>"$(vm_file bl)"
runs 'a monitor' xenvm "$(vm_file bl)"
# says LINE NAME: its last line is the failure
says() { refused 1 "^xenvm-cmd: bl: bootloader $work/bl: $1\$" "$2" xenvm-cmd bl start; }

bl 'echo "$0 $*"; exit 1'
given='--output=/out/result --output-format=simple0 --output-directory=/out --kernel=/the/kernel --ramdisk=/the/initrd'
says "$work/bl $given --args=a  \"b c\" -x y=z /disks/xvda /disks/xvdd1" \
    'it is given what is configured, and all disks that it can read'
bl 'echo "$(id -u) $(id -G) $PWD $(ip -o link | wc -l) $(ip -o addr | wc -l) $(env | sort | tr "\n" " ")"; exit 1'
says '65534 65534 /out 1 0 HOME=/out LC_ALL=C.UTF-8 PATH=[^ ]+ PWD=/out PYTHONDONTWRITEBYTECODE=1 TMPDIR=/out' \
    'it is nobody, and has neither a network nor an environment'
bl 'echo $(ls / /root /root/boot /dev /disks /etc); exit 1'
seen='/: bin dev disks etc lib lib[0-9]+ .*out root sbin usr /dev: null urandom zero /disks: xvda xvdd1'
says "$seen /etc: alternatives ld.so.cache /root: boot /root/boot: bl" 'it sees little of the host'
bl 'for try in "touch /x" "touch /usr/x" "touch /root/boot/x" "cat /etc/shadow" "mknod n c 1 3" "chroot / true" \
    "mount -t tmpfs x /dev" "dd if=/dev/zero of=$disk count=1" "chmod 777 $disk" "chmod 777 /disks" "rm $disk" \
    "kill -9 1"; do
    said=$($try 2>&1) && echo "it can $try"; done >tries; head -c 4 /disks/xvda | tail -c 3; cat tries; exit 1'
says 'ELF' 'it can read the disk, and nothing of what it may not'
nothing_left 'and it is gone'

sed -i '/^disk.*xvd[bcd]/d' "$(vm_file bl)"
runs 'one disk is enough' xenvm-cmd bl read-config
bl 'cat /disks/xvda >k; printf "kernel /out/k\0args hello\0\0" >result'
runs 'a kernel of its choice' xenvm-cmd bl start
is "$(vm_state bl)" running 'runs'
runs 'nothing of the bootloader does' wait_for 5 no_process_left
runs 'it is destroyed' xenvm-cmd bl destroy
ln -sfn reboot $work/disk
runs 'one that reboots again and again' xenvm-cmd bl start
ln -sfn idle $work/disk
settled() {
    old=$(vm_domid bl)
    sleep 1
    [ -n "$old" ] && vm_is bl running && [ "$(vm_domid bl)" = "$old" ]
}
runs 'gets the new kernel at its next reboot' wait_for 60 settled
bl 'echo no more; exit 1'
fails 'a restart is refused by the bootloader' xenvm-cmd bl restart force=true
is "$output $(vm_state bl)" "xenvm-cmd: bl: bootloader $work/bl: no more shutdown" '... which says why'

# --- and what it may do wrong

# evil NAME LINE WHAT-IT-DOES
evil() {
    bl "$3"
    says "$2" "a bootloader that $1"
    wait_for 5 no_trace || fail "... and leaves something: $(losetup -a; ps -ef | tail -n 5)"
}
answers() { evil "$1" "$2" "echo kernel >k; printf '$3' >result"; }
evil 'does nothing' 'it gave no answer' :
evil 'fails without a word' 'it ended with status 7' 'exit 7'
evil 'fails with many' 'the last of them' 'seq 1000; printf "\nthe last of them\n\n \n"; exit 1'
evil 'says what is no text' 'a\?\[31mb\?\?\?\?c' 'printf "x\na\033[31mb\001\t\377\0c" >&2; exit 1'
evil 'prints without end' 'it printed more than 1024 KiB' 'yes'
evil 'dies' 'it died: Segmentation fault' 'kill -SEGV $$'
evil 'writes without end' full 'cat /dev/zero >k; echo full; exit 1'
evil 'makes files without end' 'full' 'n=0; while true >f$n; do n=$((n + 1)); done 2>/dev/null; echo full; exit 1'
evil 'eats memory' 'MemoryError' 'exec python3 -c "x = bytearray(2 << 30)"'
evil 'opens files without end' '.*Too many open files.*' \
    'exec python3 -c "x = [open(\"/dev/null\") for i in range(1000)]"'
evil 'answers rubbish' 'its answer is not kernel, ramdisk and args' 'head -c 1000 /dev/urandom | tr "\0" x >result'
evil 'answers too much' 'its answer is longer than 64 KiB' 'head -c 70000 /dev/zero >result'
evil 'answers with a link' 'it gave no answer' 'rm result; ln -s /usr/bin/dash result'
evil 'answers with a pipe' 'it gave no answer' 'rm result; mkfifo result'
answers 'finds only an initrd' 'it found no kernel' 'ramdisk /out/k\0'
answers 'names a file of the host' 'it names a kernel that is not in /out: /etc/passwd' 'kernel /etc/passwd\0'
answers 'names it from its folder' 'it names a kernel that is no file in /out: /out/../etc/passwd' \
    'kernel /out/../etc/passwd\0'
answers 'names a relative path' 'it names a kernel that is not in /out: ../../etc/passwd' 'kernel ../../etc/passwd\0'
answers 'names a device' 'it names a kernel that is not in /out: /dev/zero' 'kernel /dev/zero\0'
answers 'names the disk' 'it names a kernel that is not in /out: /disks/xvda' 'kernel /disks/xvda\0'
answers 'names nothing' 'it names a kernel that is not in /out:' 'kernel \0'
answers 'names its folder' 'it names a kernel that is no file in /out: /out/' 'kernel /out/\0'
answers 'names what is not there' 'it names a ramdisk that is no file in /out: /out/none' \
    'kernel /out/k\0ramdisk /out/none\0'
answers 'names two kernels' 'its answer has something twice' 'kernel /out/k\0kernel /out/k\0'
answers 'has a terminal in its command line' 'the command line has control characters' 'kernel /out/k\0args a\033[2Jb\0'
answers 'has lines in it' 'the command line has control characters' 'kernel /out/k\0args a\nkernel b\0'
answers 'has too long a one' 'the command line is too long: accepted are 1023 bytes' 'kernel /out/k\0args %01024d\0'
evil 'names a link' 'it names a kernel that is no file in /out: /out/k' \
    'ln -s /etc/shadow k; printf "kernel /out/k\0" >result'
evil 'names a link in a folder' 'it names a kernel that is no file in /out: /out/d/shadow' \
    'ln -s /etc d; printf "kernel /out/d/shadow\0" >result'
evil 'names a pipe' 'it names a kernel that is no file in /out: /out/k' 'mkfifo k; printf "kernel /out/k\0" >result'
evil 'names a folder' 'it names a kernel that is no file in /out: /out/k' 'mkdir k; printf "kernel /out/k\0" >result'
evil 'finds an empty kernel' 'the kernel that it found is empty' ': >k; printf "kernel /out/k\0" >result'
evil 'finds an empty initrd' 'the ramdisk that it found is empty' \
    'echo >k; : >r; printf "kernel /out/k\0ramdisk /out/r\0" >result'
bl 'echo kernel >k; printf "kernel /out/k\0" >result'
refused 1 "^xenvm-cmd: bl: kernel of bootloader $work/bl: not a kernel that can be started as a PV guest: .*\$" \
    'a bootloader that finds a kernel that is none' xenvm-cmd bl start
is "$(vm_state bl)" shutdown 'the VM is shutdown after all of them'

sed -i 's/^bootloader-timeout.*/bootloader-timeout = 3/' "$(vm_file bl)"
runs 'less time' xenvm-cmd bl read-config
# late NAME WHAT-IT-DOES
late() {
    bl "$2"
    refused 4 "^xenvm-cmd: bl: bootloader $work/bl took too long\$" "a bootloader that $1" xenvm-cmd bl start
    nothing_left 'and leaves nothing'
}
late 'hangs' 'sleep 1000'
late 'hangs, and so do its children, which it has let go' \
    'setsid sleep 1000 & trap "" TERM HUP; exec >/dev/null 2>&1; sleep 1000'
# dash ends where it cannot fork. So the first one forks no more, but waits for what nobody says.
late 'forks without end' 'f() { f & f & wait; }; mkfifo never; exec 3<>never
while :; do f; done 2>/dev/null & read -r line <&3'
late 'computes without end' 'while :; do :; done'

# --- its end by others

bl 'sleep 1000'
sed -i 's/^bootloader-timeout.*/bootloader-timeout = 100/' "$(vm_file bl)"
runs 'more time' xenvm-cmd bl read-config
xenvm-cmd bl start >"$lab_tmp/start" 2>&1 &
runs 'a bootloader is at work' wait_for 10 sleeps
is "$(vm_state bl)" creating-domain 'the VM is being created'
runs 'destroy' xenvm-cmd bl destroy
wait $!
is "$? $(cat "$lab_tmp/start")" '1 xenvm-cmd: bl: start was cancelled by destroy' 'the start is told'
nothing_left 'and the bootloader is gone'
is "$(vm_state bl)" shutdown 'the VM is shutdown'
xenvm-cmd bl start >"$lab_tmp/start" 2>&1 &
runs 'another one is at work' wait_for 10 sleeps
runs 'the monitor is killed' kill -9 "$(vm_get bl pid)"
nothing_left 'the bootloader is gone with it'
bl 'sleep 4; cat /disks/xvda >k; printf "kernel /out/k\0" >result'
runs 'a new monitor' xenvm "$(vm_file bl)"
is "$(vm_state bl)" shutdown '... has no VM'
xenvm-cmd bl start >"$lab_tmp/start" 2>&1 &
runs 'and can start it' wait_for 10 vm_is bl creating-domain
runs 'read-config in the middle of that' xenvm-cmd bl read-config
runs 'and once more' xenvm-cmd bl read-config
wait $!
is "$? $(cat "$lab_tmp/start")" '0 ' 'changes nothing of the start'
is "$(vm_state bl)" running 'which comes to its end'
vm_down bl
world_is "$before" 'nothing is left'

# --- disks for pygrub

vm_config disk startup=shutdown kernel= initrd= cmdline= memory=4 disk=$work/disk:file:xvda:w:disk bootloader-timeout=60
runs 'a monitor' xenvm "$(vm_file disk)"
# disk NAME LINE [WHOSE]: such a disk is refused
disk() {
    refused 1 "^xenvm-cmd: disk: ${3:+$3 of }bootloader pygrub: $2\$" "pygrub, and $1" xenvm-cmd disk start
    rm -f $work/image
    wait_for 5 no_trace || fail "... and leaves something: $(losetup -a; ps -ef | tail -n 5)"
}
# menu ENTRY…: a disk with such lines as its grub.cfg's only entry
menu() {
    { echo 'menuentry "x" {' && printf '%s\n' "$@" && echo '}'; } >"$tree/boot/grub/grub.cfg"
    filesystem $work/image 4M
}
ln -sfn image $work/disk
none='RuntimeError: Unable to find partition containing kernel'
disk 'no disk' "disk $work/disk: No such file or directory"
: >$work/image
disk 'an empty disk' "$none"
head -c 2M /dev/urandom >$work/image
disk 'a disk of random bytes' "$none"
head -c 20K $work/menu >$work/image
disk 'a disk that is cut off' "$none"
truncate -s 4M $work/image
partition $work/image '\xff\xff\xff\xff'
disk 'a partition beyond the end' "$none"
# A disk of a GUID partition table with such numbers of entries and of bytes in each.   guids ENTRIES BYTES
guids() {
    truncate -s 1M $work/image
    poke $work/image 446 '\0\0\0\0\xee\0\0\0\1\0\0\0\xff\x1f\0\0'
    poke $work/image 510 '\x55\xaaEFI PART'
    poke $work/image 592 "$1$2"
}
guids '\xff\xff\xff\xff' '\x80\0\0\0'
disk 'a table of four billion partitions' 'struct.error: unpack requires a buffer of 8 bytes'
guids '\x80\0\0\0' '\xff\xff\xff\xff'
disk 'a table whose entries are of 4 GiB' MemoryError
guids '\x80\0\0\0' '\0\0\0\0'
disk 'a table whose entries are of nothing' 'struct.error: unpack requires a buffer of 8 bytes'
rm -r "${tree:?}"/boot/*
mkdir "$tree/boot/grub"
filesystem $work/image 4M
disk 'a disk without a menu' "$none"
cp $work/idle "$tree/boot"
# Superblocks, whose checksum nobody could blame.   spoilt WHERE BYTES
spoilt() {
    printf 'menuentry "x" {\nlinux /boot/idle\n}\n' >"$tree/boot/grub/grub.cfg"
    filesystem $work/image 4M -O ^metadata_csum
    poke $work/image $((1024 + $1)) "$2"
}
spoilt 24 '\xff\xff\xff\xff'
disk 'blocks of two to the power of four billion' "$none"
spoilt 88 '\xff\xff'
disk 'inodes larger than a block' "$none"
spoilt 40 '\0\0\0\0'
disk 'groups without inodes' "$none"
menu 'linux /boot/$(touch${IFS}/tmp/x);`reboot` x'
disk 'a shell in its menu' 'Error opening /boot/\$[(]touch.*in guest'
menu 'linux /../../../../etc/passwd'
disk 'the way out of the disk' 'Error opening /../../../../etc/passwd in guest'
menu "linux /boot/idle $(printf %2000s '' | tr ' ' a)"
disk 'a command line of 2000 bytes' 'the command line is too long: accepted are 1023 bytes'
ln -s link "$tree/boot/link"
menu 'linux /boot/link'
disk 'a link to itself' 'Error opening /boot/link in guest'
ln -s ../../../../etc/shadow "$tree/boot/shadow"
menu 'linux /boot/shadow'
disk "a link to the host's passwords" 'Error opening /boot/shadow in guest'
menu 'linux /boot/idle' 'initrd /../../../../etc/shadow'
disk 'the way out of the disk for its initrd' 'Error opening /../../../../etc/shadow in guest'
menu "linux /boot$(printf %40s '' | sed 's, ,/loop,g')/none"
debugfs -w -R 'link /boot /boot/loop' $work/image 2>/dev/null
disk 'a folder in itself, and a path of 40 of it' 'Error opening /boot(/loop){40}/none in guest'
menu 'menuentry "y" {' 'linux /boot/idle' '}'
disk 'an entry in an entry' "$none"
truncate -s 700M "$tree/boot/large"
menu 'linux /boot/large'
disk 'a kernel larger than any' 'Error writing temporary copy of kernel'
rm "$tree/boot/large"
cp $work/idle "$tree/boot/wide"
poke "$tree/boot/wide" 104 '\xff\xff\xff\xff\xff\x7f\0\0' # the memory that its code wants
menu 'linux /boot/wide'
disk 'a kernel that wants 128 TiB' 'not a kernel that can be started as a PV guest: .*: Invalid kernel' kernel
rm "$tree/boot/wide"
# A MiB of zeros, again and again: 128 MiB in 135 KB. Then one that says it is of 4 GiB.
python3 - >"$tree/boot/bomb" <<'END'
import struct, sys, zlib
packer = zlib.compressobj(9, zlib.DEFLATED, -15)
zeros = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
end = struct.pack("<HII", 3, 0x80654151, 128 << 20)
sys.stdout.buffer.write(b"\x1f\x8b\x08\0\0\0\0\0\2\3" + zeros * 128 + end)
END
menu 'linux /boot/bomb'
disk 'a kernel of 128 MiB, packed to a thousandth' 'not a kernel that can be started as a PV guest: .*: Invalid kernel' kernel
truncate -s -4 "$tree/boot/bomb"
printf '\xff\xff\xff\xff' >>"$tree/boot/bomb"
menu 'linux /boot/bomb'
disk 'one that says it is of 4 GiB' 'not a kernel that can be started as a PV guest: .*: Invalid kernel' kernel
rm "$tree/boot/bomb"
seq -f 'menuentry "%g" {' 10000 | sed 's,$,\nlinux /boot/none\n},' >"$tree/boot/grub/grub.cfg"
filesystem $work/image 4M
disk 'a menu of 10000 entries' 'Error opening /boot/none in guest'
head -c 3M /dev/zero | tr '\0' 'x' >"$tree/boot/grub/grub.cfg"
filesystem $work/image 8M
disk 'a menu of 3 MB in one line' 'it printed more than 1024 KiB'
menu 'linux /boot/idle'
runs 'and a sound disk after them' xenvm-cmd disk start
is "$(vm_state disk)" running '... runs'
vm_down disk
world_is "$before" 'nothing is left of all this'
rm -r $work
done_testing

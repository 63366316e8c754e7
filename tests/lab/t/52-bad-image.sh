#!/bin/bash
# Images that can't be written, and images that can't be read: the VM and what is on the disk stay as they were.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

dir=$(mktemp -d)
before=$lab_tmp/before
mkdir "$dir/small" "$dir/full" "$dir/folder"
mount -t tmpfs -o size=20M small "$dir/small"
mount -t tmpfs -o size=64k full "$dir/full"
dd if=/dev/zero of="$dir/full/filler" bs=4k 2>/dev/null
head -c 100000 /dev/urandom >"$dir/small/old"
cp "$dir/small/old" "$dir/old"
ln -s "$dir/folder/nothing" "$dir/link"

runs 'a guest is up' vm_up img cmdline+='quiet lab.quiet lab.pattern=4'
world >"$before"
files() { find "$dir" -printf '%p %i %s %y\n' | sort; }

# --- what can't be written

# cannot_write NAME PATH WHY [COMMAND ARG…]: suspend fails, the guest runs on, no file has come or changed
cannot_write() {
    local name=$1 path=$2 why=$3
    shift 3
    [ $# -gt 0 ] || set -- suspend
    files >"$lab_tmp/files"
    # Without --json a suspend tells its progress too.
    refused_json "$name" "cannot write $path: $why" img "$@" "file=$path"
    is "$(files)" "$(cat "$lab_tmp/files")" '... no file has come, gone or changed'
    is "$(vm_state img)" running '... and the VM is running'
}
# refused_json NAME REGEX VM COMMAND…: fails with 1 and one line that matches
refused_json() {
    local name=$1 regex=$2 vm=$3
    shift 3
    status=0
    xenvm-cmd --json "$vm" "$@" >"$lab_tmp/output" 2>"$lab_tmp/error" || status=$?
    [ $status -eq 1 ] && [ "$(wc -l <"$lab_tmp/error")" -eq 1 ] && grep -qE "^xenvm-cmd: $vm: $regex\$" "$lab_tmp/error"
    ok $? "$name" || note "ended with $status and said: $(cat "$lab_tmp/error"); wanted: $regex"
}

cannot_write 'a suspend to where there is no directory' "$dir/none/a" "$dir/none: No such file or directory"
cannot_write 'to a directory' "$dir/folder" 'not a regular file'
cannot_write 'to a name that ends in a slash' "$dir/folder/" 'not a regular file'
cannot_write 'into a file as if it were a directory' "$dir/old/a" "$dir/old: Not a directory"
cannot_write 'to a device' /dev/null 'not a regular file' suspend overwrite=true
cannot_write 'through a dangling link' "$dir/link" 'not a regular file' suspend overwrite=true
cannot_write 'to a file that exists' "$dir/old" 'the file exists \(overwrite=true replaces it\)'
cannot_write 'a checkpoint to a file that exists' "$dir/old" 'the file exists \(overwrite=true replaces it\)' checkpoint
cannot_write 'to a full disk' "$dir/full/a" '.*No space left on device.*'
cannot_write 'to a disk that fills up' "$dir/small/a" '.*No space left on device.*'
cannot_write 'over a file, on a disk that fills up' "$dir/small/old" '.*No space left on device.*' suspend overwrite=true
runs '... and the old file is whole' cmp "$dir/old" "$dir/small/old"
cannot_write 'a checkpoint to a disk that fills up' "$dir/small/a" '.*No space left on device.*' checkpoint
wait_for 5 mount -o remount,ro "$dir/small"
cannot_write 'to a disk that is read-only' "$dir/small/a" 'Read-only file system'
runs 'after all this the pattern is whole' vm_pattern img
world_is "$before" 'nothing was left'
wait_for 5 umount "$dir/full" "$dir/small"

# --- what can't be read

image=$dir/image
cp "$dir/old" "$image"
runs 'a suspend over an existing file' xenvm-cmd --json img suspend "file=$image" overwrite=true
runs '... writes a sound image' verify-stream-v2 -f xl -i "$image"
is "$(vm_state img)" suspended 'the VM is suspended'
is "$(ls "$dir")" "$(printf '%s\n' folder full image link old small)" 'and nothing else is in the directory'
size=$(stat -c %s "$image")
stream=$((48 + $(od -An -t u4 -j 44 -N 4 "$image"))) # where the container's optional data end
world >"$before"

# cannot_read NAME FILE WHY: restore fails, the VM stays suspended, the file as it is
cannot_read() {
    local file
    file=$(stat -c '%i %s %y' "$2" 2>/dev/null)
    refused_json "$1" "cannot restore from $2: $3" img restore "file=$2"
    is "$(vm_state img) $(stat -c '%i %s %y' "$2" 2>/dev/null)" "suspended $file" '... it stays suspended, the file as it is'
    world_is "$before" '... and nothing is left'
}
# cut SIZE NAME WHY, of the image
cut_at() {
    head -c "$1" "$image" >"$dir/cut"
    cannot_read "an image cut off $2" "$dir/cut" "$3"
}
# flip OFFSET: turns a bit of the image over, or back
flip() {
    local byte
    byte=$(od -An -t u1 -j "$1" -N 1 "$image")
    printf '%b' "\\0$(printf %o $((byte ^ 4)))" | dd of="$image" bs=1 seek="$1" conv=notrunc status=none
}
flipped() {
    flip "$1"
    cannot_read "a bit flipped in $2" "$image" "$3"
    flip "$1"
}

cannot_read 'a file that is not there' "$dir/none" 'No such file or directory'
cannot_read 'a directory' "$dir/folder" 'not a regular file'
cannot_read 'a device' /dev/zero 'not a regular file'
cannot_read 'random bytes' "$dir/old" 'not a suspend image'
cut_at 0 'before its first byte' 'not a suspend image'
cut_at 20 'in the container'\''s header' 'not a suspend image'
cut_at 100 'in the configuration' 'cut off in its configuration'
cut_at $((stream + 8)) "in the stream's header" "cut off in its stream's header"
cut_at $((stream + 20)) "before the memory" "cut off in the guest's memory"
cut_at $((stream + 30)) "in the memory's header" 'damaged or cut off: .+'
cut_at $((size / 3)) 'in the middle of the memory' 'damaged or cut off: .+'
cut_at $((size - 8)) 'before its last record' 'cut off in its end'
cut_at $((size - 1)) 'before its last byte' 'cut off in its end'
flipped 3 'the magic' 'not a suspend image'
flipped 32 'the byte order' 'of another version: byte order 0x.*'
flipped 36 'the flags' 'of another version: .*flags 0x.*'
flipped 47 'the size of the configuration' 'damaged: [0-9]+ bytes of configuration'
flipped 48 "the size of xl's part of it" '(damaged: its configuration is cut off|does not say which guest it holds)'
flipped $stream "the stream's magic" 'damaged: no migration stream of version 2 in it'
flipped $((stream + 16)) 'the first record' 'damaged: record type 0x5 of 0 bytes where .*'
flipped $((stream + 24)) "the memory's magic" 'damaged or cut off: .+'
flipped $((stream + 24 + 24 + 16)) 'the first record of the memory' 'damaged or cut off: .+'
at=$(head -c "$stream" "$image" | grep -abo -F "$(vm_uuid img)" | tail -n 1 | cut -d : -f 1)
flipped "$at" 'the UUID' 'it is the image of another VM, .*'

# The image of another VM; another VM that is shutdown stays so.
vm_config other startup=shutdown
runs 'the monitor of another VM' xenvm "$(vm_file other)"
refused_json 'its restore from this image' "cannot restore from $image: it is the image of another VM, $(vm_uuid img)" \
    other restore "file=$image"
is "$(vm_state other)" shutdown '... leaves it shutdown'
vm_down other
vm_config other "startup=restore $dir/cut"
refused 1 "^xenvm: restore: cannot restore from $dir/cut: it is the image of another VM, $(vm_uuid img)\$" \
    'and a monitor that is to begin with it' xenvm "$(vm_file other)"
world_is "$before" '... leaves nothing'

runs 'after all this it is restored' xenvm-cmd --json img restore "file=$image" delete=false
runs 'and its pattern is whole' vm_pattern img
runs 'and so is the image' verify-stream-v2 -f xl -i "$image"
vm_down img
rm -rf "$dir"
done_testing

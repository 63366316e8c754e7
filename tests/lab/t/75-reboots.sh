#!/bin/bash
# A host with ten VMs that are services of it goes down and comes back; then its power is cut in the middle of suspends and
# restores.   lab run --reboots
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh
# shellcheck source=../faults.sh source-path=SCRIPTDIR
. /lab/tests/faults.sh
[ -n "${LAB_REBOOTS:-}" ] || skip_all 'this host can not be rebooted (lab run --reboots)'

home=/root/host # on the disk
image=$home/image
mkdir -p "$home" /etc/xenvm

# unit NAME KEY=VALUE…: a VM that starts and stops with the host
unit() {
    vm_config "$@"
    cp "$(vm_file "$1")" "/etc/xenvm/$1.cfg"
    systemctl --quiet enable "xenvm@$1"
}
tiny() { unit "$1" kernel="$home/idle" initrd= cmdline= memory=4 "${@:2}"; }
active() { [ "$(systemctl show -p ActiveState --value "xenvm@$1")" = active ]; }
is_up() { wait_for "$1" active "$2" || { fail "$2 is not active"; note "$(journalctl -b --no-pager -u "xenvm@$2")"; }; }
units=(sus1 sus2 pvh1 down1 gone1 tiny1 tiny2 tiny3 tiny4 hvm1)
linux=(sus1 sus2 pvh1 down1 gone1 hvm1)

# filesystem NAME: one more disk of its unit, with a file system
filesystem() {
    truncate -s 16M "$home/$1.fs"
    mke2fs -q -t ext4 "$home/$1.fs" || bail "no file system for $1"
    echo "disk = $home/$1.fs:file:xvdf:w:disk" >>"/etc/xenvm/$1.cfg"
}
mounts() { guest_ask "$1" 'load ext4' '^loaded' 60 && vm_shell "$1" 'mkdir -p /mnt && mount -t ext4 /dev/xvdf /mnt'; }
# Writes a file to it, and begins one to which a program adds a number each second.
writes() {
    vm_shell "$1" "echo before | dd of=/mnt/before conv=fsync 2>/dev/null && { n=0; while sleep 1; do n=\$((n + 1)); echo \$n; done >/mnt/numbers & echo \$! >/tmp/writer; }"
}
goes_on_writing() { vm_shell "$1" "n=\$(wc -l </mnt/numbers); until [ \$(wc -l </mnt/numbers) -gt \$n ]; do sleep 1; done"; }
unmounts() { vm_shell "$1" "kill \$(cat /tmp/writer); sync; until umount /mnt; do sleep 1; done 2>/dev/null"; }
# What its disk says of the file system: clean, after needs_recovery if it was not unmounted.
left() {
    tune2fs -l "$home/$1.fs" | sed -nE 's/^Filesystem state: *//p; s/^Filesystem features:.* (needs_recovery) .*/\1/p' | tr '\n' ' '
}
# file NAME FILE: its contents, without the guest
file() { debugfs -R "cat /$2" "$home/$1.fs" 2>/dev/null; }
numbered() { file "$1" numbers | awk '$1 != NR { bad = 1 } END { exit bad || NR < 2 }'; }
journal() { journalctl -b --no-pager -o cat -u "xenvm@$1" | grep -cE -- "$2"; }

first_boot() {
    local name
    /lab/tests/guest/tiny idle "$home/idle"
    truncate -s 1M "$home/disk" "$home/extra"
    unit sus1 stop-method=suspend cmdline+='lab.quiet lab.pattern=4'
    unit sus2 stop-method=suspend suspend-dir="$home" cmdline+='lab.quiet lab.pattern=4'
    unit pvh1 type=pvh kernel=/lab/guest/vmlinuz stop-method=suspend cmdline+='lab.quiet lab.pattern=4'
    # 40-pvh.sh tells why it has so much memory.
    unit hvm1 hvm=true memory=128 kernel=/lab/guest/vmlinuz initrd=/lab/guest/initrd-more stop-method=suspend cmdline+='lab.quiet lab.pattern=4'
    unit down1 disk="$home/disk:file:xvda:w:disk" cmdline+=lab.quiet
    unit gone1 stop-method=destroy cmdline+=lab.quiet
    for name in "${linux[@]}"; do filesystem "$name"; done
    tiny tiny1 stop-method=destroy
    tiny tiny2 stop-method=destroy startup=paused
    tiny tiny3 stop-method=leave
    tiny tiny4 stop-timeout=5
    runs 'ten VMs' systemctl start xenvm.target
    for name in "${units[@]}"; do is_up 120 "$name"; done
    for name in "${linux[@]}"; do
        vm_ready "$name" 0
        guest_mark "$name" >"$home/mark.$name"
    done
    runs 'one writes to its disk' vm_shell down1 'echo kept | dd of=/dev/xvda conv=fsync 2>/dev/null'
    for name in "${linux[@]}"; do
        runs "$name has a file system" mounts "$name"
        runs 'and writes to it' writes "$name"
    done
    runs 'one has a disk more' xenvm-cmd sus1 disk-add "$home/extra:file:xvdb:w:disk"
    runs 'and writes to it' vm_shell sus1 'until grep -qw xvdb /proc/partitions; do sleep 1; done; echo first | dd of=/dev/xvdb conv=fsync 2>/dev/null'
    lab_reboot
}

second_boot() {
    local name
    for name in "${units[@]}"; do is_up 180 "$name"; done
    is "$(for name in "${units[@]}"; do vm_state "$name"; done | sort | uniq -c | tr -s ' ')" ' 1 created
 9 running' 'after a reboot of the host, all are back'
    for name in sus1 sus2 pvh1 hvm1; do
        is "$(journal "$name" 'the last stop suspended the VM to .*: it is restored')" 1 "$name was suspended, and is restored"
        runs 'with all its memory' vm_goes_on "$name" "$(cat "$home/mark.$name")"
        runs 'and its file system, to which a program goes on writing' goes_on_writing "$name"
        runs 'a new one can' vm_shell "$name" 'echo after >/mnt/after'
        is "$(left "$name")" 'needs_recovery clean ' 'it has been mounted all the time'
        runs 'it is unmounted' unmounts "$name"
        is "$(left "$name")" 'clean ' 'and clean'
        runs 'as e2fsck finds, too' e2fsck -fn "$home/$name.fs"
        is "$(file "$name" before) $(file "$name" after)" 'before after' 'with the files of both boots'
        runs 'and each number once' numbered "$name"
    done
    is "$(xenvm-cmd sus1 disk-list | awk 'NR > 1 { print $1 }' | sort | tr '\n' ' ')" 'xvdb xvdf ' 'the disk that was plugged is there'
    runs 'the guest still writes to it' vm_shell sus1 'echo second | dd of=/dev/xvdb bs=512 seek=1 conv=fsync 2>/dev/null'
    is "$(tr -d '\0' <"$home/extra")" $'first\nsecond' 'and the host reads it'
    runs 'down1 was asked to shut down' guest_said down1 '^guest: obeys poweroff' "$(cat "$home/mark.down1")"
    runs 'has booted since' guest_wait down1 '^guest: ready' 180 "$(cat "$home/mark.down1")"
    is "$(head -n 1 "$home/disk")" kept 'and its disk has what it wrote'
    is "$(left down1)" 'clean ' 'its file system has been unmounted'
    runs 'and is clean' e2fsck -fn "$home/down1.fs"
    is "$(file down1 before)" before 'with the file that it wrote'
    runs 'and each number once' numbered down1
    runs 'gone1 was destroyed, and has booted since' guest_wait gone1 '^guest: ready' 180 "$(cat "$home/mark.gone1")"
    fails 'it was not asked' guest_said gone1 '^guest: obeys' "$(cat "$home/mark.gone1")"
    is "$(left gone1)" 'needs_recovery clean ' 'its file system is as a power cut leaves it'
    runs 'the journal of that is enough' mounts gone1
    runs 'what had been written is there' vm_shell gone1 'grep -qx before /mnt/before && umount /mnt'
    is "$(left gone1)" 'clean ' 'the file system is clean again'
    runs 'as e2fsck finds, too' e2fsck -fn "$home/gone1.fs"
    is "$(find /var/lib/xenvm "$home" -name '*.image*') $(grep -ls '"image"' /var/lib/xenvm/*/memory)" ' ' 'the images are spent'
    systemctl --quiet disable "${units[@]/#/xenvm@}"
    for name in "${units[@]}"; do xenvm-cmd "$name" destroy; done >/dev/null 2>&1
    systemctl stop xenvm.target
}

# --- the power is cut

# COMMAND POINT STATE: where the host stops for ever in the command, and the VM's state when it is back. Two VMs at once
# where `+` is between them: what the second one writes may take along to the disk what the first one has.
cuts=(
    'suspend xenvm-worker writev:12:stop-before shutdown + suspend xenvm-worker rename:1:stop-before shutdown'
    'suspend xenvm-worker domctl_destroydomain:1:stop-after suspended + suspend xenvm-worker renameat2:1:stop-before suspended'
    'suspend xenvm-worker renameat2:1:stop-after suspended'
    'restore xenvm-worker rename:1:stop-before suspended + restore xenvm-worker fsync:2:stop-after shutdown'
    'restore xenvm domctl_unpausedomain:1:stop-after shutdown'
)
# cuts_of N: sets $these to those of a cut, and writes the configuration of a VM for each, cut0 and cut1
cuts_of() {
    local i
    mapfile -t these <<<"${cuts[$1]// + /$'\n'}"
    for i in "${!these[@]}"; do vm_config "cut$i" memory=48 cmdline+='lab.quiet lab.pattern=4' startup=shutdown; done
}

cut() {
    local i command program point marks=()
    cuts_of "$1"
    for i in "${!these[@]}"; do
        with_faults xenvm "$(vm_file "cut$i")"
        rm -f "$image$i"*
        marks[i]=$(guest_mark "cut$i")
        xenvm-cmd "cut$i" start
    done
    for i in "${!these[@]}"; do
        vm_ready "cut$i" "${marks[i]}"
        runs 'a guest' vm_pattern "cut$i"
        [[ ${these[i]} == suspend* ]] || runs 'suspended' xenvm-cmd "cut$i" suspend file="$image$i"
    done
    sync
    lab_keep
    for i in "${!these[@]}"; do
        read -r command program point _ <<<"${these[i]}"
        lay "$program" "$point"
        xenvm-cmd "cut$i" "$command" file="$image$i" >/dev/null 2>&1 &
        wait_for 60 sprung || bail "$command did not come to $point"
    done
    lab_cut
}

after_cut() {
    local i
    cuts_of "$1"
    for i in "${!these[@]}"; do found "cut$i" "$image$i" "${these[i]}"; done
}
# found VM IMAGE CUT: what is left of it
found() {
    local command program point wanted image=$2
    read -r command program point wanted <<<"$3"
    runs "the power was cut in $command, $point" xenvm "$(vm_file "$1")"
    is "$(vm_state "$1")" "$wanted" "the VM is $wanted"
    is "$(ls "$image".* 2>/dev/null)$(ls "/var/lib/xenvm/$(vm_uuid "$1")/writing" 2>/dev/null)" '' \
        'no image that is not whole is left'
    if [ "$wanted" = suspended ]; then
        is "$(vm_get "$1" image) $(ls "$image"*)" "$image $image" 'its image is there, and nothing beside it'
        runs 'it is restored' xenvm-cmd "$1" restore
        runs 'with all its memory' vm_pattern "$1"
    elif [ -e "$image" ]; then
        fails 'its image is void' xenvm-cmd "$1" restore file="$image"
        like "$output" 'it has been restored before, or given up' 'and the message says so'
        runs 'but for force=true' xenvm-cmd "$1" restore file="$image" force=true
        runs 'which brings its memory' vm_pattern "$1"
    fi
    vm_down "$1"
}

case $LAB_BOOT in
1) first_boot ;;
2)
    second_boot
    cut 0
    ;;
*)
    last=$((LAB_BOOT - 3))
    after_cut $last
    [ $((last + 1)) -eq ${#cuts[@]} ] || cut $((last + 1))
    ;;
esac
done_testing

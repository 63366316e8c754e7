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
units=(sus1 sus2 pvh1 down1 tiny1 tiny2 tiny3 tiny4 tiny5 tiny6)
linux=(sus1 sus2 pvh1 down1)
journal() { journalctl -b --no-pager -o cat -u "xenvm@$1" | grep -cE -- "$2"; }

first_boot() {
    local name
    /lab/tests/guest/tiny idle "$home/idle"
    truncate -s 1M "$home/disk"
    unit sus1 stop-method=suspend cmdline+='lab.quiet lab.pattern=4'
    unit sus2 stop-method=suspend suspend-dir="$home" cmdline+='lab.quiet lab.pattern=4'
    unit pvh1 type=pvh kernel=/lab/guest/vmlinuz stop-method=suspend cmdline+='lab.quiet lab.pattern=4'
    unit down1 disk="$home/disk:file:xvda:w:disk" cmdline+=lab.quiet
    tiny tiny1 stop-method=destroy
    tiny tiny2 stop-method=destroy startup=paused
    tiny tiny3 stop-method=leave
    tiny tiny4 stop-timeout=5
    tiny tiny5 stop-timeout=5 stop-fallback=destroy
    tiny tiny6 stop-method=destroy
    systemctl --quiet enable xenvm.target
    runs 'ten VMs' systemctl start xenvm.target
    for name in "${units[@]}"; do wait_for 120 active "$name" || fail "$name is not active"; done
    for name in "${linux[@]}"; do
        vm_ready "$name" 0
        guest_mark "$name" >"$home/mark.$name"
    done
    runs 'one writes to its disk' vm_shell down1 'echo kept | dd of=/dev/xvda conv=fsync 2>/dev/null'
    lab_reboot
}

second_boot() {
    local name
    for name in "${units[@]}"; do wait_for 180 active "$name" || fail "$name is not active"; done
    is "$(for name in "${units[@]}"; do vm_state "$name"; done | sort | uniq -c | tr -s ' ')" ' 1 created
 9 running' 'after a reboot of the host, all are back'
    for name in sus1 sus2 pvh1; do
        is "$(journal "$name" 'the last stop suspended the VM to .*: it is restored')" 1 "$name was suspended, and is restored"
        runs 'with all its memory' vm_goes_on "$name" "$(cat "$home/mark.$name")"
    done
    runs 'down1 was asked to shut down' guest_said down1 '^guest: obeys poweroff' "$(cat "$home/mark.down1")"
    runs 'has booted since' guest_wait down1 '^guest: ready' 180 "$(cat "$home/mark.down1")"
    is "$(head -n 1 "$home/disk")" kept 'and its disk has what it wrote'
    is "$(find /var/lib/xenvm "$home" -name '*.image*') $(grep -ls '"image"' /var/lib/xenvm/*/memory)" ' ' 'the images are spent'
    systemctl --quiet disable "${units[@]/#/xenvm@}"
    for name in "${units[@]}"; do xenvm-cmd "$name" destroy; done >/dev/null 2>&1
    systemctl stop xenvm.target
}

# --- the power is cut

vm='cut'
# COMMAND POINT STATE: where the host stops for ever in the command, and the VM's state when it is back.
cuts=(
    'suspend xenvm-worker rename:1:stop-before shutdown'
    'suspend xenvm-worker renameat2:1:stop-before suspended'
    'suspend xenvm-worker renameat2:1:stop-after suspended'
    'restore xenvm-worker rename:1:stop-before suspended'
    'restore xenvm-worker fsync:2:stop-after shutdown'
    'restore xenvm domctl_unpausedomain:1:stop-after shutdown'
)

cut() {
    local command program point
    read -r command program point _ <<<"${cuts[$1]}"
    vm_config cut memory=96 cmdline+='lab.quiet lab.pattern=4' startup=shutdown
    with_faults xenvm "$(vm_file cut)"
    rm -f "$image"*
    local mark
    mark=$(guest_mark cut)
    xenvm-cmd cut start && vm_ready cut "$mark"
    runs 'a guest' vm_pattern cut
    [ "$command" = suspend ] || runs 'suspended' xenvm-cmd cut suspend file="$image"
    sync
    lay "$program" "$point"
    lab_keep
    xenvm-cmd cut "$command" file="$image" >/dev/null 2>&1 &
    wait_for 60 sprung || bail "$command did not come to $point"
    lab_cut
}

after_cut() {
    local command program point wanted
    read -r command program point wanted <<<"${cuts[$1]}"
    vm_config cut memory=96 cmdline+='lab.quiet lab.pattern=4' startup=shutdown
    runs "the power was cut in $command, $point" xenvm "$(vm_file cut)"
    is "$(vm_state cut)" "$wanted" "the VM is $wanted"
    is "$(ls "$image".* 2>/dev/null)$(ls "/var/lib/xenvm/$(vm_uuid cut)/writing" 2>/dev/null)" '' \
        'no image that is not whole is left'
    if [ "$wanted" = suspended ]; then
        is "$(vm_get cut image) $(ls "$image"*)" "$image $image" 'its image is there, and nothing beside it'
        runs 'it is restored' xenvm-cmd cut restore
        runs 'with all its memory' vm_pattern cut
    elif [ -e "$image" ]; then
        fails 'its image is void' xenvm-cmd cut restore file="$image"
        like "$output" 'it has been restored before, or given up' 'and the message says so'
        runs 'but for force=true' xenvm-cmd cut restore file="$image" force=true
        runs 'which brings its memory' vm_pattern cut
    fi
    vm_down cut
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

# shellcheck shell=sh
# What the scripts that udev calls for Xen's devices have in common. To be sourced:
#   . /usr/libexec/xenvm/hotplug.sh
#
# udev calls SCRIPT ACTION with XENBUS_PATH, the backend's folder in xenstore: backend/vbd/DOMID/NUMBER; tap and
# block-frontend, which it calls for other things than backends, set it themselves. xenvm wrote what is in there; of
# what the guest may write nothing is read. The script answers there:
#   hotplug-status  connected: the device is ready; removed: nothing is left of it
#   hotplug-error   why it could not be made ready, in one line
# A device of somebody else's, xl's say, has another `script` there, and is left alone. What has to be undone is kept in a
# file of the device below $hotplug_state, which is there when xenstore's nodes are not any more.
set -u
export LC_ALL=C

hotplug_state=${XENVM_HOTPLUG_STATE:-/run/xenvm/hotplug}
other_end=frontend # the node of the folder that names the device's other end; there as long as the device is

node() { xenstore-read "$XENBUS_PATH/$1" 2>/dev/null; }
# Several of them, a line each, up to the first that is not there.   nodes NODE…
nodes() {
    for node; do
        set -- "$@" "$XENBUS_PATH/$node"
        shift
    done
    xenstore-read "$@" 2>/dev/null
}
say() { logger -t "xenvm-${0##*/}" -- "$XENBUS_PATH: $*" 2>/dev/null || :; }

# Not there only if xenstored says so: one that can't be reached says nothing.
is_there() {
    xenstore-exists "$XENBUS_PATH/$other_end" 2>/dev/null || ! xenstore-exists /local/domain/0 2>/dev/null
}

# Writes nodes, or fails. Leaves nothing if the folder has gone: a write makes it anew.   answer NODE VALUE…
answer() {
    is_there || return
    case $# in
    2) xenstore-write "$XENBUS_PATH/$1" "$2" ;;
    4) xenstore-write "$XENBUS_PATH/$1" "$2" "$XENBUS_PATH/$3" "$4" ;;
    *) xenstore-write "$XENBUS_PATH/$1" "$2" "$XENBUS_PATH/$3" "$4" "$XENBUS_PATH/$5" "$6" ;;
    esac
    written=$?
    # Or has it gone since?
    ! is_there || return "$written"
    take_back "$1" ${3:+"$3"} ${5:+"$5"}
    return 1
}

# Removes nodes that may have gone already, and the folder if nothing else is in there.   take_back NODE…
take_back() {
    for node; do xenstore-rm -t "$XENBUS_PATH/$node" 2>/dev/null || :; done
}

# Ends the script: the device can't be made ready.
refuse() {
    say "$*"
    answer hotplug-error "$*" hotplug-status error
    exit 1
}

# Sets $device, the file of what has to be undone, and checks what udev said. The backend of a device of ours names
# SCRIPT, one of those beside this one.   begin SCRIPT
begin() {
    case ${XENBUS_PATH:-} in
    backend/*/*/*/*) echo "${0##*/}: not a backend: $XENBUS_PATH" >&2 && exit 2 ;;
    backend/*[!a-z]*/*/* | backend/*/*[!0-9]*/* | backend/*/*/*[!0-9]*)
        echo "${0##*/}: not a backend: $XENBUS_PATH" >&2
        exit 2
        ;;
    backend/?*/?*/?*) ;;
    *) echo "${0##*/} is for udev, which sets XENBUS_PATH" >&2 && exit 2 ;;
    esac
    number=${XENBUS_PATH##*/}
    domid=${XENBUS_PATH#backend/*/}
    domid=${domid%%/*}
    device=${XENBUS_PATH#backend/}
    device=$hotplug_state/${device%%/*}-$domid-$number
    # Ours: what we made ready, or what xenvm wants us to make ready.
    [ -e "$device" ] || [ "$(node script)" = "${0%/*}/$1" ] || exit 0
    [ -d "$hotplug_state" ] || mkdir -p "$hotplug_state"
}

# The VM that a domain is, for a message.   owner [DOMID]
owner() {
    { read -r vm && read -r name; } <<EOF || :
$(xenstore-read "/local/domain/${1:-$domid}/vm" "/local/domain/${1:-$domid}/name" 2>/dev/null)
EOF
    echo "VM ${name:-of domain ${1:-$domid}} (${vm#/vm/})"
}

# One at a time of those who give out what can't be shared.
claim() {
    exec 9<"$hotplug_state"
    flock 9
}

# In the device's file.   note WHAT VALUE
note() { printf '%s %s\n' "$1" "$2" >>"$device"; }

forget() { sed -i "/^$1 /d" "$device"; }

# 7:12 of /dev/loop12.
number() {
    # shellcheck disable=SC2046 # two words
    set -- $(stat -L -c '0x%t 0x%T' "$1" 2>/dev/null)
    [ $# -eq 2 ] && echo "$(($1)):$(($2))"
}

# Says what this domain itself does with a block device: mounted, or part of a RAID, a volume group, an opened crypt. Fails
# where nothing.   host_uses MAJOR:MINOR
host_uses() {
    for part in "/sys/dev/block/$1" "/sys/dev/block/$1"/*/partition; do
        [ -e "$part" ] || continue
        [ -d "$part" ] || part=${part%/partition}
        majmin=$(cat "$part/dev")
        place=$(awk -v "dev=$majmin" '$3 == dev { print $5; exit }' /proc/self/mountinfo)
        [ -z "$place" ] || { echo "in use: mounted on $place" && return 0; }
        for holder in "$part"/holders/*; do
            [ -e "$holder" ] || continue
            [ ! -e "$holder/dm/name" ] || { echo "in use by $(cat "$holder/dm/name")" && return 0; }
            echo "in use by ${holder##*/}" && return 0
        done
    done
    while read -r swap _; do
        [ "$(number "$swap")" != "$1" ] || { echo "in use: swap" && return 0; }
    done </proc/swaps
    return 1
}

# --- interfaces of network cards: of the kernel's backend, and of a device model

# Sets $bridge, the guest's; or says what there is not.   find_bridge INTERFACE
find_bridge() {
    bridge=$(node bridge)
    [ -n "$bridge" ] || { echo "xenstore names no bridge" && return 1; }
    [ -e "/sys/class/net/$1" ] || { echo "there is no $1" && return 1; }
    case $bridge in
    */*) ;;
    *) [ ! -d "/sys/class/net/$bridge/bridge" ] || return 0 ;;
    esac
    echo "$bridge: this host has no such bridge"
    return 1
}

# One call of ip; or says what it complains about.   set_link INTERFACE WORD…
set_link() {
    said=$(ip link set dev "$@" 2>&1) || { echo "$bridge: ${said#RTNETLINK answers: }" && return 1; }
}

# Puts an interface on $bridge; or says why it can't.   join INTERFACE [WORD…]
join() {
    read -r mtu <"/sys/class/net/$bridge/mtu" || { echo "$bridge has gone" && return 1; }
    # Of the bridge's own MTU, so that it takes no other from this one.
    set_link "$@" mtu "$mtu" master "$bridge"
}

# Puts an interface on the guest's bridge, and up; or says why it can't.   bring_up INTERFACE
bring_up() {
    find_bridge "$1" || return
    { echo 1 >"/proc/sys/net/ipv6/conf/$1/disable_ipv6"; } 2>/dev/null || : # the host is not in the guest's network
    # An address that no bridge takes for its own.
    join "$1" down address fe:ff:ff:ff:ff:ff && set_link "$1" up
}

# shellcheck shell=bash
# shellcheck disable=SC2154 # lib.sh has set them
# For bash scripts that test xenvm, after lib.sh:  . /lab/tests/xenvm.sh
#
#   vm_config NAME [KEY=VALUE…]   writes NAME's configuration: the lab's guest with the unpacked kernel, in 64 MB,
#                                 of which it watches 1 MB. KEY= leaves a key out, cmdline+=TEXT adds to the
#                                 kernel's command line
#   vm_file NAME, vm_uuid NAME    that file, and the UUID in it, which is made from the name
#   vm_up NAME [KEY=VALUE…]       writes the configuration and starts the VM: returns when its user space is ready
#   vm_boot NAME                  the same with a configuration that is written already
#   vm_boot_bridged NAME NUMBER   and its two cards have an address on each of the host's bridges: 10.0.0.1NUMBER, 10.0.1.1NUMBER
#   vm_tiny NAME KIND [KEY=VALUE…]  the same with a guest of a few instructions: see guest/tiny. Returns at once
#   vm_down NAME                  no VM and no monitor any more, in whatever state they are
#   vm_state NAME                 the state, as the monitor says; nothing if there is none
#   vm_get NAME KEY               another line of its status
#   vm_is NAME STATE              succeeds if it is in that state
#   vm_xl NAME                    "domid memory vcpus" as Xen has them for its UUID; nothing if there is no domain
#   vm_seen NAME                  the same as its monitor has them
#   vm_as_xl NAME                 succeeds if the two agree; a guest brings its further processors up by and by
#   vm_letters NAME               what xl list shows of p s c d; r and b come and go
#   vm_domid NAME                 the domid that Xen has for its UUID
#   vm_moved NAME DOMID           succeeds if Xen has it under another domid
#   vm_ready NAME MARK            waits for the guest's user space; the mark is from before the start
#   vm_ticks NAME                 waits for the guest's next tick
#   vm_pattern NAME               asks the guest whether the memory that it watches is whole
#   vm_goes_on NAME MARK          and it has not booted since the mark
#   vm_round_trip NAME IMAGE MARK [ARG…]  suspended to the image, restored, and it goes on; ARG… is for suspend
#   vm_shell NAME COMMAND [SECONDS]  succeeds if the command does in the guest's shell; 60 s
#   vm_node NAME NODE             a node of the domain in xenstore
#   host_bridges                  xenbr0 and xenbr1, of 10.0.0.1/24 and 10.0.1.1/24
#   no_process PID                succeeds if there is no such process
# And a test:
#   refused STATUS REGEX NAME COMMAND…   passes if the command ends with STATUS and one line on standard error
#                                        that matches, and prints nothing else

vm_file() { echo "$lab_tmp/$1.cfg"; }

# Of the VMs that have a configuration, so as not to reckon them again.
declare -A vm_uuids=()
# The same in $vm_found, without a process.
vm_find_uuid() {
    vm_found=${vm_uuids[$1]:-$1}
    [[ $vm_found == *-*-*-*-* ]] ||
        vm_found=$(echo "$1" | md5sum | sed -E 's/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/\1-\2-\3-\4-\5/')
}
vm_uuid() { vm_find_uuid "$1" && echo "$vm_found"; }

vm_config() {
    local name=$1 pair key
    vm_find_uuid "$1"
    vm_uuids[$1]=$vm_found
    local -A keys=([uuid]=$vm_found [name]=$1 [kernel]=/lab/guest/vmlinux
        [initrd]=/lab/guest/initrd [cmdline]="console=hvc0 quiet $guest_quick lab.pattern=1" [memory]=64)
    shift
    for pair; do
        case $pair in
        cmdline+=*) keys[cmdline]+=" ${pair#*=}" ;;
        *) keys[${pair%%=*}]=${pair#*=} ;;
        esac
    done
    for key in "${!keys[@]}"; do
        [ -z "${keys[$key]}" ] || echo "$key = ${keys[$key]}"
    done >"$(vm_file "$name")"
}

# Sets $vm_value to another line of its status.
vm_find() {
    local said
    vm_find_uuid "$1"
    said=$'\n'$(xenvm-cmd "$vm_found" status 2>/dev/null)$'\n'
    vm_value=${said#*$'\n'"$2: "}
    if [ "$vm_value" = "$said" ]; then vm_value=; else vm_value=${vm_value%%$'\n'*}; fi
}
vm_get() { vm_find "$1" "$2" && [ -z "$vm_value" ] || echo "$vm_value"; }
vm_state() { vm_get "$1" state; }
vm_is() { vm_find "$1" state && [ "$vm_value" = "$2" ]; }
# Sets $vm_value to "domid memory vcpus".
vm_find_seen() {
    local said key seen=''
    vm_find_uuid "$1"
    said=$'\n'$(xenvm-cmd "$vm_found" status 2>/dev/null)$'\n'
    vm_value=
    for key in domid memory vcpus; do
        case $said in *$'\n'"$key: "*) ;; *) return ;; esac
        seen=${said#*$'\n'"$key: "}
        vm_value+=${vm_value:+ }${seen%%$'\n'*}
    done
}
vm_seen() { vm_find_seen "$1" && [ -z "$vm_value" ] || echo "$vm_value"; }

vm_as_xl() {
    local seen
    vm_find_seen "$1"
    seen=$vm_value
    vm_find_xl "$1"
    [ -n "$vm_value" ] && [ "$vm_value" = "$seen" ]
}
# Sets $vm_value to what vm_xl prints: a line of each domain.
vm_find_xl() {
    local IFS=$'\n' said line
    vm_find_uuid "$1"
    said=$(xl list -v)
    vm_value=
    for line in $said; do
        [[ $line == *"$vm_found"* && $line =~ ^[^\ ]+\ +([0-9]+)\ +([0-9]+)\ +([0-9]+)\  ]] || continue
        vm_value+=${vm_value:+$'\n'}"${BASH_REMATCH[1]} ${BASH_REMATCH[2]} ${BASH_REMATCH[3]}"
    done
}
vm_xl() { vm_find_xl "$1" && [ -z "$vm_value" ] || echo "$vm_value"; }
vm_domid() {
    local IFS=$'\n' line
    vm_find_xl "$1"
    for line in $vm_value; do echo "${line%% *}"; done
}
vm_letters() {
    local letters
    letters=$(guest_state "$1")
    echo "${letters//[rb]/}"
}
vm_moved() {
    vm_find_xl "$1"
    [ -n "$vm_value" ] && [ "${vm_value%% *}" != "$2" ]
}
vm_node() {
    vm_find_xl "$1"
    xenstore-read "/local/domain/${vm_value%% *}/$2" 2>&1
}

vm_ready() { guest_wait "$1" '^guest: ready' 180 "$2"; }
vm_ticks() { guest_wait "$1" '^tick ' 60; }
vm_shell() { guest_ask "$1" "sh $2" '^status ' "${3:-60}" && [[ $guest_line == 'status 0' ]]; }
vm_pattern() { guest_ask "$1" check '^pattern ok' 60; }
vm_goes_on() { vm_pattern "$1" && ! guest_said "$1" '^guest: up|BAD' "$2"; }
vm_round_trip() {
    xenvm-cmd "$1" suspend file="$2" "${@:4}" && vm_is "$1" suspended && xenvm-cmd "$1" restore file="$2" &&
        vm_goes_on "$1" "$3"
}

vm_boot() {
    local mark
    mark=$(guest_mark "$1")
    xenvm "$(vm_file "$1")" && vm_ready "$1" "$mark"
}

vm_boot_bridged() {
    vm_boot "$1" && vm_shell "$1" "ip addr add 10.0.0.1$2/24 dev eth0; ip addr add 10.0.1.1$2/24 dev eth1; ip link set eth0 up; ip link set eth1 up"
}

vm_up() {
    vm_config "$@"
    vm_boot "$1"
}

vm_tiny() {
    local name=$1 kind=$2
    shift 2
    [ -e "$lab_tmp/$kind" ] || /lab/tests/guest/tiny "$kind" "$lab_tmp/$kind" || return
    vm_config "$name" "kernel=$lab_tmp/$kind" initrd= cmdline= memory=4 "$@"
    xenvm "$(vm_file "$name")"
}

host_bridges() {
    for n in 0 1; do
        ip link add xenbr$n type bridge
        ip addr add 10.0.$n.1/24 dev xenbr$n
        ip link set xenbr$n up
    done
}

no_process() { ! kill -0 "$1" 2>/dev/null; }

# With the monitor's means as far as they go; what they do not remove, `world_is` must see.
vm_down() {
    local uuid pid
    uuid=$(vm_uuid "$1")
    pid=$(vm_get "$uuid" pid)
    [ -n "$pid" ] || return 0
    ! vm_is "$uuid" suspended || xenvm-cmd "$uuid" start discard=true paused=true
    [ -z "$(vm_get "$uuid" domid)" ] || xenvm-cmd "$uuid" destroy
    xenvm-cmd "$uuid" quit
    wait_for 20 no_process "$pid"
}

refused() {
    local wanted=$1 regex=$2 name=$3
    shift 3
    status=0
    "$@" >"$lab_tmp/output" 2>"$lab_tmp/error" || status=$?
    output=$(<"$lab_tmp/error")
    [[ $status -eq $wanted && ! -s $lab_tmp/output && $output != *$'\n'* && $output =~ $regex ]]
    ok $? "$name" || {
        note "$* ended with $status (wanted $wanted) and said:"
        note "$output"
        note "$(cat "$lab_tmp/output")"
        note "wanted: one line like $regex"
    }
}

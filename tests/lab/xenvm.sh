# shellcheck shell=bash
# shellcheck disable=SC2154 # lib.sh has set them
# For bash scripts that test xenvm, after lib.sh:  . /lab/tests/xenvm.sh
#
#   vm_config NAME [KEY=VALUE…]   writes NAME's configuration: the lab's guest with the unpacked kernel, in 128 MB,
#                                 of which it watches 1 MB. KEY= leaves a key out, cmdline+=TEXT adds to the
#                                 kernel's command line
#   vm_file NAME, vm_uuid NAME    that file, and the UUID in it, which is made from the name
#   vm_up NAME [KEY=VALUE…]       writes the configuration and starts the VM: returns when its user space is ready
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
#   vm_node NAME NODE             a node of the domain in xenstore
#   no_process PID                succeeds if there is no such process
# And a test:
#   refused STATUS REGEX NAME COMMAND…   passes if the command ends with STATUS and one line on standard error
#                                        that matches, and prints nothing else

vm_file() { echo "$lab_tmp/$1.cfg"; }

# Of the VMs that have a configuration, so as not to reckon them again.
declare -A vm_uuids=()
vm_uuid() {
    if [[ $1 == *-*-*-*-* ]]; then
        echo "$1"
    elif [ -n "${vm_uuids[$1]:-}" ]; then
        echo "${vm_uuids[$1]}"
    else
        echo "$1" | md5sum | sed -E 's/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/\1-\2-\3-\4-\5/'
    fi
}

vm_config() {
    local name=$1 pair key
    vm_uuids[$1]=$(vm_uuid "$1")
    local -A keys=([uuid]=$(vm_uuid "$1") [name]=$1 [kernel]=/lab/guest/vmlinux
        [initrd]=/lab/guest/initrd [cmdline]="console=hvc0 quiet $guest_quick lab.pattern=1" [memory]=128)
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

vm_get() {
    local line
    xenvm-cmd "$(vm_uuid "$1")" status 2>/dev/null | while IFS= read -r line; do
        case $line in "$2: "*) echo "${line#"$2: "}" ;; esac
    done
}
vm_state() { vm_get "$1" state; }
vm_is() { [ "$(vm_state "$1")" = "$2" ]; }
vm_seen() {
    xenvm-cmd "$(vm_uuid "$1")" status 2>/dev/null |
        awk -F ': ' '{ of[$1] = $2 } END { if ("domid" in of) print of["domid"], of["memory"], of["vcpus"] }'
}

vm_as_xl() { [ -n "$(vm_xl "$1")" ] && [ "$(vm_seen "$1")" = "$(vm_xl "$1")" ]; }
vm_xl() { xl list -v | awk -v "uuid=$(vm_uuid "$1")" 'index($0, uuid) { print $2, $3, $4 }'; }
vm_domid() { vm_xl "$1" | cut -d ' ' -f 1; }
vm_letters() { guest_state "$1" | tr -d rb; }
vm_moved() {
    local now
    now=$(vm_domid "$1")
    [ -n "$now" ] && [ "$now" != "$2" ]
}
vm_node() { xenstore-read "/local/domain/$(vm_domid "$1")/$2" 2>&1; }

vm_ready() { guest_wait "$1" '^guest: ready' 180 "$2"; }
vm_ticks() { guest_wait "$1" '^tick ' 60; }
vm_pattern() { guest_ask "$1" check '^pattern ok' 60; }

vm_up() {
    local mark
    mark=$(guest_mark "$1")
    vm_config "$@"
    xenvm "$(vm_file "$1")" && vm_ready "$1" "$mark"
}

vm_tiny() {
    local name=$1 kind=$2
    shift 2
    [ -e "$lab_tmp/$kind" ] || /lab/tests/guest/tiny "$kind" "$lab_tmp/$kind" || return
    vm_config "$name" "kernel=$lab_tmp/$kind" initrd= cmdline= memory=4 "$@"
    xenvm "$(vm_file "$name")"
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

# shellcheck shell=bash
# shellcheck disable=SC2154 # lib.sh has set them
# For the tests with faults (shim/fault.c), after lib.sh and xenvm.sh:  . /lab/tests/faults.sh
#
#   with_faults COMMAND [ARG…]       runs xenvm so that faults can be laid for it and its workers
#   lay PROGRAM FUNCTION:N:WHAT      lays a fault for xenvm or xenvm-worker: kill-before, kill-after, fail=ERRNO, or
#                                    stop-before and stop-after, for when it is the host that is to go
#   sprung                           succeeds if it happened
#   points PROGRAM COMMAND [ARG…]    runs the command and sets the array $points: FUNCTION:N of every call of the
#                                    program, of each function the first, and with LAB_THOROUGH, of many calls one
#                                    in the middle and the last
#   no_worker                        succeeds if no xenvm-worker is there
#   traces                           what `world` tells, as far as VMs alone leave it; $image is where their images are.
#                                    Takes a fraction of its time
#   traces_are FILE                  succeeds if that is what FILE has, soon; or adds the difference to $trouble
#   ask COMMAND [ARG…]               gives $vm a command; its errors alone are seen
#   killed POINT COMMAND ARG…        kills the monitor of $vm in the middle of a command and starts another; says
#                                    in $trouble what is wrong, and in $found the state that the new one finds
#   has_domains N                    adds to $trouble where the VM has not so many domains, soon
#   verdict NAME                     a test: there was no trouble
#   each POINT                       the point, with kill-before unless it says otherwise
fault_so=/lab/tests/shim/fault.so
fault_file=$lab_tmp/fault
fault_serial=0
[ -e $fault_so ] || bail "there is no $fault_so: is tests/lab/shim built?"

with_faults() {
    # The sanitizers want to be the first library.
    LD_PRELOAD=$fault_so FAULT_FILE=$fault_file ASAN_OPTIONS=verify_asan_link_order=0:${ASAN_OPTIONS:-} "$@"
}

lay() {
    fault_serial=$((fault_serial + 1))
    echo "$fault_serial $1 $2" >"$fault_file.new"
    mv "$fault_file.new" "$fault_file"
}
sprung() { [ ! -e "$fault_file" ]; }

points() {
    local program=$1
    shift
    rm -f "$fault_file.log"
    lay "$program" log
    "$@" >/dev/null 2>&1
    rm -f "$fault_file"
    # shellcheck disable=SC2034 # it is for the caller
    mapfile -t points < <(awk -v "program=$program" -v "thorough=${LAB_THOROUGH:-}" '
        $1 == program { order[NR] = $2; if ($3 > count[$2]) count[$2] = $3 }
        END {
            for (i = 1; i <= NR; i++) {
                name = order[i]
                if (name == "" || name in done) continue
                done[name] = 1
                print name ":1"
                if (thorough && count[name] > 2) print name ":" int((count[name] + 1) / 2)
                if (thorough && count[name] > 1) print name ":" count[name]
            }
        }' "$fault_file.log")
}

no_worker() { ! process_runs xenvm-worker; }

traces() {
    xl list | awk 'NR > 1 { print $2 }'
    xenstore-list /local/domain
    xenstore-list /vm
    printf '%s\n' /run/xenvm/* "$image"*
    no_worker || :
}
traces_same() { traces >"$lab_tmp/traces" && cmp -s "$1" "$lab_tmp/traces"; }
traces_are() { wait_for 5 traces_same "$1" || trouble+=" left: $(diff "$1" "$lab_tmp/traces" | grep '^[<>]');"; }

# --- a monitor that is killed: $vm is the VM

ask() { xenvm-cmd --json "$vm" "$@" >/dev/null; }
new_monitor() { with_faults xenvm "$(vm_file "$vm")"; }
domains() {
    vm_find_uuid "$vm"
    xl list -v | grep -c "$vm_found"
}

killed() {
    local pid point=$1
    shift
    trouble=
    pid=$(vm_get "$vm" pid)
    lay xenvm "$point"
    ask "$@" >/dev/null 2>&1 && trouble="the command succeeded;"
    wait_for 20 no_process "$pid" || trouble+=" the monitor was not killed;"
    sprung || trouble+=" the fault did not happen;"
    rm -f "$fault_file"
    wait_for 10 no_worker || trouble+=" a worker is left;"
    new_monitor >"$lab_tmp/new" 2>&1 || trouble+=" no new monitor: $(cat "$lab_tmp/new");"
    wait_for 10 no_worker || trouble+=" a worker works;"
    # shellcheck disable=SC2034 # it is for the caller
    found=$(vm_state "$vm")
}
domains_are() { [ "$(domains)" -eq "$1" ]; }
has_domains() { wait_for 5 domains_are "$1" || trouble+=" $(domains) domains;"; }
verdict() { is "$trouble" '' "$1"; }
each() { case $1 in *:*:*) echo "$1" ;; *) echo "$1:kill-before" ;; esac; }

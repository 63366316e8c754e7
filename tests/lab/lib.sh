# shellcheck shell=bash
# For bash scripts with tests in dom0:  . /lab/tests/lib.sh
#
# TAP. The name of a test comes last where there is something to compare, first where there is a command to run.
#   plan N                     how many tests there will be; or else done_testing counts them
#   ok STATUS NAME             passes if STATUS is 0:  some_command; ok $? 'it works'
#   is GOT WANTED NAME         passes if the two are the same
#   like GOT REGEX NAME        passes if a line of GOT matches (grep -E)
#   runs NAME COMMAND [ARG…]   passes if the command succeeds; what it printed is in $output
#   fails NAME COMMAND [ARG…]  passes if it fails; its exit status is in $status, what it printed in $output
#   pass NAME, fail NAME       as said
#   note TEXT                  a remark
#   skip_all WHY               ends the script: nothing to test here
#   bail WHY                   ends the script: no use going on
#   done_testing               ends the script: status 1 if a test failed
#
#   wait_for SECONDS COMMAND [ARG…]     tries until it succeeds: 0, or 1 if it hasn't in that time
#   lab_reboot                          ends the script; the host goes down, boots again from its disk, and runs the script
#                                       from its beginning with a higher LAB_BOOT (1 at first): for `lab run --reboots`
#   lab_cut                             the same, but the host's power is cut
#   lab_keep                            what has been counted outlives a cut from here on
#   process_runs NAME                   succeeds if there is a process of that name
#   world, world_is FILE NAME           see at the end
# Guests: guest_*, below.

lab_ran=0
lab_failed=0
lab_planned=
lab_ended=
lab_tmp=$(mktemp -d /tmp/lab-tap.XXXXXX)
# To start a process is what takes longest in an emulated host, and a subshell is half of one. What is called often
# does without them as far as can be: it leaves what it finds in a variable. What comes out of a pipe, `read` takes
# byte by byte: more than a few lines are cheaper by $(…), and taken to pieces there.
exec {lab_silence}<> <(:) # from which nothing comes
trap lab_exit EXIT
trap 'exit 143' TERM INT HUP

# What earlier boots have counted.
[ "${LAB_BOOT:-1}" -eq 1 ] || [ ! -e /lab/counts ] || read -r lab_ran lab_failed </lab/counts

lab_keep() {
    echo "$lab_ran $lab_failed" >/lab/counts
    sync /lab/counts "${LAB_LOG:-/lab/counts}"
}
lab_reboot() {
    lab_keep
    lab_ended=yes
    exit 64
}
lab_cut() {
    lab_ended=yes
    exit 65
}

lab_exit() {
    lab_status=$?
    rm -rf "$lab_tmp"
    [ -n "$lab_ended" ] || {
        echo "# the script ended (status $lab_status) without done_testing, after $lab_ran tests"
        exit 1
    }
}

plan() {
    lab_planned=$1
    echo "1..$1"
}

note() { printf '%s\n' "$*" | sed 's/^/# /'; }

ok() {
    lab_ran=$((lab_ran + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $lab_ran - $2"
        return 0
    fi
    lab_failed=$((lab_failed + 1))
    echo "not ok $lab_ran - $2"
    return 1
}
pass() { ok 0 "$1"; }
fail() { ok 1 "$1"; }

is() {
    [ "$1" = "$2" ]
    ok $? "$3" || {
        note "got:    $1"
        note "wanted: $2"
        return 1
    }
}

like() {
    grep -qE -- "$2" <<<"$1"
    ok $? "$3" || {
        note "got:    $1"
        note "wanted: a line like $2"
        return 1
    }
}

lab_capture() {
    # Not in a subshell: the command may be a function that sets variables.
    status=0
    "$@" >"$lab_tmp/output" 2>&1 || status=$?
    output=
    # Here cat would be a process more for each test.
    while IFS= read -r lab_line || [ -n "$lab_line" ]; do
        output=$output${output:+
}$lab_line
    done <"$lab_tmp/output"
}

runs() {
    lab_name=$1
    shift
    lab_capture "$@"
    ok "$status" "$lab_name" || {
        note "$* ended with $status and said:"
        note "$output"
        return 1
    }
}

fails() {
    lab_name=$1
    shift
    lab_capture "$@"
    [ "$status" -ne 0 ]
    ok $? "$lab_name" || {
        note "$* succeeded and said:"
        note "$output"
        return 1
    }
}

skip_all() {
    echo "1..0 # SKIP $*"
    lab_ended=yes
    exit 0
}

bail() {
    echo "Bail out! $*"
    lab_ended=yes
    exit 1
}

done_testing() {
    lab_ended=yes
    if [ -z "$lab_planned" ]; then
        echo "1..$lab_ran"
    elif [ "$lab_planned" -ne "$lab_ran" ]; then
        note "planned $lab_planned tests but ran $lab_ran"
        exit 1
    fi
    [ "$lab_failed" -eq 0 ] || exit 1
    exit 0
}

# Sets $lab_time to the whole seconds since boot: not disturbed by a clock being set.
lab_now() {
    read -r lab_time _ </proc/uptime
    lab_time=${lab_time%%.*}
}

wait_for() {
    lab_now
    local until=$((lab_time + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        lab_now
        [ "$lab_time" -lt "$until" ] || return 1
        read -r -t 0.2 -u "$lab_silence" || :
    done
}

# --- guests

# What a Linux guest can do without when it boots: almost half of its instructions. norandmaps as in dom0
# (host-side.sh). noaperture: where the processor is as old as the lab's, an HVM guest looks through all of PCI for an AGP
# bridge, twice.
guest_quick='norandmaps mitigations=off rodata=off cryptomgr.notests ipv6.disable=1 apparmor=0 iommu=noaperture'
guest_quick="$guest_quick initcall_blacklist=crypto_algapi_init,crypto_kdf108_init,load_system_certificate_list"
guest_quick=$guest_quick,init_encrypted,init_kprobe_trace,init_blk_tracer,serial8250_init,digsig_init,init_zswap,i8042_init

# The log of a guest's console, kept by xenconsoled. A guest that is started again adds to it.
guest_log() { echo "/var/log/xen/console/guest-$1.log"; }

# The present end of that log, to be given to guest_wait.
guest_mark() { stat -c %s "$(guest_log "$1")" 2>/dev/null || echo 0; }

# Has a line that matches come since?   guest_said NAME REGEX MARK    The line is left in $guest_line.
guest_said() {
    # shellcheck disable=SC2034 # it is for the caller
    guest_line=$(tail -c "+$(($3 + 1))" "$(guest_log "$1")" 2>/dev/null | tr -d '\r' | grep -aE -m 1 -- "$2")
}

# Opens a log as $lab_log, from there on. It is `tail` that waits for more: no polling.   lab_follow NAME WHERE
lab_follow() { exec {lab_log}< <(exec tail -c "$2" -F "/var/log/xen/console/guest-$1.log" 2>/dev/null); }

# Waits for a line of it that matches, or a prompt, and leaves it in $guest_line.   lab_await NAME REGEX SECONDS
lab_await() {
    local part until ended
    lab_now
    until=$((lab_time + $3))
    guest_line=
    while :; do
        ended=0
        IFS= read -r -t 1 -u "$lab_log" part || ended=$?
        guest_line+=${part//$'\r'/}
        [[ -n $guest_line && $guest_line =~ $2 ]] && break
        [ "$ended" -ne 0 ] || guest_line=
        lab_now
        [ "$lab_time" -lt "$until" ] || {
            exec {lab_log}<&-
            echo "no line like '$2' from $1 in $3 s; its last ones:"
            tail -n 5 "$(guest_log "$1")" 2>&1
            return 1
        }
    done
    exec {lab_log}<&-
}

# Waits for such a line, and leaves it in $guest_line.   guest_wait NAME REGEX SECONDS [MARK]    Without a mark: a line
# from now on.
guest_wait() {
    lab_follow "$1" "+$((${4:-$(guest_mark "$1")} + 1))"
    lab_await "$1" "$2" "$3"
}

# Sets $lab_tty to a guest's console. The domain of a guest of that name is remembered, but must still have it.
declare -A lab_domids=()
lab_find_tty() {
    local name domid=$1
    case $1 in *[!0-9]*) domid=${lab_domids[$1]:-} ;; esac
    for _ in 1 2; do
        [ -z "$domid" ] || {
            { read -r name && read -r lab_tty; } < <(xenstore-read "/local/domain/$domid/name" \
                "/local/domain/$domid/console/tty" 2>/dev/null) && [[ $name == "$1" || $domid == "$1" ]] && return
        }
        domid=$(xl domid "$1" 2>/dev/null) || break
        lab_domids[$1]=$domid
    done
    echo "no guest $1"
    return 1
}

# Writes a line to a guest's console.   guest_say NAME-OR-DOMID LINE
guest_say() { lab_find_tty "$1" && printf '%s\n' "$2" >"$lab_tty"; }

# Says something and waits for the answer.   guest_ask NAME LINE REGEX SECONDS
guest_ask() {
    lab_find_tty "$1" || return
    lab_follow "$1" 1
    # The last byte that there is: `tail` has come to the end.
    read -r -N 1 -t 30 -u "$lab_log" || echo "nothing from $1 yet"
    printf '%s\n' "$2" >"$lab_tty"
    lab_await "$1" "$3" "$4"
}

# What Xen says of a guest, as letters of r b p s c d: guest_state NAME
guest_state() {
    local said words
    said=$(xl list "$1" 2>/dev/null) || return 0
    read -ra words <<<"${said##*$'\n'}"
    echo "${words[4]//-/}"
}
guest_has_state() { [[ $(guest_state "$1") == *"$2"* ]]; }
guest_gone() { ! xl domid "$1"; }

# --- the world: all that a virtual machine can leave behind in a host

# The contents of files of one line, after a word and the name of a folder above:  lab_lines WORD FILE…
lab_lines() {
    lab_word=$1
    shift
    for lab_file; do
        { read -r lab_line <"$lab_file"; } 2>/dev/null && echo "$lab_word $lab_line"
    done
}

process_runs() { grep -qsxF -- "$1" /proc/[0-9]*/comm; }

# With as few processes as can be: it is called often.
world() {
    {
        xl list | awk 'NR > 1 && $2 != 0 { print "domain", $2, $1 }'
        # Names only, what is in them changes. Not the folders that Xen's tools never remove once made.
        xenstore-ls -f | awk '{ sub(/ = .*/, "") }
            /^\/(vm|libxl|local\/domain)$/ || /^\/local\/domain\/0\/(backend|device-model)(\/[a-z0-9]+)?$/ { next }
            /^\/local\/domain\/0(\/|$)/ && !/^\/local\/domain\/0\/(backend|device-model)\// { next }
            /^\/(vm|libxl|local\/domain)\// { print "xenstore", $0 }'
        lab_lines loop /sys/block/loop*/loop/backing_file
        lab_lines dm /sys/block/dm-*/dm/name
        printf 'link %s\n' /sys/class/net/*
        grep -hsE '^(xenvm|(xen-)?qemu)' /proc/[0-9]*/comm
        find /run/xenvm -mindepth 1 ! -path /run/xenvm/hotplug -printf 'file %p\n' 2>/dev/null
        # What is kept of every VM that was ever suspended, unless it names an image.
        find /var/lib/xenvm -mindepth 1 ! -type d ! -name memory -printf 'file %p\n' 2>/dev/null
        grep -ls '"image"' /var/lib/xenvm/*/memory
        printf 'file %s\n' /tmp/xenvm*
    } | sort
}

lab_world_same() { world >"$lab_tmp/world" && cmp -s "$1" "$lab_tmp/world"; }

# Is the world as it was when `world >FILE` was called? Xen takes a moment to release a domain's last page, so it
# has five seconds.   world_is FILE NAME
world_is() {
    wait_for 5 lab_world_same "$1"
    ok $? "$2" || {
        note "$(diff "$1" "$lab_tmp/world" | grep '^[<>]')"
        return 1
    }
}

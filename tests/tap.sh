# shellcheck shell=bash
# For tests that are scripts and need no Xen, to be sourced: TAP's lines. (The lab's have lab/lib.sh.)
#   needs PROGRAM                    or the whole test is skipped
#   ok STATUS NAME [WHAT-IS-WRONG]   one assertion
#   is GOT WANTED NAME
#   done_testing                     the plan; fails where an assertion has
ran=0
failed=0

needs() {
    command -v "$1" >/dev/null && return
    echo "1..0 # SKIP $1 is not installed"
    exit 77
}

ok() {
    ran=$((ran + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $ran - $2"
    else
        failed=$((failed + 1))
        echo "not ok $ran - $2"
        [ -z "${3:-}" ] || printf '%s\n' "$3" | sed 's/^/# /'
    fi
}

is() {
    [ "$1" = "$2" ]
    ok $? "$3" "got:    $1"$'\n'"wanted: $2"
}

done_testing() {
    echo "1..$ran"
    [ "$failed" -eq 0 ]
}

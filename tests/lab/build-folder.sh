# shellcheck shell=sh
# For the scripts that make a part of the lab; sourced by them. Sets $tmp, a folder to work in, which is gone when the
# script ends.
#   patiently COMMAND…   runs it, so that a signal to the script ends it: a shell waits with its traps for what it runs
#                        itself

tmp=$(mktemp -d "${TMPDIR:-/var/tmp}/xenvm-lab-build.XXXXXX")
child=
# shellcheck disable=SC2317 # called by the trap
cleanup() {
    [ -z "$child" ] || { kill "$child" && wait "$child"; } 2>/dev/null || :
    rm -rf --one-file-system "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

patiently() {
    "$@" &
    child=$!
    wait "$child"
    child=
}

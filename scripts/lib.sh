# shellcheck shell=bash
# What scripts/demo and scripts/check have in common: how they talk, and the set-up. To be sourced.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=$project/build/logs
cd "$project" || exit
mkdir -p "$logs" || exit

bold='' dim='' red='' green='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    # shellcheck disable=SC2034 # for those who source this
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
fi

now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# Milliseconds for people: 850 ms, 12.3 s, 4 min 05 s.
duration() {
    if [ "$1" -lt 1000 ]; then
        echo "$1 ms"
    elif [ "$1" -lt 100000 ]; then
        printf '%d.%d s\n' $(($1 / 1000)) $(($1 % 1000 / 100))
    else
        printf '%d min %02d s\n' $(($1 / 60000)) $(($1 % 60000 / 1000))
    fi
}

# One part of the set-up: says what it is and how long it took; what it prints comes after the name, indented.
#   part NAME FUNCTION [ARG…]
part() {
    local name=$1 began
    shift
    began=$(now_ms)
    echo "- $name"
    "$@" 2>&1 | sed -u 's/^/    /'
    [ "${PIPESTATUS[0]}" -eq 0 ] || return 1
    echo "    $(duration $(($(now_ms) - began)))"
}

# What is missing of them, and that it is being installed, scripts/setup says itself.
#   setup_packages [PART…]
setup_packages() { ./scripts/setup "$@"; }

# The lab says itself when it has to make the image. What it prints to its standard output is where the image is.
setup_lab() { ./tests/lab/lab build "$@" >/dev/null; }

# Quiet but for what it does, and for the end of the log where it fails.   setup_build PRESET
setup_build() {
    local log=$logs/build-$1.log
    [ -e "build/$1/CMakeCache.txt" ] || echo "configuring and compiling, about a minute"
    { cmake --preset "$1" && cmake --build --preset "$1" --parallel "$(nproc)"; } >"$log" 2>&1 || {
        grep -E '(error|warning|Error|missing)' "$log" | head -n 20
        echo "the whole log: $log"
        return 1
    }
}

#!/bin/bash
# Do the manual pages say what the programs do?   tests/man-pages.sh BUILD-FOLDER
# Prints TAP. Needs no Xen: configurations are judged by `xenvm --check`, commands by the client's own check of its
# arguments, which comes before it looks for a monitor.
set -u
build=$(cd "$1" && pwd) || exit
tests=$(cd "$(dirname "$0")" && pwd) || exit
man=$tests/../man
xenvm=$build/monitor/xenvm
client=$build/cmd-client/xenvm-cmd
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/sockets"

# shellcheck source=tap.sh source-path=SCRIPTDIR
. "$tests/tap.sh"
needs mandoc

# The marked examples of a page, into $tmp/PAGE.1, .2 …, as a reader would copy them. Prints how many.
examples() {
    sed -e 's/\\e/\\/g' -e 's/\\&//g' "$man/$1" | awk -v to="$tmp/$1." '
        /^\.\\" BEGIN example/ { inside = 1; count++; next }
        /^\.\\" END example/ { inside = 0; close(to count) }
        inside && !/^\.(Bd|Ed)/ { print >(to count) }
        END { print count + 0 }'
}

# The words of a page, as printed, in one line.
words() { mandoc -T ascii "$man/$1" | sed 's/.\x08//g' | tr -s ' \n' ' '; }

# Entries of a page's lists.   items PAGE MACRO
items() { sed -n "s/^\.It $2 \([^ ]*\).*/\1/p" "$man/$1"; }

same() { diff <(printf '%s\n' "$1" | sort) <(printf '%s\n' "$2" | sort) | sed -n -e 's/^</only the program:/p' -e 's/^>/only the page:/p'; }

# --- xenvm.cfg(5)

count=$(examples xenvm.cfg.5)
[ "$count" -gt 0 ]
ok $? "xenvm.cfg(5) has examples"
for i in $(seq "$count"); do
    said=$("$xenvm" --check "$tmp/xenvm.cfg.5.$i" 2>&1)
    ok $? "xenvm.cfg(5): example $i passes xenvm --check" "$said"
done

# The table's first column, without aliases.
table=$("$xenvm" --list-keys | sed 1d)
keys=$(sed 's/  .*//; s/,.*//' <<<"$table")
difference=$(same "$keys" "$(items xenvm.cfg.5 Ic)")
[ -z "$difference" ]
ok $? 'xenvm.cfg(5) has an entry for every key, and for no other' "$difference"
for alias in $("$xenvm" --list-keys | sed -n 's/^[a-z_-]*, \([a-z_-]*\) .*/\1/p'); do
    grep -qE "^\.(Pq also )?.*Ic $alias( |$)" "$man/xenvm.cfg.5"
    ok $? "xenvm.cfg(5) tells of $alias, another name of a key"
done
for key in $keys; do
    fallback=$(awk -v key="$key" '$1 == key || $1 == key "," { sub(/^[^ ]+, [^ ]+/, key); print }' <<<"$table" |
        sed 's/  */\t/' | cut -f 2 | sed -E 's/^(absolute path|[0-9.-]+ (MiB|seconds)|[^ ]+) +([^ ]+) .*/\3/')
    [ "$fallback" != - ] || continue
    sed -n "/^\.It Ic $key No/,/^\.It Ic/p" "$man/xenvm.cfg.5" | tr '\n' ' ' |
        grep -qE "default is ([0-9a-z]+ on_[a-z]+ )?(\.Cm )?$fallback( |,|\.)"
    ok $? "xenvm.cfg(5): the default of $key is $fallback"
done

# --- xenvm-cmd(1)

count=$(examples xenvm-cmd.1)
[ "$count" -gt 0 ]
ok $? "xenvm-cmd(1) has examples"
for i in $(seq "$count"); do
    while IFS= read -r line; do
        # Status 3 is "no monitor there", 2 a wrong usage. What follows || is a command of its own.
        wrong=
        while IFS= read -r part; do
            read -r -a argv <<<"$part"
            said=$(XENVM_SOCKET_DIR=$tmp/sockets "$client" "${argv[@]:1}" 2>&1)
            case $? in 0 | 3) ;; *) wrong="$part: $said" ;; esac
        done <<<"${line// || /$'\n'}"
        [ -z "$wrong" ]
        ok $? "xenvm-cmd(1): the client accepts: $line" "$wrong"
    done < <(sed 's/^\$ //' "$tmp/xenvm-cmd.1.$i")
done

# The client's usage of a command, which comes from the one table of commands, is the head of its entry.
page=$(words xenvm-cmd.1)
commands=$("$client" help | sed -n '/^Commands:/,/^$/s/^  \([a-z][^ ,]*\).*/\1/p')
for command in $commands; do
    usage=$("$client" help "$command" | sed -n 's/^usage: xenvm-cmd VM //p' | tr '[:upper:]' '[:lower:]')
    # `help` has an argument that the monitor never sees.
    [ "$command" != help ] || usage='help [command]'
    case $page in *" $usage "*) true ;; *) false ;; esac
    ok $? "xenvm-cmd(1) has: $usage"
    alias=$("$client" help "$command" | sed -n 's/^ *or: xenvm-cmd VM \([a-z-]*\) .*/\1/p')
    [ -z "$alias" ] || {
        case $page in *" $alias is another name of this command."*) true ;; *) false ;; esac
        ok $? "xenvm-cmd(1) tells of $alias, another name of $command"
    }
done
documented=$(sed -n '/^\.Sh COMMANDS/,/^\.Sh STATES/p' "$man/xenvm-cmd.1" |
    sed -n -e 's/^\.It Ic \([^ ]*\).*/\1/p' -e '/^\.It Xo/{n;s/^\.Ic \([^ ]*\).*/\1/p;}')
difference=$(same "$commands" "$documented")
[ -z "$difference" ]
ok $? 'xenvm-cmd(1) has no command that the client has not' "$difference"

# --- the options of both

for program in xenvm xenvm-cmd; do
    case $program in
    xenvm) page=xenvm.8 said=$("$xenvm" --help) ;;
    xenvm-cmd) page=xenvm-cmd.1 said=$("$client" --help) ;;
    esac
    known=$(grep -oE -- '--[a-z][a-z-]+' <<<"$said" | sort -u)
    listed=$(grep -oE 'Fl -[a-z][a-z-]+' "$man/$page" | sed 's/Fl -/--/' | sort -u)
    difference=$(same "$known" "$listed")
    [ -z "$difference" ]
    ok $? "the options of $program --help are those of its page" "$difference"
done

done_testing

#!/bin/bash
# What the Tab key does, in bash and in zsh, which run on a terminal.   tests/completion.sh BUILD-FOLDER
# Prints TAP. Needs no Xen: completion asks no monitor, so that sockets need only look like such.
set -u
build=$(cd "$1" && pwd) || exit
tests=$(cd "$(dirname "$0")" && pwd) || exit
source=$tests/..
client=$build/cmd-client/xenvm-cmd
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export XENVM_SOCKET_DIR=$tmp/sockets PATH=${client%/*}:$build/monitor:$PATH

# shellcheck source=tap.sh source-path=SCRIPTDIR
. "$tests/tap.sh"
needs python3

mkdir "$tmp/sockets" "$tmp/files" "$tmp/files/folder one"
cd "$tmp/files" || exit
touch image.a image.b 'with space' "$tmp"/sockets/vm-{11111111,1111abcd,22222222}-aaaa-4111-8111-111111111111
ln -s vm-11111111-aaaa-4111-8111-111111111111 "$tmp/sockets/name-web"
ln -s vm-1111abcd-aaaa-4111-8111-111111111111 "$tmp/sockets/name-web-2.test"
nameless=22222222-aaaa-4111-8111-111111111111

# The words that a line becomes, without a space behind them, in one order.
sorted() { tr -s ' ' '\n' <<<"$1" | LC_ALL=C sort | tr '\n' ' ' | sed 's/^ *//; s/ *$//'; }

# What was typed, and the words that come of it. A line that Tab makes ends in a space where the word is whole.
check() {
    local shell=$1 file=$2 typed wanted line
    local -a lines=() results=()
    while IFS='|' read -r typed wanted; do lines+=("$typed") results+=("$wanted"); done <<END
xenvm-cmd |xenvm-cmd $nameless help list web web-2.test
xenvm-cmd w|xenvm-cmd web
xenvm-cmd web-|xenvm-cmd web-2.test 
xenvm-cmd 2|xenvm-cmd $nameless 
xenvm-cmd 1111a|xenvm-cmd 1111abcd-aaaa-4111-8111-111111111111 
xenvm-cmd zebra|xenvm-cmd zebra
xenvm-cmd li|xenvm-cmd list 
xenvm-cmd help pau|xenvm-cmd help pause 
xenvm-cmd --ti|xenvm-cmd --timeout 
xenvm-cmd --timeout |xenvm-cmd --timeout 
xenvm-cmd --timeout 5 --json web pau|xenvm-cmd --timeout 5 --json web pause 
xenvm-cmd web |xenvm-cmd web $commands
xenvm-cmd web hal|xenvm-cmd web halt 
xenvm-cmd web pause |xenvm-cmd web pause 
xenvm-cmd web device |xenvm-cmd web device disk nic pci
xenvm-cmd web device disk |xenvm-cmd web device disk add del list
xenvm-cmd web device disk del f|xenvm-cmd web device disk del force=
xenvm-cmd web shutdown |xenvm-cmd web shutdown force= timeout=
xenvm-cmd web shutdown force=true |xenvm-cmd web shutdown force=true timeout=
xenvm-cmd web shutdown force=f|xenvm-cmd web shutdown force=false 
xenvm-cmd web suspend fi|xenvm-cmd web suspend file=
xenvm-cmd web suspend file=im|xenvm-cmd web suspend file=image.
xenvm-cmd web suspend file=$tmp/files/image.a|xenvm-cmd web suspend file=$tmp/files/image.a 
xenvm-cmd web suspend file=fol|xenvm-cmd web suspend file=folder\\ one/
xenvm-cmd web suspend file=with\\ s|xenvm-cmd web suspend file=with\\ space 
xenvm-cmd web get vcp|xenvm-cmd web get vcpus 
xenvm-cmd web unset key=on_h|xenvm-cmd web unset key=on_halt 
xenvm-cmd web set memory-m|xenvm-cmd web set memory-max 
xenvm-cmd web set memory |xenvm-cmd web set memory add= value=
xenvm-cmd --all shutd|xenvm-cmd --all shutdown 
xenvm-cmd --all susp|xenvm-cmd --all susp
xenvm-cmd --all shutdown ti|xenvm-cmd --all shutdown timeout=
cd /tmp && LANG=C xenvm-cmd web unp|cd /tmp && LANG=C xenvm-cmd web unpause 
END
    local i=0
    while IFS= read -r line; do
        if [[ ${results[i]} == *[' =/'] && ${lines[i]} != *' ' ]]; then
            is "$line" "${results[i]}" "$shell: ${lines[i]}"
        else
            is "$(sorted "$line")" "$(sorted "${results[i]}")" "$shell: ${lines[i]}"
        fi
        i=$((i + 1))
    done < <(python3 "$source/tests/lab/type-tab.py" "$shell" "$file" "${lines[@]}" 2>&1)
    is $i ${#lines[@]} "$shell: answers to all"
}

# As the help lists them, with their other names.
commands=$("$client" help | sed -nE '/^Commands:/,/^$/{s/^  ([a-z0-9-]+)(, ([a-z0-9-]+))?.*/\1 \3/p}' | tr '\n' ' ')device
check bash "$source/cmd-client/completion/xenvm-cmd.bash"
if command -v zsh >/dev/null; then
    check zsh "$source/cmd-client/completion/_xenvm-cmd"
else
    echo "ok $((ran += 1)) - zsh # SKIP it is not installed"
fi

done_testing

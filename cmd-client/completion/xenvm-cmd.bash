# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of xenvm-cmd for bash. What there is to complete, xenvm-cmd itself says: see put_completions().

_xenvm_cmd() {
    local line=${COMP_LINE:0:COMP_POINT} words word about rest current breaks cut=
    # Not COMP_WORDS: there, words are in pieces, cut at each equals sign and colon. Backslashes are those of a shell.
    # shellcheck disable=SC2162
    read -a words <<<"$line"
    [[ $line != *[^\\][[:space:]] ]] || words+=('')
    # What comes before it: variables, say.
    while [ ${#words[@]} -gt 1 ] && [ "${words[0]}" != "$1" ]; do words=("${words[@]:1}"); done
    [ ${#words[@]} -gt 1 ] || return
    current=${words[-1]}

    COMPREPLY=()
    while IFS=$'\t' read -r word about; do
        case $word in
        :path)
            compopt -o filenames
            while IFS= read -r rest; do COMPREPLY+=("$about$rest"); done < <(compgen -f -- "${current#"$about"}")
            ;;
        :key)
            while IFS= read -r rest; do COMPREPLY+=("$about$rest"); done < <(
                compgen -W "$(PATH=$PATH:/usr/local/sbin:/usr/sbin xenvm --list-keys 2>/dev/null |
                    sed -n '2,$s/ .*//p')" -- "${current#"$about"}"
            )
            ;;
        *=)
            compopt -o nospace
            COMPREPLY+=("$word")
            ;;
        *) COMPREPLY+=("$word") ;;
        esac
    done < <("$1" --complete "${words[@]:1}" 2>/dev/null)

    # Of the word, bash replaces only the last piece.
    breaks=${COMP_WORDBREAKS//[^=:]/}
    [ -z "$breaks" ] || cut=${current%"${current##*["$breaks"]}"}
    COMPREPLY=("${COMPREPLY[@]#"$cut"}")
}

complete -F _xenvm_cmd xenvm-cmd

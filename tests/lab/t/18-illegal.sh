#!/bin/bash
# Each command in each state in which `xenvm-cmd help` does not call it legal.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
image=$lab_tmp/image
tried=0
world >"$before"

commands=$(xenvm-cmd help | sed -n '/^Commands:/,/^$/ s/^  \([a-z0-9-]*\).*/\1/p')
# The sentence: "It is legal [in every state|when the VM is A, B or C|unless the VM is A][, and with force=true
# also when it is D]."
declare -A help sentence
for command in $commands; do
    help[$command]=$(xenvm-cmd help "$command" | tr '\n' ' ')
    sentence[$command]=$(sed -n 's/.*It is legal \([^.]*\)\..*/\1/p' <<<"${help[$command]}")
done

# names COMMAND STATE: the sentence has the state, without force
names() {
    local states=${sentence[$1]%, and with *}
    states=" ${states#*the VM is } "
    states=${states//,/}
    [[ ${states// or / } == *" $2 "* ]]
}

# is_legal COMMAND STATE: without force
is_legal() {
    case ${sentence[$1]} in
    'in every state'*) true ;;
    'when the VM is '*) names "$1" "$2" ;;
    'unless the VM is '*) ! names "$1" "$2" ;;
    *) fail "the help of $1 has a sentence about states" ;;
    esac
}

# Sets $needs to the states in the message, which for "when" are those of the help.
needed() {
    needs=${sentence[$1]%, and with *}
    needs=${needs#when the VM is }
    [ "$needs" != "${sentence[$1]%, and with *}" ] || needs='[a-z, -]+'
}

# arguments_of COMMAND: those that it needs
arguments_of() {
    local word words
    read -r -a words <<<"${help[$1]%%  *}"
    for word in "${words[@]}"; do
        # [disk=]VALUE is needed, [force=BOOL] and [[nic=]VALUE] are not.
        case $word in
        '['*']') continue ;;
        '['*']'*) word=${word#[} word=${word/]/} ;;
        esac
        case $word in
        *=PATH) echo "${word%PATH}$image" ;;
        *=NUMBER) echo "${word%NUMBER}1" ;;
        *=VALUE) echo "${word%VALUE}xvdz" ;;
        esac
    done
}

# refuses_in STATE: all that is illegal in it
refuses_in() {
    local command arguments seen
    is "$(vm_state ill)" "$1" "a VM that is $1"
    seen=$(vm_xl ill)
    for command in $commands; do
        ! is_legal "$command" "$1" || continue
        arguments=$(arguments_of "$command")
        needed "$command"
        tried=$((tried + 1))
        # shellcheck disable=SC2086 # no argument or one
        refused 1 "^xenvm-cmd: ill: the VM is $1; $command needs it $needs$" "refuses $command" \
            xenvm-cmd ill "$command" $arguments
    done
    is "$(vm_state ill) $(vm_xl ill)" "$1 $seen" 'and stays as it is'
}

is "$(for command in $commands; do is_legal "$command" running && echo "$command"; done | tr '\n' ' ')" \
    "help status domid pause shutdown restart destroy suspend checkpoint console vcpu-set set-mem-target disk-list \
disk-add disk-del nic-list nic-add nic-del nic-network-switch pci-list pci-add pci-del cd-insert-file cd-insert-real \
cd-eject get-vnc screenshot sendkey trigger s3suspend s4suspend get-acpi-state get-stubdomid stop quit read-config get set \
unset config watch " \
    'the help is understood'

vm_config ill startup=shutdown
runs 'a monitor' xenvm "$(vm_file ill)"
refuses_in shutdown
refused 1 '^xenvm-cmd: ill: the VM is shutdown; shutdown needs it created, running, paused, crashed or preserved$' \
    'force is no help there' xenvm-cmd ill shutdown force=true
vm_down ill
vm_tiny ill idle startup=paused
refuses_in created
xenvm-cmd ill unpause
refuses_in running
xenvm-cmd ill pause
refuses_in paused
vm_down ill
vm_tiny ill crash on_crash=preserve
wait_for 20 vm_is ill crashed
refuses_in crashed
vm_down ill
vm_tiny ill poweroff on_halt=preserve
wait_for 20 vm_is ill preserved
refuses_in preserved
vm_down ill
vm_tiny ill reboot on_reboot=destroy
wait_for 20 vm_is ill rebooted
refuses_in rebooted
vm_down ill
vm_up ill
xenvm-cmd ill suspend file="$lab_tmp/suspended" 2>/dev/null
refuses_in suspended
is "$(find "$lab_tmp" -name 'image*')" '' 'no file was made'
ok "$([ "$tried" -ge 50 ]; echo $?)" "that were enough: $tried"
vm_down ill

world_is "$before" 'nothing is left'
done_testing

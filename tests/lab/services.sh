# shellcheck shell=bash
# shellcheck disable=SC2154 # lib.sh has set them
# For scripts that test VMs as services of systemd, after lib.sh and xenvm.sh:  . /lab/tests/services.sh
#
#   unit NAME [KEY=VALUE…]        the VM's configuration (vm_config), where its unit looks for it
#   ctl VERB NAME [OPTION…]       systemctl
#   of NAME PROPERTY              what systemd has of the unit
#   now NAME                      what it says of it: active, and the monitor's words
#   ended NAME                    how it ended: its state, the result and the monitor's exit status
#   mark                          from here on, for:
#   log NAME                      what its monitors have logged
#   logged NAME REGEX WHAT        a test: they have logged that

mkdir -p /etc/xenvm
# What run-sanitized says is for services, too.
for variable in ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS; do
    [ -z "${!variable:-}" ] || systemctl set-environment "$variable=${!variable}"
done

unit() {
    vm_config "$@"
    cp "$(vm_file "$1")" "/etc/xenvm/$1.cfg"
}
ctl() { systemctl "$1" "xenvm@$2.service" "${@:3}"; }
of() { systemctl show -P "$2" "xenvm@$1.service"; }
now() { echo "$(of "$1" ActiveState) $(of "$1" StatusText)"; }
ended() { echo "$(of "$1" ActiveState) $(of "$1" Result) $(of "$1" ExecMainStatus)"; }
mark() { cursor=$(journalctl -n 1 --show-cursor -o cat | sed -n 's/^-- cursor: //p'); }
log() { journalctl -o cat --after-cursor "$cursor" -u "xenvm@$1.service"; }
logged() { like "$(log "$1")" "$2" "$3"; }

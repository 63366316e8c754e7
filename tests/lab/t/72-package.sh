#!/bin/bash
# The Debian package: installed, upgraded and removed while VMs run. What the lab was given is put back at the end.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

[ -z "${ASAN_OPTIONS:-}" ] || skip_all 'the package has no sanitizers'
deb=$(echo /lab/package/xenvm_*.deb)
[ -f "$deb" ] || skip_all 'scripts/package has made no package'

before=$lab_tmp/before
files=$lab_tmp/files
world >"$before"
# All but folders, what a minimal Debian leaves out, and what stays until the package is purged.
dpkg-deb --fsys-tarfile "$deb" | tar -t | grep -vE '/$|^\./(usr/share/(doc|man)|etc)/' | sed 's/^\.//' >"$files"
# there: how many of them there are
there() { xargs -a "$files" ls -d 2>/dev/null | wc -l; }
was=$(dpkg-query -W -f '${db:Status-Status}' xenvm 2>/dev/null)
if [ "$was" = installed ]; then
    dpkg --purge xenvm >/dev/null
else
    tar -c -P -T "$files" -f "$lab_tmp/lab.tar" 2>/dev/null
    xargs -a "$files" rm -f
fi
is "$(there)" 0 'there is none'

install() { DEBIAN_FRONTEND=noninteractive dpkg --install "$1"; }

runs 'the package is installed' install "$deb"
is "$(dpkg-query -W -f '${db:Status-Status}' xenvm)" installed 'and configured'
is "$(there)" "$(wc -l <"$files")" 'its files are there'
is "$(dpkg --verify xenvm | grep -v /usr/share/)" '' 'as they were packed'
is "$(dpkg-query -W -f '${Version}' xenvm)" "$(xenvm --version | cut -d ' ' -f 2)" 'of the version that xenvm is'
is "$(ldd /usr/sbin/xenvm /usr/libexec/xenvm/xenvm-worker | grep 'not found')" '' 'their libraries, too'
runs 'the dependencies are met' dpkg --configure --pending
depends=$(dpkg-query -W -f '${Depends}' xenvm)
like "$depends" 'libxenmisc4\.17 .*libxenstore4|libxenstore4 .*libxenmisc4\.17' 'which were reckoned from the programs'

# What a debugger is to find by the number that the linker has given to a program: that is in a note of its.
build_id() {
    python3 -IS -c 'import sys
data = open(sys.argv[1], "rb").read()
at = data.index(bytes.fromhex("0400000014000000") + b"\3\0\0\0GNU\0") + 16
print(data[at : at + 20].hex())' "$1"
}
debug=$(echo /lab/package/xenvm-dbgsym_*.deb)
dpkg-deb --fsys-tarfile "$debug" >"$lab_tmp/debug.tar"
for program in /usr/sbin/xenvm /usr/bin/xenvm-cmd /usr/libexec/xenvm/xenvm-worker /usr/libexec/xenvm/xenvm-bootloader; do
    id=$(build_id $program)
    tar -x -O -f "$lab_tmp/debug.tar" "./usr/lib/debug/.build-id/${id::2}/${id:2}.debug" >"$lab_tmp/debug"
    is "$(build_id "$lab_tmp/debug") $(grep -c -a -o '\.debug_info' "$lab_tmp/debug")" "$id 1" "xenvm-dbgsym has what a debugger wants of $program"
done

runs 'a VM starts' vm_tiny kept idle
domid=$(vm_domid kept)
pid=$(vm_get kept pid)

# Ten more that are services.
/lab/tests/guest/tiny idle "$lab_tmp/idle"
many=(many{1..10})
for name in "${many[@]}"; do
    vm_config "$name" kernel="$lab_tmp/idle" initrd= cmdline= memory=4 stop-method=destroy
    cp "$(vm_file "$name")" "/etc/xenvm/$name.cfg"
done
runs 'ten VMs are started as services' systemctl start "${many[@]/#/xenvm@}"
# of_many WHAT: that of each, in a line
of_many() { for name in "${many[@]}"; do vm_get "$name" "$1"; done | tr '\n' ' '; }
domids=$(of_many domid)
monitors=$(of_many pid)

# The file of one more has become wrong since.
vm_config odd kernel="$lab_tmp/idle" initrd= cmdline= memory=4 stop-method=destroy
cp "$(vm_file odd)" /etc/xenvm/odd.cfg
runs 'one more' systemctl start xenvm@odd
odd=$(vm_get odd pid)
echo 'vcpus = none' >>/etc/xenvm/odd.cfg

# The same with a higher version.
dpkg-deb --raw-extract "$deb" "$lab_tmp/next"
sed -i 's/^Version: .*/&.next/' "$lab_tmp/next/DEBIAN/control"
dpkg-deb --build "$lab_tmp/next" "$lab_tmp/next.deb" >/dev/null
runs 'an upgrade' install "$lab_tmp/next.deb"
like "$(dpkg-query -W -f '${Version}' xenvm)" '\.next$' 'to the higher version'
is "$(vm_state kept) $(vm_domid kept) $(vm_get kept pid)" "running $domid $pid" 'touches neither the VM nor its monitor'
like "$output" 'VM odd keeps the monitor of the version before: its file has to be mended' 'says which service can have no new monitor'
is "$(vm_state odd) $(vm_get odd pid)" "running $odd" 'and leaves it alone'
new_programs() {
    local pid count=0
    for pid in $(pgrep -x xenvm); do [ "$(readlink "/proc/$pid/exe")" != /usr/sbin/xenvm ] || count=$((count + 1)); done
    [ "$count" -eq ${#many[@]} ] && systemctl --quiet is-active "${many[@]/#/xenvm@}"
}
runs 'services have new monitors, of the new program' wait_for 60 new_programs
is "$(comm -12 <(of_many pid | tr ' ' '\n' | sort) <(tr ' ' '\n' <<<"$monitors" | sort) | xargs)" '' 'each of them'
is "$(of_many domid)" "$domids" 'which take their VMs over'
is "$(of_many state | tr ' ' '\n' | sort | uniq -c | tr -s ' ')" ' 10 running' 'as they were'
is "$(xl list | awk '$1 ~ /^many/' | wc -l)" 10 'and none twice'

# A library that is not the one which runs any more, as after an upgrade.
library=$(readlink -f /usr/lib/*/libxenstore.so.4)
cp -p "$library" "$library.new" && mv "$library.new" "$library"
NEEDRESTART_UI=stdio needrestart -l -r l >"$lab_tmp/restarts" 2>&1
said_of_many() { grep -c "^ *systemctl restart xenvm@many" <(sed -n "/$1/,/^\$/p" "$lab_tmp/restarts"); }
is "$(said_of_many deferred) $(said_of_many 'to be restarted')" '10 0' 'needrestart restarts no VM for it' || note "$(<"$lab_tmp/restarts")"

xenvm-cmd kept quit
wait_for 20 no_process "$pid"
runs 'the new monitor' xenvm "$(vm_file kept)"
is "$(vm_state kept) $(vm_domid kept)" "running $domid" 'takes the VM over'

pid=$(vm_get kept pid)
runs 'removed' dpkg --remove xenvm
is "$(there)" 0 'there are no files of it'
is "$(systemctl list-units --plain --no-legend 'xenvm@*'; xl list | grep -E 'many|odd')" '' 'services are stopped first'
rm -f /etc/xenvm/many*.cfg /etc/xenvm/odd.cfg
is "$(vm_domid kept)" "$domid" 'another VM runs on'
runs 'and so does its monitor' kill -0 "$pid"
runs 'installed again' install "$deb"
runs 'the monitor takes commands' xenvm-cmd kept destroy
vm_down kept
runs 'purged' dpkg --purge xenvm
is "$(there) $(ls -d /etc/xenvm /usr/libexec/xenvm /etc/needrestart/conf.d/xenvm.conf 2>/dev/null)" '0 ' 'nothing is left of it'

if [ "$was" = installed ]; then install "$deb" >/dev/null; else tar -x -P -f "$lab_tmp/lab.tar"; fi
runs 'what the lab was given is back' xenvm --version
world_is "$before" 'nothing is left'
done_testing

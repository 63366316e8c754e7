#!/bin/bash
# What `cmake --install` writes, and where.   tests/install.sh BUILD-FOLDER
# Prints TAP. Installs into a temporary folder.
set -u
build=$(cd "$1" && pwd) || exit
tests=$(cd "$(dirname "$0")" && pwd) || exit
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# shellcheck source=tap.sh source-path=SCRIPTDIR
. "$tests/tap.sh"
needs cmake

# Everything but what is documentation or completion.
programs() { (cd "$1" && find . ! -type d ! -path '*/share/*' -printf '%P\n' | LC_ALL=C sort); }

said=$(DESTDIR=$tmp/root cmake --install "$build" --prefix /opt/x 2>&1)
ok $? 'it installs with a prefix of its own' "$said"
is "$(cd "$tmp/root" && find . ! -type d ! -path './opt/x/*')" '' 'and nothing is outside of that'
is "$(programs "$tmp/root/opt/x")" 'bin/xenvm-cmd
lib/systemd/system/multi-user.target.wants/xenvm.target
lib/systemd/system/xenvm.target
lib/systemd/system/xenvm@.service
lib/udev/rules.d/59-xenvm-disks.rules
lib/udev/rules.d/90-xenvm-backend.rules
lib/udev/rules.d/90-xenvm-frontend.rules
libexec/xenvm/block
libexec/xenvm/block-frontend
libexec/xenvm/hotplug.sh
libexec/xenvm/pci
libexec/xenvm/qemu-dm-wrapper
libexec/xenvm/tap
libexec/xenvm/vif
libexec/xenvm/xenvm-bootloader
libexec/xenvm/xenvm-ppm-to-png
libexec/xenvm/xenvm-worker
sbin/xenvm
sbin/xenvm-all' 'in it are the programs, the rules and the units'

# What they name was settled when this was configured.
prefix=$(sed -n 's/^CMAKE_INSTALL_PREFIX:PATH=//p' "$build/CMakeCache.txt")
is "$(grep -hoE '/[^ "]*/libexec/xenvm/' "$tmp"/root/opt/x/lib/udev/rules.d/* | sort -u)" "$prefix/libexec/xenvm/" \
    'the rules call the scripts of the prefix that the build has'
is "$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$tmp/root/opt/x/lib/systemd/system/xenvm@.service")" "$prefix/sbin/xenvm" \
    'and the unit its monitor'
done_testing

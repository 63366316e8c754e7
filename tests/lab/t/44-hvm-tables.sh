#!/bin/bash
# What an HVM guest sees of its host, and of its processors' sockets: the host's SMBIOS and ACPI tables, the names of
# its disks. The host's maker is host-side.sh.
# shellcheck disable=SC2016 # what the guest is told
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

work=/root/tables
mkdir -p $work
truncate -s 16M $work/raw
modprobe -a ata_piix sd_mod
wait_for 30 grep -q ID_SERIAL_SHORT /run/udev/data/b8:0 || bail 'the host has no disk with a name'
dmsetup create tables0 --table '0 2048 linear /dev/sda 0'
dmsetup create tables1 --table '0 2048 linear /dev/sda 2048'
wait_for 20 test -b /dev/mapper/tables1
before=$lab_tmp/before
world >"$before"

# --- what is refused before anything is started

bad() {
    vm_config bad hvm=true kernel= initrd= cmdline= "${@:3}"
    refused 1 "^xenvm: $(vm_file bad):[0-9]+: $2\$" "$1" xenvm --check "$(vm_file bad)"
}
bad 'three cores in a socket' \
    "cores-per-socket: '3' is not known, accepted: 1, 2, 4, 8, 16, 32 or 64" cores-per-socket=3
bad 'a socket that is not full' 'cores-per-socket: 4 does not divide vcpus, which is 6, accepted: .*' \
    vcpus=6 cores-per-socket=4
bad 'a type of the specification' "smbios-oem-type-pt: '127' is too small, accepted: .* 128 to 255" \
    smbios-pt=true smbios-oem-type-pt=127
bad 'a type without the tables' 'smbios-oem-type-pt: means nothing without smbios-pt = true, .*' smbios-oem-type-pt=200
bad 'ACPI tables without ACPI' 'acpi-pt: means nothing with acpi = false, .*' acpi=false acpi-pt=true
bad 'a boolean that is none' "diskinfo-pt: 'maybe' is not a boolean, .*" diskinfo-pt=maybe
bad 'no memory but the card' 'memory: 16 MiB is no more than videoram, which is 16 MiB by default, .*' memory=16

# --- what the host has not

wrong() {
    vm_config wrong hvm=true memory=64 kernel= initrd= cmdline= "${@:3}"
    refused 1 "^xenvm: [^ ]+: $2\$" "$1" xenvm "$(vm_file wrong)"
}
dmi=/sys/firmware/dmi/tables acpi=/sys/firmware/acpi/tables
wrong 'a type that there is not' "smbios-pt: $dmi/DMI: no structure is of the type that smbios-oem-type-pt names" \
    smbios-pt=true smbios-oem-type-pt=222
mount -t tmpfs none $dmi
mount -t tmpfs none $acpi
wrong 'no SMBIOS tables' "smbios-pt: $dmi/DMI: No such file or directory" smbios-pt=true
wrong 'no ACPI tables' 'acpi-pt: the host has no ACPI table SLIC and no MSDM' acpi-pt=true
printf '\1\377\0\0nonsense' >$dmi/DMI
printf 'MSDM nonsense' >$acpi/MSDM
wrong 'damaged SMBIOS tables' "smbios-pt: $dmi/DMI: damaged" smbios-pt=true
wrong 'a damaged ACPI table' "acpi-pt: $acpi/MSDM: damaged" acpi-pt=true
umount $dmi $acpi
world_is "$before" 'nothing is left of them'

# --- one that is shown all

vm_config hvm hvm=true memory=96 vcpus=4 cores-per-socket=2 smbios-pt=true smbios-oem-type-pt=200 acpi-pt=true \
    diskinfo-pt=true kernel=/lab/guest/vmlinuz initrd=/lab/guest/initrd-more cmdline+='lab.quiet xen_emul_unplug=never' \
    disk=/dev/mapper/tables0:phy:hda:w:disk
printf 'disk = %s\n' /dev/mapper/tables1:phy:sdb:w:disk $work/raw:file:sdc:w:disk >>"$(vm_file hvm)"
mark=$(guest_mark hvm)
runs 'an HVM guest' xenvm "$(vm_file hvm)"
runs 'comes up' guest_wait hvm '^guest: ready' 400 "$mark"
tells() { guest_ask hvm "sh $1" "$2" 60; }
cpus=/sys/devices/system/cpu
sockets="cd $cpus"' && echo sockets: $(cat cpu?/topology/physical_package_id)'
sockets+=' cores: $(cat cpu?/topology/core_cpus_list)'
runs 'two sockets of two cores' tells "$sockets" '^sockets: 0 0 1 1 cores: 0 1 2 3$'
runs '... in its own words' tells 'echo cores: $(grep "^cpu cores" /proc/cpuinfo)' \
    '^cores: cpu cores : 2( cpu cores : 2){3}$'
# hvmloader's tables are of SMBIOS 2.4: what is newer in the host's, the bytes' order in a UUID, Linux does not expect.
runs "the host's name, number and UUID" \
    tells 'cd /sys/class/dmi/id; echo DMI: $(cat sys_vendor product_serial product_uuid)' \
    '^DMI: QEMU LAB-4711 b01ab01a-1147-1508-0000-000000000001$'
runs "its maker's structures" tells "echo OEM: \$(grep -c 'Lab OEM' $dmi/DMI)" '^OEM: 1$'
for table in SLIC MSDM; do
    sum=$(md5sum <$acpi/$table)
    runs "its $table" tells "md5sum <$acpi/$table" "^${sum%% *}"
done
like "$(vm_node hvm hvmloader/smbios/address) $(vm_node hvm hvmloader/acpi/length)" \
    '^0x[0-9a-f]+ 0x[0-9a-f]+$' 'xenstore says where'
guest_ask hvm 'load ata_piix' '^loaded' 60
guest_ask hvm 'load sd_mod' '^loaded' 60
wait_for 20 vm_shell hvm '[ -e /sys/block/sda ]'
runs "the disk's model" tells 'echo model: $(cat /sys/block/sda/device/model)' '^model: Lab,Disk$'
runs 'and its number' \
    tells 'echo number: $(tr -cd A-Z0-9- </sys/block/sda/device/vpd_pg80)' '^number: LAB-0815$'
model=$(pgrep -f "xen-domid $(vm_domid hvm) ")
arguments=$(tr '\0' '\n' <"/proc/${model%%$'\n'*}/cmdline")
like "$arguments" '^scsi-hd,scsi-id=1,product=Lab,,Disk,id=sdb,drive=sdb,serial=LAB-0815$' 'a SCSI disk has them, too'
like "$arguments" '^scsi-hd,scsi-id=2,id=sdc,drive=sdc$' 'a file has not'

# --- and afterwards

runs 'suspend' xenvm-cmd hvm suspend file="$lab_tmp/image"
runs 'restore' xenvm-cmd hvm restore file="$lab_tmp/image"
runs 'a processor that comes anew' vm_shell hvm "cd $cpus/cpu3 && echo 0 >online && echo 1 >online"
runs 'finds its socket' tells "$sockets" '^sockets: 0 0 1 1 cores: 0 1 2 3$'
vm_down hvm
runs 'a PVH guest' vm_up pvh type=pvh vcpus=4 cores-per-socket=4 cmdline+=lab.quiet
runs 'has one socket' guest_ask pvh "sh $sockets" '^sockets: 0 0 0 0 cores: 0 1 2 3$' 60
vm_down pvh
world_is "$before" 'nothing is left'
dmsetup remove tables0 tables1
modprobe -r ata_piix
rm -rf $work
done_testing

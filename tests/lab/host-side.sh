# shellcheck shell=bash
# What happens on the building machine during `lab run` and `lab shell`; sourced by lab, which has set the
# options' variables.
# shellcheck disable=SC2154,SC2034

# What is laid over dom0's root: the program under test, the tests, the guest, and what is to be run.
#   payload MODE [SCRIPT ARG…]
payload() {
    local mode=$1 stage=$work/stage script shim
    shift
    mkdir -p "$stage/lab/run" "$stage/lab/guest/debian"
    if [ -z "$install" ] && [ -d "$project/build/release" ]; then install=$project/build/release; fi
    if [ "$install" = none ]; then
        :
    elif [ -z "$install" ]; then
        echo "lab: nothing to install: no build/release, no --install" >&2
    elif [ -e "$install/cmake_install.cmake" ]; then
        DESTDIR=$stage cmake --install "$install" --prefix /usr >"$work/install.log" 2>&1 || {
            tail -n 20 "$work/install.log" >&2
            die "cmake --install $install failed"
        }
    elif [ -e "$install/CMakeCache.txt" ]; then
        echo "lab: nothing to install: $install has no cmake_install.cmake" >&2
    elif [ -d "$install" ]; then
        cp -a "$install/." "$stage/"
    elif [ -f "$install" ]; then
        cp "$install" "$stage/lab/run/install.deb"
        shim=$project/build/release
    else
        die "$install: no such file or folder"
    fi

    cp -r "$here" "$stage/lab/tests"
    # What makes calls fail, for the tests of faults.
    : "${shim:=$install}"
    [ ! -e "$shim/tests/lab/shim/fault.so" ] || cp "$shim/tests/lab/shim/fault.so" "$stage/lab/tests/shim/"
    [ ! -d "$project/scripts" ] || cp -r "$project/scripts" "$stage/lab/scripts"
    # What scripts/package has made.
    for package in "$project"/build/package/*.deb; do
        [ ! -e "$package" ] || { mkdir -p "$stage/lab/package" && cp "$package" "$stage/lab/package/"; }
    done
    [ -z "$shadow" ] || : >"$stage/lab/hypervisor-has-shadow"
    [ -z "$iommu" ] || : >"$stage/lab/host-has-iommu"
    [ -z "$no_svm" ] || : >"$stage/lab/host-has-no-svm"
    "$here/guest/make" "$image/busybox" "$image/modules" "$stage/lab/guest/debian/initrd"
    [ -n "$stock" ] || {
        cp "$kernel/vmlinux" "$kernel/vmlinuz" "$stage/lab/guest/"
        "$here/guest/make" "$image/busybox" "$kernel/modules" "$stage/lab/guest/initrd"
    }

    # systemd takes three seconds to read all units again.
    [ -z "$(find "$stage" -path '*/systemd/system/*' -print -quit)" ] || : >"$stage/lab/run/has-units"

    echo "$mode" >"$stage/lab/run/mode"
    : >"$stage/lab/run/args"
    if [ "$mode" = run ]; then
        script=$(readlink -f "$1")
        shift
        case $script in
        "$here"/*) script=/lab/tests/${script#"$here"/} ;;
        *)
            cp "$script" "$stage/lab/run/"
            script=/lab/run/${script##*/}
            ;;
        esac
        printf '%s\0' "$script" "$@" >"$stage/lab/run/args"
    fi
    {
        echo "LAB_OUT=/lab/out LAB_ICOUNT=$icount LAB_SMP=$smp LAB_MEM=$mem LAB_REBOOTS=$reboots"
        if [ "$mode" = shell ]; then
            read -r rows columns < <(stty size)
            printf 'LAB_ROWS=%d LAB_COLUMNS=%d LAB_TERM=%q\n' "$rows" "$columns" "$TERM"
        fi
    } >"$stage/lab/run/env"
    tar -cf "$work/payload.tar" --owner=0 --group=0 -C "$stage" .
    rm -rf "$stage"
}

# Starts QEMU in the background. It works in $work, where links make every name short and free of the commas
# and spaces that mean something to QEMU. Its standard input is our descriptor 6: a shell would give a
# command in the background none.   boot QEMU-ARGUMENT…
boot() {
    local accel=tcg,thread=multi svm=+svm,+npt options=() xen_options='' disk=image/root.img,snapshot=on
    # What the host had before it went down and came back, below.
    (cd "$work" && rm -f control output beat.in beat.out image xen.elf out)
    mkfifo "$work/control" "$work/output" "$work/beat.in"
    ln -s /dev/null "$work/beat.out"
    if [ -n "$icount" ]; then
        accel=tcg,thread=single
        options=(-icount "shift=0,sleep=off")
    else
        # QEMU can lose an interrupt that comes while an HVM guest is entered or left (target/i386/tcg: VMRUN and #VMEXIT
        # change what is pending without a lock). It is Xen's timer as a rule, and then a guest that waits in a loop has
        # the processor for ever. The next interrupt, whichever, brings the lost one along: there is one by the console.
        setpriv --pdeathsig KILL sh -c 'while sleep 0.3; do printf "\\0"; done' <>"$work/beat.in" >&0 2>/dev/null &
        beat=$!
    fi
    if [ -n "$iommu" ]; then
        # Xen takes Intel's beside a processor of AMD's, but not AMD's page tables for those of Intel's.
        options+=(-machine q35 -device "intel-iommu,intremap=off")
        xen_options='iommu=no-sharept,no-intremap'
    fi
    [ -z "$no_svm" ] || svm=-svm
    ln -s "$image" "$work/image"
    ln -s "$hypervisor" "$work/xen.elf"
    if [ -n "$reboots" ]; then
        disk=root.img
        # The image does without a journal, which is slower; but one that is cut off needs it.
        [ -e "$work/root.img" ] || {
            cp --sparse=always "$image/root.img" "$work/root.img"
            PATH=$PATH:/usr/sbin:/sbin tune2fs -O has_journal "$work/root.img" >/dev/null || die "no journal can be made"
        }
    fi
    ln -s "$(cd "$out" && pwd)" "$work/out"
    # What a host's maker puts into its firmware: a structure of a type of its own, and a licence (t/44-hvm-tables.sh).
    printf '\310\6\1\310\253\315Lab OEM\0\0' >"$work/oem"
    printf '\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\35\0\0\0LABLA-BLABL-ABLAB-LABLA-BLABL' >"$work/license"
    # Written to the end a tar file must be a multiple of its block; sparse.
    truncate -s 2G "$work/results.raw"
    truncate -s %10240 "$work/payload.tar"

    # Why this processor: a model with XSAVE and AVX makes dom0's programs crash now and then under TCG, SMEP and
    # SMAP stop dom0 at its first instruction, and RDTSCP kills HVM guests. Not `noreboot` on Xen's command line:
    # a host that crashes then ends QEMU (-no-reboot) after five seconds instead of standing still.
    # norandmaps: what QEMU has translated it keeps by virtual address. Where every process has others, all code is
    # translated anew for each, which takes longer than to run it.
    (
        cd "$work" || exit
        # Held open until QEMU ends, even if it never gets to open its end: follow then sees the end of it.
        exec 5>control
        exec setpriv --pdeathsig KILL qemu-system-x86_64 \
            -accel "$accel" -cpu Opteron_G3,$svm,-rdtscp -smp "$smp" -m "$mem" \
            -nodefaults -nographic -no-reboot ${options[@]+"${options[@]}"} \
            -chardev pipe,id=console,path=beat,logfile=out/console.log -serial chardev:console \
            -kernel xen.elf \
            -append "console=com1 com1=115200,8n1 dom0_mem=2G,max:2G loglvl=all $xen_options ${LAB_XEN_ARGS:-}" \
            -initrd "${LAB_DOM0_KERNEL:-image/vmlinux} root=/dev/vda rw console=hvc0 net.ifnames=0 fsck.mode=skip norandmaps,image/initrd" \
            -drive "file=$disk,if=virtio,format=raw,cache=unsafe" \
            -drive file=payload.tar,if=virtio,format=raw,cache=unsafe,readonly=on \
            -drive file=results.raw,if=virtio,format=raw,cache=unsafe \
            -device virtio-serial-pci \
            -chardev file,id=control,path=control -device virtserialport,chardev=control,name=lab.control \
            -netdev user,id=spare0,restrict=on -device e1000,netdev=spare0,addr=0x10 \
            -netdev user,id=spare1,restrict=on -device e1000,netdev=spare1,addr=0x11 \
            -smbios type=1,serial=LAB-4711,uuid=1ab01ab0-4711-0815-0000-000000000001 -smbios file=oem \
            -acpitable sig=MSDM,rev=3,oem_id=LABLAB,oem_table_id=LABTABLE,oem_rev=1,data=license \
            -acpitable sig=SLIC,rev=1,oem_id=LABLAB,oem_table_id=LABTABLE,oem_rev=1,data=license \
            -blockdev driver=null-co,node-name=spare2,size=16777216,read-zeroes=on \
            -device ide-hd,drive=spare2,bus=ide.0,model=Lab,,Disk,serial=LAB-0815 \
            "$@"
    ) <&6 6<&- 2>"$work/qemu.err" &
    qemu=$!
}

# Follows the control port: "started", then "exit N"; or "again" when the host is to be booted once more from its disk,
# and "cut" when it is to lose its power first. Sets $status, empty for a host that is to come back, or ends us with a
# message.
follow() {
    local patience=300 began=$SECONDS line result booted='' comes_back=''
    [ -z "$icount" ] || patience=600
    patience=${LAB_BOOT_TIMEOUT:-$patience}
    status=
    exec 7<"$work/control"
    while :; do
        result=0
        read -r -t $((began + patience - SECONDS > 0 ? began + patience - SECONDS : 1)) line <&7 || result=$?
        if [ $result -gt 128 ]; then
            console_tail
            if [ -z "$booted" ]; then die "the host did not boot in $patience s" 124; fi
            die "the script took more than $limit s" 124
        elif [ $result -ne 0 ]; then
            break # QEMU has ended
        fi
        case $line in
        started)
            [ -z "${LAB_VERBOSE:-}" ] || echo "lab: booted in $((SECONDS - began)) s" >&2
            booted=yes
            patience=$limit
            began=$SECONDS
            ;;
        exit\ *) status=${line#exit } ;;
        again) comes_back=yes ;;
        cut)
            comes_back=yes
            # Not to be told of it.
            { kill -KILL "$qemu" && wait "$qemu"; } 2>/dev/null || :
            ;;
        esac
    done
    exec 7<&-
    [ -z "$comes_back" ] || [ -n "$reboots" ] || die "the script wants the host to come back: lab run --reboots"
    if [ -z "$status" ] && [ -z "$comes_back" ]; then
        console_tail
        grep -v "TCG doesn't support" "$work/qemu.err" >&2 || :
        die "the host went down before the script ended"
    fi
}

console_tail() {
    echo "lab: the end of $out/console.log:" >&2
    tail -n 30 "$out/console.log" 2>/dev/null | tr -d '\r' | sed 's/^/| /' >&2 || :
}

prepare() {
    need qemu-system-x86_64 setpriv cpio
    : "${smp:=1}"
    build
    work=$(mktemp -d "${TMPDIR:-/tmp}/xenvm-lab.XXXXXX")
    mkdir -p "$out"
    out=$(cd "$out" && pwd)
    # What an earlier run may have left here would be taken for this one's.
    rm -rf "$out/console.log" "$out/dom0-journal.log" "$out/xen-dmesg.log" "$out/xen-logs"
}

# As many hosts at once as there are processors, two at least: more only make each other time out. The slot is
# held by descriptor 4, which QEMU inherits, so it is free again when the last of us has ended.
take_slot() {
    local slots slot told=
    mkdir -p "$cache"
    slots=$(nproc)
    slots=${LAB_SLOTS:-$((slots > 2 ? slots : 2))}
    while :; do
        for slot in $(seq "$slots"); do
            exec 4>"$cache/slot.$slot"
            ! flock -n 4 || return 0
        done
        [ -n "$told" ] || echo "lab: waiting for one of $slots other labs to end" >&2
        told=yes
        sleep 1
    done
}

run() {
    # Before it is looked for: what a lab waits with could be removed as that of an older version.
    take_slot
    prepare
    payload run "$@"
    exec 6</dev/null
    # Opened for reading before QEMU writes, so that not a byte is lost; ends when QEMU does.
    status=
    while [ -z "$status" ]; do
        boot -chardev file,id=output,path=output -device virtserialport,chardev=output,name=lab.output
        cat "$work/output" &
        reader=$!
        follow
        wait "$reader" || :
        reader=
        wait "$qemu" 2>/dev/null || :
        qemu=
        [ -z "$beat" ] || { kill -KILL "$beat" && wait "$beat"; } 2>/dev/null || :
        beat=
    done
    tar -xf "$work/results.raw" -C "$out" --no-same-owner || die "what came back in /lab/out can't be unpacked"
    exit "$status"
}

shell() {
    prepare
    payload shell
    echo "lab: booting; the console's log is $out/console.log; exit ends the host" >&2
    tty_state=$(stty -g)
    exec 6<&0
    boot -chardev stdio,id=terminal,signal=off -device virtconsole,chardev=terminal
    follow
    exit "$status"
}

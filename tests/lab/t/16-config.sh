#!/bin/bash
# The configuration while the monitor runs, and the trace that it can ask for.
# shellcheck source=../lib.sh source-path=SCRIPTDIR
. /lab/tests/lib.sh
# shellcheck source=../xenvm.sh source-path=SCRIPTDIR
. /lab/tests/xenvm.sh

before=$lab_tmp/before
trace=/tmp/xenvm-debug-$(vm_uuid conf)
file=$(vm_file conf)
other=$lab_tmp/other.cfg
world >"$before"

# restarts_with MEMORY: what a restarted guest gets
restarts_with() {
    runs 'the VM restarts' xenvm-cmd conf restart force=true
    is "$(xl list conf | awk 'NR == 2 { print $3 }')" "$1" "with $1 MB"
}
set_memory() { sed "s/^memory = .*/memory = $1/" "$file" >"$other"; }
in_trace() { grep -q "$1" "$trace"; }
hang_up() { kill -HUP "$(vm_get conf pid)"; }

runs 'a VM' vm_tiny conf idle debug=true
is "$(stat -c '%F %a %U' "$trace")" 'regular file 600 root' 'its trace is for root only'
like "$(cat "$trace")" 'created -> running' 'it has the state changes'
like "$(cat "$trace")" 'begin start$' 'and the operations'

set_memory 5 && cp "$other" "$file"
is "$(xl list conf | awk 'NR == 2 { print $3 }')" 4 'a changed file changes nothing by itself'
runs 'read-config' xenvm-cmd conf read-config
is "$(xl list conf | awk 'NR == 2 { print $3 }')" 4 'nor does reading it'
restarts_with 5

set_memory 6 && cp "$other" "$file"
runs 'SIGHUP' hang_up
runs 'reads it too' wait_for 10 in_trace 'read .*conf.cfg; it holds'
restarts_with 6

set_memory much && cp "$other" "$file"
refused 1 "conf\.cfg:[0-9]+: memory: 'much'" 'a bad file is refused' xenvm-cmd conf read-config
runs 'SIGHUP' hang_up
runs 'refuses it too' wait_for 10 in_trace "the configuration stays as it was: .*memory: 'much'"
restarts_with 6

set_memory 7 && sed -i "s/^uuid = .*/uuid = $(vm_uuid another)/" "$other"
refused 1 'uuid: is another VM' 'the file of another VM is refused' xenvm-cmd conf read-config path="$other"
set_memory 7 && sed -i 's/^name = .*/name = renamed/' "$other"
refused 1 "name: 'conf' cannot become 'renamed'" 'so is another name' xenvm-cmd conf read-config path="$other"
refused 1 'none.cfg: ' 'and a file that is not there' xenvm-cmd conf read-config path=/none.cfg
set_memory 7
runs 'read-config path=' xenvm-cmd conf read-config path="$other"
restarts_with 7
set_memory 8
runs 'read-config reads that one again' xenvm-cmd conf read-config
restarts_with 8
vm_down conf

# The trace is appended to, not reached through a link, and may be elsewhere.
lines=$(wc -l <"$trace")
runs 'the VM is started again' vm_tiny conf idle debug=true
ok "$([ "$(wc -l <"$trace")" -gt "$lines" ]; echo $?)" 'the trace is carried on'
vm_down conf
rm -f "$trace"
echo precious >"$lab_tmp/target"
ln -s "$lab_tmp/target" "$trace"
refused 1 "^xenvm: cannot write the trace to $trace: " 'a symbolic link is refused' xenvm "$file"
is "$(cat "$lab_tmp/target")" precious 'what it leads to is not touched'
is "$(vm_xl conf)" '' 'the VM is not started'
rm -f "$trace"
runs 'output=' vm_tiny conf idle debug=true output="$lab_tmp/trace"
is "$(stat -c %a "$lab_tmp/trace"), $(find /tmp -maxdepth 1 -name 'xenvm-debug*')" '600, ' 'puts it elsewhere'
vm_config conf kernel="$lab_tmp/idle" initrd= cmdline= memory=4 debug=true
runs 'read-config' xenvm-cmd conf read-config
is "$(stat -c '%F' "$trace")" 'regular file' 'begins it where it has to be now'
lines=$(wc -l <"$lab_tmp/trace")
xenvm-cmd conf pause
like "$(cat "$trace")" 'command pause' 'and carries it on there'
is "$(wc -l <"$lab_tmp/trace")" "$lines" 'alone'
vm_config conf kernel="$lab_tmp/idle" initrd= cmdline= memory=4 debug=true output="$lab_tmp/no/trace"
refused 1 "cannot write the trace to $lab_tmp/no/trace: No such file or directory$" \
    'a configuration whose trace cannot be written is refused' xenvm-cmd conf read-config
xenvm-cmd conf unpause
like "$(cat "$trace")" 'command unpause' 'and the trace goes on'
vm_config conf kernel="$lab_tmp/idle" initrd= cmdline= memory=4
runs 'read-config' xenvm-cmd conf read-config
lines=$(wc -l <"$trace")
xenvm-cmd conf pause
is "$(wc -l <"$trace")" "$lines" 'ends it where debug is not set'
vm_down conf
rm -f "$trace"
runs 'without debug' vm_tiny conf idle
is "$(find /tmp -maxdepth 1 -name 'xenvm-debug*')" '' 'there is none'
vm_down conf

world_is "$before" 'nothing is left'
done_testing

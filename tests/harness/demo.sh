#!/bin/bash
# The demo: boots a real guest with two disks, and freezes, snapshots and thaws it with qmpsh.
#
# Everything is below one temporary folder; at the end, however it comes, the guest is stopped and the folder removed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here=tests/harness
qmpsh=${CARGO_TARGET_DIR:-target}/debug/qmpsh

show() {
    printf '\n$ %s\n' "$*"
    "$@"
}

show cargo build --locked --quiet

folder=$(mktemp -d "${TMPDIR:-/tmp}/qmpsh-demo.XXXXXX")
machine=
clean_up() {
    if [[ -n $machine ]]; then
        kill "$machine" 2>/dev/null || true
        wait "$machine" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
export QMPSH_STATE_DIR=$folder/state

guest=$("$here/build-guest.sh")
show "$here/make-disk.sh" "$folder/disk0.qcow2" 256M
show "$here/make-disk.sh" "$folder/disk1.qcow2" 256M

printf '\n$ %s &\n' "$here/boot-guest.sh $guest $folder"
setpriv --pdeathsig KILL -- "$here/boot-guest.sh" "$guest" "$folder" </dev/null 2>"$folder/log" &
machine=$!
for ((tries = 0; tries < 600; tries++)); do
    if grep -qs 'the guest is ready' "$folder/console.log"; then break; fi
    if ! kill -0 "$machine" 2>/dev/null; then
        machine=
        cat "$folder/log" >&2
        exit 1
    fi
    sleep 0.1
done
if ! grep -s 'the guest is ready' "$folder/console.log"; then
    cat "$folder/console.log" >&2
    echo "demo: the guest was not ready within a minute" >&2
    exit 1
fi

target=qmp=$folder/qmp,agent=$folder/qga
show "$qmpsh" run freeze-snapshot-thaw "$target"

echo
echo "The guest now writes to the overlays; the disks below them stand still:"
for image in "$folder"/*.qcow2; do
    [[ $image != "$folder"/disk[01].qcow2 ]] || continue
    printf '\n$ qemu-img info -U --backing-chain %s\n' "$image"
    qemu-img info -U --backing-chain "$image" | grep -E '^(image|file format|virtual size|disk size|backing file):|^$'
done
show "$qmpsh" eval "vm(\"$target\").agent.fsstatus()"

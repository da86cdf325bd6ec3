#!/bin/bash
# Gets what `make bench` compares with: qemu.qmp from PyPI, in a virtual environment below the target folder. With
# PEERS=1 also socat and Python's libvirt, from Debian. A peer that cannot be had is no error: the bench names it as missing.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
environment=${CARGO_TARGET_DIR:-target}/bench-peers
log=$environment.log
mkdir -p "$(dirname "$environment")"

without() { echo "bench: without $1: $(tail -n 1 "$log")" >&2; }

if [[ ${PEERS:-} == 1 ]]; then
    as_root=()
    [[ $EUID -eq 0 ]] || as_root=(sudo)
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        python3-venv socat python3-libvirt >"$log" 2>&1 ||
        without "some peers"
fi

if [[ ! -x $environment/bin/qmp-shell ]]; then
    rm -rf "$environment"
    python3 -m venv "$environment" >"$log" 2>&1 &&
        "$environment/bin/pip" install -q --retries 1 qemu.qmp >"$log" 2>&1 || {
        rm -rf "$environment"
        without qemu.qmp
    }
fi
exit 0

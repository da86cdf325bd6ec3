#!/bin/bash
# Gets what `make bench` compares with: qemu.qmp from PyPI in a virtual environment below the target folder. With
# PEERS=1 also socat and libvirt, from Debian. A peer that cannot be had is no error: the bench names it as missing.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
environment=${CARGO_TARGET_DIR:-target}/bench-peers
log=$environment.log

if [[ ! -x $environment/bin/qmp-shell ]]; then
    mkdir -p "$(dirname "$environment")"
    rm -rf "$environment"
    { python3 -m venv "$environment" && "$environment/bin/pip" install -q qemu.qmp; } >"$log" 2>&1 || {
        rm -rf "$environment"
        echo "bench: no qemu.qmp: $(tail -n 1 "$log")" >&2
    }
fi

if [[ ${PEERS:-} == 1 ]]; then
    as_root=()
    [[ $EUID -eq 0 ]] || as_root=(sudo)
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends socat libvirt-clients libvirt-daemon libvirt-daemon-driver-qemu >"$log" 2>&1 ||
        echo "bench: $(tail -n 1 "$log")" >&2
fi
exit 0

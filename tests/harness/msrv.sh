#!/bin/bash
# Builds with Debian 13's own Rust, the oldest that Cargo.toml promises, in a Debian 13 below the target folder.
#
# Needs root and the network. The sources of the dependencies are fetched by this machine's cargo, the build is offline.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
suite=trixie
mkdir -p "${CARGO_TARGET_DIR:-target}"
work=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)/msrv
root=$work/$suite

promised=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
if [[ $EUID -ne 0 ]]; then
    echo "msrv: this needs root; run it as \`sudo -E make msrv\`" >&2
    exit 1
fi
tests/harness/debian.sh "$suite" "$root" cargo,rustc,gcc,libc6-dev
mkdir -p "$root"/{source,crates,build}

cargo vendor --locked --quiet "$work/crates"
mkdir -p "$root/root/.cargo" "$work/build"
cat >"$root/root/.cargo/config.toml" <<'CONFIG'
[source.crates-io]
replace-with = "vendored"
[source.vendored]
directory = "/crates"
CONFIG

# The mounts are in a namespace of their own, so that they go with the last process in it.
# shellcheck disable=SC2016 # the inner shells expand these
unshare --mount --propagation private bash -euo pipefail -c '
    root=$1 work=$2
    mount -t proc proc "$root/proc"
    mount --bind -o ro . "$root/source"
    mount --bind -o ro "$work/crates" "$root/crates"
    mount --bind "$work/build" "$root/build"
    exec chroot "$root" env -i PATH=/usr/bin:/bin HOME=/root CARGO_TARGET_DIR=/build sh -euc "
        cd /source
        cargo build --locked --offline
        rustc --version >/build/rustc-version
    "
' msrv "$root" "$work"

used=$(cat "$work/build/rustc-version")
[[ $used == "rustc $promised."* ]] || {
    echo "msrv: Cargo.toml promises $promised, but what built it is $used" >&2
    exit 1
}
echo "msrv: $used of Debian $suite builds it, as Cargo.toml promises ($promised)"

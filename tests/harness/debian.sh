#!/bin/bash
# Puts a Debian into a folder: debian.sh SUITE ROOT PACKAGE[,PACKAGE...]. Nothing is done when the folder is there.
#
# Needs root and the network. The packages come from the mirror of this machine's apt, or from $MIRROR.
set -euo pipefail
export LC_ALL=C

suite=$1 root=$2 packages=$3
name=$(basename "$0")
say() { echo "$name: $*" >&2; }
fail() { say "$*"; exit 1; }

[[ ! -d $root ]] || exit 0
[[ $EUID -eq 0 ]] || fail "to make a Debian $suite needs root; run make with \`sudo -E\`"
command -v debootstrap >/dev/null ||
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends debootstrap >&2 ||
    fail "debootstrap is missing, and apt could not install it"

mirror() {
    apt-get indextargets --no-release-info --format '$(REPO_URI)' 'Identifier: Packages' |
        grep '/debian/*$' | head -n 1
}
MIRROR=${MIRROR:-$(mirror)} || fail "no source of apt's is a Debian; name a mirror with MIRROR="

# Two runs at once: the second waits here, then finds the first one's.
mkdir -p "$(dirname "$root")"
exec 9>"$root.lock"
flock 9
[[ ! -d $root ]] || exit 0

make() {
    # An interrupted one leaves only this folder and its log.
    rm -rf --one-file-system "$root.building"
    debootstrap --variant=minbase --include="$packages" "$suite" "$root.building" "$MIRROR" >"$root.log" 2>&1
}

say "Debian $suite with $packages from $MIRROR into $root"
make || { say "that failed; once more"; make; } || {
    tail -n 15 "$root.log" >&2
    fail "there is no Debian $suite now; all that was said is in $root.log"
}
rm -rf "$root.building/var/cache/apt" "$root.building/var/lib/apt/lists"
mkdir -p "$root.building/var/cache/apt/archives/partial" "$root.building/var/lib/apt/lists/partial"
mv "$root.building" "$root"

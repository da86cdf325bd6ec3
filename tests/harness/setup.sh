#!/bin/bash
# Installs what the guest and the demo need and this machine lacks; says what, and asks before at a terminal.
#
# With --tests, also what only the tests need. With --refresh, only has apt read its package lists anew.
# YES=1 or CI=anything: do not ask.
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

say() { echo "setup: $*" >&2; }
fail() { say "$*"; exit 1; }

as_root() {
    if [[ $EUID -eq 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "this needs root, and there is no sudo: $*"
    fi
}

# Not being able to read one of many sources does not matter here.
refresh() { as_root apt-get update -qq || say "apt could not read all of its sources"; }

candidate() { apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: //p' | sed '/(none)/d'; }

installed() { dpkg-query -W -f '${db:Status-Abbrev}${Version}' "$1" 2>/dev/null | sed -n 's/^ii *//p'; }

is_static_busybox() {
    command -v busybox >/dev/null && ! ldd "$(command -v busybox)" >/dev/null 2>&1
}

command -v apt-get >/dev/null || fail "this machine is no Debian: install QEMU, qemu-ga, a static busybox, cpio and e2fsprogs; for the tests also libvirt, zsh, fish and mandoc"

if [[ ${1:-} == --refresh ]]; then
    refresh
    exit
fi

missing=()
need() { command -v "$1" >/dev/null || missing+=("${@:2}"); } # PROGRAM PACKAGE...
need cc gcc libc6-dev
need qemu-system-x86_64 qemu-system-x86
need qemu-img qemu-utils
need qemu-ga qemu-guest-agent
need cpio cpio
need mkfs.ext4 e2fsprogs
is_static_busybox || missing+=(busybox-static)
if [[ ${1:-} == --tests ]]; then
    # The shells and the pager that completions and man pages are tried with, and the terminal that they are tried at.
    need zsh zsh
    need fish fish
    need mandoc mandoc
    need script bsdutils
    # Without libvirt-daemon-system, which is what has the services: the tests start a daemon of their own.
    need virsh libvirt-clients
    need libvirtd libvirt-daemon libvirt-daemon-driver-qemu
fi

# The kernel is not installed, only unpacked into the guest; but apt has to know it.
lists_are_old=
for package in linux-image-cloud-amd64 "${missing[@]}"; do
    [[ -n $(candidate "$package") ]] || lists_are_old=yes
done
[[ -z $lists_are_old ]] || refresh

# The two come from one source and conflict in different versions. apt would remove the qemu-utils that is there, from a
# backport say, rather than replace it by the version that goes with the QEMU it installs.
options=()
version=$(candidate qemu-system-x86)
if [[ " ${missing[*]} " == *" qemu-system-x86 "* && $(installed qemu-utils) != "$version" ]]; then
    others=()
    for package in "${missing[@]}"; do [[ $package == qemu-utils ]] || others+=("$package"); done
    missing=("${others[@]}" "qemu-utils=$version")
    options+=(--allow-downgrades)
fi

install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${options[@]}" "${missing[@]}"
}

if ((${#missing[@]} > 0)); then
    say "to be installed: ${missing[*]}"
    if [[ -t 0 && -z ${CI:-} && ${YES:-} != 1 ]]; then
        read -r -p "setup: go on? [Y/n] " answer
        [[ -z $answer || $answer == [yY]* ]] || fail "nothing was installed"
    fi
    # Where the lists name versions that the server no longer has, fresh ones help.
    install || { refresh && install; }
fi

if command -v rustup >/dev/null; then
    for component in rustfmt clippy; do
        cargo "${component/rust/}" --version >/dev/null 2>&1 || rustup component add "$component"
    done
fi
say "all is here: $(qemu-system-x86_64 --version | head -n 1), $(qemu-ga --version)"

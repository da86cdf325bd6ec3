#!/bin/bash
# Builds the small guest of the tests and the demo: a Debian kernel and an initramfs with busybox and the real qemu-ga.
#
# Leaves them in <target>/guest/<key>/{kernel,initrd} and prints that folder; nothing is built when the folder is there.
# The key names all that the guest is made of, so a new kernel, agent or script makes a new guest. Nothing is installed.
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
modules=(virtio_pci virtio_blk virtio_console)

fail() { echo "build-guest: $*" >&2; exit 1; }

for tool in apt-cache apt-get dpkg-deb busybox cpio qemu-ga flock; do
    command -v "$tool" >/dev/null || fail "\`$tool\` is missing; \`make setup\` installs it"
done
[[ $(dpkg --print-architecture) == amd64 ]] || fail "the guest is made for amd64 only"

# The meta package depends on the newest kernel of this release, by its full name.
newest_kernel() {
    apt-cache depends linux-image-cloud-amd64 2>/dev/null |
        sed -n 's/^ *Depends: \(linux-image-[0-9].*-cloud-amd64\)$/\1/p' | head -n 1
}

kernel_package=$(newest_kernel)
[[ -n $kernel_package ]] || fail "apt knows no linux-image-cloud-amd64; \`make setup\` refreshes its lists"
kernel_version=$(apt-cache policy "$kernel_package" | sed -n 's/^ *Candidate: //p')
release=${kernel_package#linux-image-}

key=$({
    echo "$kernel_package $kernel_version"
    sha256sum <"$(command -v qemu-ga)"
    sha256sum <"$(command -v busybox)"
    cat "${BASH_SOURCE[0]}" "$here"/guest/*
} | sha256sum | cut -c 1-16)

mkdir -p "$target/guest"
guests=$(cd "$target/guest" && pwd)
out=$guests/$key

# Two runs at once: the second waits here, then finds the first one's guest.
exec 9>"$guests/.lock"
flock 9
if [[ -d $out ]]; then
    echo "$out"
    exit
fi

# An interrupted build leaves only a folder of this name, which the next build removes.
rm -rf "$guests"/.building.*
work=$(mktemp -d "$guests/.building.XXXXXX")
trap 'rm -rf "$work"' EXIT

echo "building the guest: $kernel_package $kernel_version, $(qemu-ga --version)" >&2
sandbox=()
[[ $EUID -ne 0 ]] || sandbox=(-o APT::Sandbox::User=root)
(cd "$work" && apt-get -qq "${sandbox[@]}" download "$kernel_package=$kernel_version") >&2 ||
    fail "cannot download $kernel_package; \`sudo apt-get update\` helps when apt's lists are old"
dpkg-deb -x "$work"/*.deb "$work/kernel-package"
tree=$work/kernel-package/lib/modules/$release
[[ -d $tree ]] || tree=$work/kernel-package/usr/lib/modules/$release

root=$work/root
mkdir -p "$root"/{bin,sbin,dev,proc,sys,run,tmp,data,data2,root,modules,etc/qemu,usr/bin,usr/sbin,var/log}
ln -s ../run "$root/var/run"

cp "$(command -v busybox)" "$root/bin/busybox"
for applet in $(busybox --list); do
    [[ -e $root/bin/$applet ]] || ln -s busybox "$root/bin/$applet"
done

cp "$(command -v qemu-ga)" "$root/usr/sbin/qemu-ga"
ldd "$(command -v qemu-ga)" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$root/$(dirname "$library")"
    cp -L "$library" "$root/$library"
done

# A module goes into the guest after all that it depends on; the file's number is its place in the load order.
count=0
declare -A taken=()
take_module() {
    local name=${1//-/_} file dependency
    [[ -z ${taken[$name]:-} ]] || return 0
    taken[$name]=1
    file=$(find "$tree/kernel" -name "${name//_/[-_]}.ko*" -print -quit)
    [[ -n $file ]] || return 0 # built into this kernel
    case $file in
    *.xz) busybox unxz "$file" && file=${file%.xz} ;;
    *.zst) zstd -q -d --rm "$file" && file=${file%.zst} ;;
    *.gz) busybox gunzip "$file" && file=${file%.gz} ;;
    esac
    for dependency in $(tr '\0' '\n' <"$file" | sed -n 's/^depends=//p' | tr ',' ' '); do
        take_module "$dependency"
    done
    cp "$file" "$(printf '%s/modules/%02d-%s.ko' "$root" "$count" "$name")"
    count=$((count + 1))
}
for module in "${modules[@]}"; do take_module "$module"; done
((count > 0)) || fail "no virtio module found in $kernel_package"

for file in init control; do
    cp "$here/guest/$file" "$root/$file"
    chmod 755 "$root/$file"
done
cp "$here"/guest/{passwd,group,os-release} "$root/etc/"
echo qmpsh-guest >"$root/etc/hostname"
ln -s /proc/mounts "$root/etc/mtab"
ln -s UTC "$root/etc/localtime"
for stub in shutdown chpasswd hwclock; do
    install -m 755 "$here/guest/$stub" "$root/sbin/$stub"
done

mkdir "$work/done"
cp "$work/kernel-package/boot/vmlinuz-$release" "$work/done/kernel"
(cd "$root" && find . -print0 | cpio --quiet --null -o -H newc -R 0:0 | gzip -1) >"$work/done/initrd"
chmod -R a+rX "$work/done"
mv "$work/done" "$out"
# Other keys' guests stay for the time being: a test run that began before may boot from them.
find "$guests" -mindepth 1 -maxdepth 1 -type d ! -name "$key" ! -name '.building.*' -mtime +7 -exec rm -rf {} +
echo "$out"

#!/bin/bash
# Makes a disk image with an empty ext4 on it: make-disk.sh FILE.qcow2|FILE.raw SIZE
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin

image=$1 size=$2
case $image in
*.raw)
    truncate -s "$size" "$image"
    mkfs.ext4 -q -F "$image"
    ;;
*.qcow2)
    trap 'rm -f "$image.raw"' EXIT
    truncate -s "$size" "$image.raw"
    mkfs.ext4 -q -F "$image.raw"
    qemu-img convert -f raw -O qcow2 "$image.raw" "$image"
    ;;
*)
    echo "make-disk: \`$image\` ends in neither .qcow2 nor .raw" >&2
    exit 2
    ;;
esac

#!/bin/bash
# The QEMU of another Debian, in a mount namespace of its own with that Debian as its root, as in a container. It is called
# through a link, `ROOT.bin/qemu-system-x86_64`, and takes the place of the process that calls it. The folders of temporary
# files and of guests are where they are here.
set -euo pipefail

bin=$(cd "$(dirname "$0")" && pwd)
root=${bin%.bin}
guests=$(cd "$root/../../guest" && pwd)
temporary=${TMPDIR:-/tmp}
mkdir -p "$root$guests" "$root$temporary"

# The mounts go with the last process in the namespace.
# shellcheck disable=SC2016 # the inner shells expand these
exec unshare --mount --propagation private sh -euc '
    root=$1 folder=$2 temporary=$3 guests=$4
    shift 4
    for shared in /dev /proc /sys "$temporary" "$guests"; do
        mount --rbind "$shared" "$root$shared"
    done
    # By its path: the link to this script may be seen in there too.
    exec chroot "$root" sh -euc "cd \"\$1\"; shift; exec /usr/bin/qemu-system-x86_64 \"\$@\"" sh "$folder" "$@"
' sh "$root" "$PWD" "$temporary" "$guests" "$@"

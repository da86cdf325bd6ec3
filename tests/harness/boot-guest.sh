#!/bin/bash
# Becomes a QEMU that boots the guest: boot-guest.sh GUEST FOLDER [QEMU-ARGUMENT...]
#
# GUEST is the folder that build-guest.sh printed. In FOLDER each diskN.qcow2 or diskN.raw becomes a virtio disk with
# the node name diskN (disk0 is mounted at /data, disk1 at /data2), and QEMU makes there: `qmp`, the monitor; `qga`, the
# agent's socket; `control`, the tests' own channel; `console.log`, the kernel's messages.
set -euo pipefail

guest=$1 folder=$2
shift 2

disks=()
for number in 0 1 2 3 4 5 6 7; do
    for format in qcow2 raw; do
        image=$folder/disk$number.$format
        [[ -e $image ]] || continue
        disks+=(
            -blockdev "file,node-name=disk$number-file,filename=$image,discard=unmap"
            -blockdev "$format,node-name=disk$number,file=disk$number-file,discard=unmap"
            -device "virtio-blk-pci,id=virtio-disk$number,drive=disk$number"
        )
    done
done

# Never KVM: a machine may have its device node and still not run it, and then the boot hangs.
exec qemu-system-x86_64 -accel tcg -machine q35 -m 192 -nodefaults -no-user-config -display none \
    -kernel "$guest/kernel" -initrd "$guest/initrd" -append "console=ttyS0 quiet panic=-1 no_timer_check" -no-reboot \
    -serial "file:$folder/console.log" \
    -qmp "unix:$folder/qmp,server=on,wait=off" \
    -device virtio-serial-pci \
    -chardev "socket,id=qga,path=$folder/qga,server=on,wait=off" \
    -device virtserialport,chardev=qga,name=org.qemu.guest_agent.0 \
    -chardev "socket,id=control,path=$folder/control,server=on,wait=off" \
    -device virtserialport,chardev=control,name=org.qmpsh.control \
    "${disks[@]}" "$@"

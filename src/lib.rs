//! qmpsh: the scripting shell for running QEMU/KVM virtual machines.

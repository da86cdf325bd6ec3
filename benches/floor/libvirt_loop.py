"""Prints the seconds that libvirt's library takes for so many query-status: libvirt_loop.py URI DOMAIN CALLS"""

import sys
import time

import libvirt
import libvirt_qemu

domain = libvirt.open(sys.argv[1]).lookupByName(sys.argv[2])
begun = time.perf_counter()
for _ in range(int(sys.argv[3])):
    libvirt_qemu.qemuMonitorCommand(domain, '{"execute":"query-status"}', 0)
print(time.perf_counter() - begun)

"""Prints the seconds that qemu.qmp takes for so many query-status: qmp_loop.py SOCKET CALLS"""

import asyncio
import sys
import time

from qemu.qmp import QMPClient


async def main():
    client = QMPClient("bench")
    await client.connect(sys.argv[1])
    await client.execute("query-status")
    begun = time.perf_counter()
    for _ in range(int(sys.argv[2])):
        await client.execute("query-status")
    print(time.perf_counter() - begun)
    await client.disconnect()


asyncio.run(main())

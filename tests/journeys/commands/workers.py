"""A production hub of two workers in front of a complaint system, and which worker has which connection."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Collection, Mapping
from pathlib import Path

from tests.workers.production import Production


def find_owner(ports: Collection[int], processes: Collection[int]) -> int:
    """The process that has a connection from or to one of these ports."""
    inodes = set()
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, local, remote, _, _, _, _, _, _, inode, *_ = line.split()
        if any(int(address.rpartition(":")[2], 16) in ports for address in (local, remote)):
            inodes.add(f"socket:[{inode}]")
    for pid in processes:
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            try:
                if str(handle.readlink()) in inodes:
                    return pid
            except FileNotFoundError:
                continue
    raise LookupError(f"no process has a connection of the ports {ports}")


def prepare(hub: Production, variables: Mapping[str, str]) -> None:
    """Write its settings with these variables."""
    hub.write_settings(SIMPUL_CACHE_MEGABYTES="16", **variables)


async def replace_worker(hub: Production, pid: int) -> None:
    """Kill a worker, and wait for the one that the supervisor starts in its place."""
    serving = hub.read_output.count(" serves (process")
    os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(hub.wait_for, " serves (process", serving + 1)

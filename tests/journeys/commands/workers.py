"""A production hub of two workers in front of a complaint system, and which worker has which connection."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Collection, Mapping
from pathlib import Path

from tests.workers.production import Production


def find_owner(client_port: int, processes: Collection[int]) -> int:
    """The process that has the connection from a port of its own, or to a port of its client."""
    inodes = set()
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, local, remote, _, _, _, _, _, _, inode, *_ = line.split()
        if client_port in {int(address.rpartition(":")[2], 16) for address in (local, remote)}:
            inodes.add(f"socket:[{inode}]")
    for pid in processes:
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            try:
                if str(handle.readlink()) in inodes:
                    return pid
            except FileNotFoundError:
                continue
    raise LookupError(f"no process has the connection of port {client_port}")


def prepare(hub: Production, variables: Mapping[str, str]) -> None:
    """Write its settings with these variables."""
    hub.write_settings(SIMPUL_CACHE_MEGABYTES="16", **variables)


async def replace_worker(hub: Production, pid: int) -> None:
    """Kill a worker, and wait for the one that the supervisor starts in its place."""
    serving = hub.read_output.count(" serves (process")
    os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(hub.wait_for, " serves (process", serving + 1)

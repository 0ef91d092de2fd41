"""The resources of a process, from `/proc` and from its own report."""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

_SOCKET = re.compile(r"socket:\[(\d+)\]")
_ESTABLISHED, _HALF_CLOSED = "01", "08"
"""States of a connection in `/proc/net/tcp` (include/net/tcp_states.h): open, and closed by the peer only."""
HALF_CLOSED = "half closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A process at one moment."""

    seconds: float
    """Seconds since the start of the soak."""
    rss: int
    """Resident memory in bytes."""
    tasks: int
    objects: int
    """Objects that the garbage collector tracks, without those from before the hub was ready."""
    cached_bytes: int
    """Bytes of cached answers."""
    handles: int
    """Open file handles, including sockets."""
    connections: Mapping[str, int]
    """Established connections by peer. `HALF_CLOSED` counts all that only the peer closed."""
    half_closed: Mapping[str, int] = field(default_factory=dict)
    """Connections by peer: closed by the peer only."""
    named: Mapping[str, int] = field(default_factory=dict)
    """Tasks by coroutine."""


class Watcher:
    """Observes one process repeatedly."""

    def __init__(self, figures_socket: Path, ports: Mapping[int, str], own: int) -> None:
        """`figures_socket` is the socket of its report, `ports` names its peers, `own` is its own port."""
        self._figures_socket = figures_socket
        self._ports = ports
        self._own = own
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def read(self, seconds: float) -> Figures:
        """The current figures."""
        if self._streams is None:
            self._streams = await asyncio.open_unix_connection(self._figures_socket)
        reads, writes = self._streams
        writes.write(b"\n")
        inside: Mapping[str, Any] = orjson.loads(await reads.readline())
        pid = inside["pid"]
        handles = _handles(pid)
        open_, half_closed = self._connections(pid, handles)
        return Figures(
            seconds=seconds,
            rss=_rss(pid),
            tasks=inside["tasks"],
            objects=inside["objects"],
            cached_bytes=inside["kept"],
            handles=len(handles),
            connections=open_ | {HALF_CLOSED: half_closed.total()} if half_closed else open_,
            half_closed=half_closed,
            named=inside["named"],
        )

    def _connections(self, pid: int, handles: list[str]) -> tuple[Counter[str], Counter[str]]:
        """Count connections by peer: established, and closed by the peer only."""
        ours = {found[1] for each in handles if (found := _SOCKET.fullmatch(each))}
        counted = {_ESTABLISHED: Counter[str](), _HALF_CLOSED: Counter[str]()}
        for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] not in ours or fields[3] not in counted:
                continue
            local, remote = (int(each.rpartition(":")[2], 16) for each in fields[1:3])
            counted[fields[3]]["clients" if local == self._own else self._ports.get(remote, "others")] += 1
        return counted[_ESTABLISHED], counted[_HALF_CLOSED]


def _handles(pid: int) -> list[str]:
    found = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(str(each.readlink()))
        except OSError:  # closed in the meantime
            continue
    return found


def _rss(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

"""`python -m benchmarks.upstreams.static_files`: the agencies' data from memory, without nginx, and with faults.

`/fault/<name>` starts a fault of one agency, the shop: its replies are reset, truncated, errors, missing or slow.
`/fault/none` ends it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from pathlib import Path
from typing import Final

from benchmarks.upstreams.memory_server import Request, render_response, run_server

NO_FAULT: Final = "none"
FAULTS: Final = ("reset", "truncated", "status 500", "hang", "slow")
FAULT_PATH: Final = "/fault/"
SLOW_S: Final = 0.2
"""Seconds of a slow reply."""
_FAULTY = "/orders/"
_NOT_FOUND = render_response(b"", "404 Not Found")
_ERROR = render_response(b'{"error":"out of order"}', "500 Internal Server Error")
_NO_LINGER = struct.pack("ii", 1, 0)
"""`SO_LINGER` of no seconds: the connection ends with a reset."""


class StaticFiles:
    """The files of a folder."""

    def __init__(self, folder: Path) -> None:
        """Read all files."""
        files = (path for path in folder.rglob("*") if path.is_file())
        self._responses = {f"/{path.relative_to(folder)}": render_response(path.read_bytes()) for path in files}
        self._fault = NO_FAULT
        self._hanging: list[asyncio.WriteTransport] = []

    def answer(self, request: Request, transport: asyncio.WriteTransport) -> None:
        """Answer with a file, or with the fault."""
        if request.path.startswith(FAULT_PATH):
            self._start_fault(request.path.removeprefix(FAULT_PATH).replace("-", " "))
            transport.write(render_response(b"{}"))
            return
        response = self._responses.get(request.path, _NOT_FOUND)
        if self._fault == NO_FAULT or not request.path.startswith(_FAULTY):
            transport.write(response)
        else:
            self._disturb(response, transport)

    def _start_fault(self, name: str) -> None:
        if name not in (NO_FAULT, *FAULTS):
            raise ValueError(f"'{name}' is no fault; use one of {', '.join((NO_FAULT, *FAULTS))}")
        self._fault = name
        for each in self._hanging:  # like an agency that is restarted
            each.abort()
        self._hanging.clear()

    def _disturb(self, response: bytes, transport: asyncio.WriteTransport) -> None:
        if self._fault == "reset":
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            transport.abort()
        elif self._fault == "truncated":
            transport.write(response[: len(response) // 2])
            transport.close()
        elif self._fault == "status 500":
            transport.write(_ERROR)
        elif self._fault == "hang":
            self._hanging.append(transport)
        else:
            asyncio.get_running_loop().call_later(SLOW_S, transport.write, response)


if __name__ == "__main__":
    run_server(StaticFiles(Path(sys.argv[2])).answer, int(sys.argv[1]))

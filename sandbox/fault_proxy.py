"""A proxy in front of one agency that injects wire faults: broken, silent, slow or garbled connections.

It shows what the agency's own modes (`sandbox/control.py`) cannot: faults on the wire, for every protocol. Bytes pass
unread, except for HTTP faults, which need the end of a request and the start of a body.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from sandbox.agency import LOOPBACK
from sandbox.agency_server import listen

_CHUNK: Final = 1 << 16
_SEED: Final = 20260101
_HEAD_ENDS: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_RUBBISH: Final = bytes(range(255, 127, -1)) * 4
"""No protocol of the city begins with these bytes."""
_LINGER_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: close with a reset, and discard unsent bytes."""


class FaultKind(StrEnum):
    """The ways in which a connection can fail its client."""

    LATENCY = "latency"
    """Each answer begins `seconds` late."""
    RESET = "reset"
    """The connection is reset when a request arrives."""
    HALF_OPEN = "half-open"
    """The peer is gone without notice: connections open and accept bytes, but never answer or close.

    Connections that were open at the start stay silent for good, as when a firewall drops its state.
    """
    GARBAGE = "garbage"
    """Bytes of no protocol, then the end."""
    GARBAGE_BODY = "garbage-body"
    """HTTP 200 with a meaningless body."""
    TRUNCATED = "truncated"
    """Half of an answer, then the end; for HTTP, half of the body."""
    ERROR = "500"
    """HTTP 500."""
    THROTTLED = "429"
    """HTTP 429 with `Retry-After` of `seconds`."""
    DRIP = "drip"
    """Answers come one byte at a time, `seconds` apart."""
    REFUSE = "refuse"
    """The port is closed, and open connections are reset."""


HTTP_FAULTS: Final = frozenset({FaultKind.GARBAGE_BODY, FaultKind.ERROR, FaultKind.THROTTLED})
"""Faults that only apply to HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireFault:
    """A fault: it hits the share `chance` of all exchanges (0 to 1); `seconds` is its duration if the kind has one.

    An exchange is a request and its answer on a connection. Half-open and refuse hit all connections together. Raises
    ValueError for an invalid chance or seconds.
    """

    kind: FaultKind
    chance: float = 1.0
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.chance <= 1:
            raise ValueError(f"chance {self.chance:g}: give a share above 0, up to 1")
        if not 0 <= self.seconds < float("inf"):
            raise ValueError(f"seconds {self.seconds:g}: give a number of seconds")


class FaultProxy:
    """A proxy from `port` to the agency on port `to`. `inject` and `clear` take effect immediately."""

    def __init__(self, *, port: int, to: int) -> None:
        self.port = port
        self.to = to
        self.fault: WireFault | None = None
        self.faulted_exchanges = 0
        """Faulted exchanges so far; for half-open, also connections that fell silent."""
        self._random = Random(_SEED)  # noqa: S311 - faults must be repeatable, not unguessable
        self._server: asyncio.Server | None = None
        self._open: dict[_RelayedConnection, asyncio.Task[None]] = {}

    def __repr__(self) -> str:
        kind = self.fault.kind.value if self.fault else "no fault"
        return f"<FaultProxy {self.port}->{self.to} {kind} open={len(self._open)} faulted={self.faulted_exchanges}>"

    @property
    def connections(self) -> int:
        """The number of connected clients."""
        return len(self._open)

    async def inject(self, fault: WireFault) -> None:
        """Inject this fault from now on, in place of any other."""
        if self.fault is not None:
            await self.clear()
        self.fault = fault
        if fault.kind is FaultKind.REFUSE:
            self.faulted_exchanges += 1
            await self._stop_listening()
            for relay in tuple(self._open):
                relay.reset()
        elif fault.kind is FaultKind.HALF_OPEN and fault.chance >= 1:
            for relay in self._open:
                self.faulted_exchanges += not relay.is_silent
                relay.is_silent = True

    async def clear(self) -> None:
        """Pass everything from now on. Connections that fell silent stay silent."""
        self.fault = None
        await self._listen()

    def draw_fault(self) -> WireFault | None:
        """Draw the fault of an exchange that begins now."""
        fault = self.fault
        if fault is None or (fault.chance < 1 and self._random.random() >= fault.chance):
            return None
        self.faulted_exchanges += 1
        return fault

    async def start(self) -> None:
        """Start listening."""
        await self._listen()

    async def stop(self) -> None:
        """Stop listening, and end every connection."""
        await self._stop_listening()
        tasks = tuple(self._open.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, sock=listen(self.port))

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        relay = _RelayedConnection(self, reader, writer)
        self._open[relay] = task
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await relay.run()
        finally:
            del self._open[relay]


class _RelayedConnection:
    """One client's connection, with its connection to the agency."""

    def __init__(self, proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.is_silent = False
        """Whether nothing passes any more, in either direction."""
        self._proxy = proxy
        self._reader = reader
        self._writer = writer
        self._fault: WireFault | None = None
        self._has_begun = False
        self._is_answering = True
        """Whether the agency sent last. The client's next bytes begin an exchange."""
        self._is_spoiled = False
        """Whether the fault of this exchange has been applied."""

    def reset(self) -> None:
        """Reset the connection to the client, like a host that does not know it."""
        with contextlib.suppress(OSError, AttributeError):
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        self._writer.transport.abort()

    async def run(self) -> None:
        """Relay until either side ends."""
        try:
            agency_reader, agency_writer = await asyncio.open_connection(LOOPBACK, self._proxy.to)
        except OSError:
            self.reset()
            return
        directions = [
            asyncio.ensure_future(self._forward_requests(agency_writer)),
            asyncio.ensure_future(self._forward_answers(agency_reader)),
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            agency_writer.close()
            self._writer.close()
            for direction in directions:
                direction.cancel()
            await asyncio.gather(*directions, return_exceptions=True)

    def _begin_exchange(self) -> None:
        self._fault, self._has_begun, self._is_answering, self._is_spoiled = (
            self._proxy.draw_fault(),
            True,
            False,
            False,
        )
        if self._fault is not None and self._fault.kind is FaultKind.HALF_OPEN:
            self.is_silent = True

    async def _forward_requests(self, agency: asyncio.StreamWriter) -> None:
        """Forward the client's bytes; some faults answer in place of the agency."""
        while data := await self._reader.read(_CHUNK):
            if self._is_answering and not self.is_silent:
                self._begin_exchange()
            if self.is_silent:
                continue
            kind = self._fault.kind if self._fault else None
            if kind is FaultKind.RESET:
                self.reset()
                return
            if kind in HTTP_FAULTS:
                await self._read_whole_request(data)
                self._writer.write(_build_reply(self._fault))
                await self._writer.drain()
                self._is_answering = True
                continue
            agency.write(data)
            await agency.drain()

    async def _forward_answers(self, agency: asyncio.StreamReader) -> None:
        """Forward the agency's bytes, damaged by the fault; at their end the client's connection ends, too."""
        while data := await agency.read(_CHUNK):
            if not self._has_begun:  # some agencies send first
                self._begin_exchange()
            if not self.is_silent and not await self._forward_chunk(data):
                return
        if self.is_silent:
            await asyncio.Event().wait()  # the client has to detect that the agency has ended

    async def _forward_chunk(self, data: bytes) -> bool:
        """Forward a piece of an answer; returns whether the connection continues."""
        fault, self._is_answering = self._fault, True
        if fault is None:
            self._writer.write(data)
        elif fault.kind is FaultKind.LATENCY:
            if not self._is_spoiled:
                self._is_spoiled = True
                await asyncio.sleep(fault.seconds)
            self._writer.write(data)
        elif fault.kind is FaultKind.DRIP:
            for byte in data:
                self._writer.write(bytes((byte,)))
                await asyncio.sleep(fault.seconds)
        elif fault.kind is FaultKind.RESET:
            self.reset()
            return False
        else:
            return await self._forward_damaged_chunk(fault, data)
        await self._writer.drain()
        return True

    async def _forward_damaged_chunk(self, fault: WireFault, data: bytes) -> bool:
        """The same for faults that end the connection."""
        if fault.kind is FaultKind.TRUNCATED:
            begin = data.find(_HEAD_ENDS) + len(_HEAD_ENDS) if data.startswith(b"HTTP/") else 0
            if begin >= len(data) > 0 and begin:  # the head came alone
                self._writer.write(data)
                return True
            data = data[: begin + (len(data) - begin) // 2]
        else:
            data = _RUBBISH
        self._writer.write(data)
        await self._writer.drain()
        self._writer.write_eof()
        return False

    async def _read_whole_request(self, data: bytes) -> None:
        """Read until the request is complete."""
        while _HEAD_ENDS not in data:
            data += await self._read_more()
        head, _, body = data.partition(_HEAD_ENDS)
        length = _LENGTH.search(head)
        left = (int(length[1]) if length else 0) - len(body)
        while left > 0:
            left -= len(await self._read_more())

    async def _read_more(self) -> bytes:
        data = await self._reader.read(_CHUNK)
        if not data:
            raise ConnectionResetError("the client left during a request")
        return data


def _build_reply(fault: WireFault | None) -> bytes:
    """The HTTP answer of a fault."""
    kind = fault.kind if fault else None
    more, body = "", b"no service"
    if kind is FaultKind.THROTTLED and fault is not None:
        status, more = "429 Too Many Requests", f"Retry-After: {max(1, round(fault.seconds))}\r\n"
    elif kind is FaultKind.GARBAGE_BODY:
        status, body = "200 OK", _RUBBISH
    else:
        status = "500 Internal Server Error"
    return f"HTTP/1.1 {status}\r\n{more}Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@asynccontextmanager
async def run_fault_proxy(*, port: int, to: int) -> AsyncIterator[FaultProxy]:
    """Run a proxy for the length of the block."""
    proxy = FaultProxy(port=port, to=to)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()

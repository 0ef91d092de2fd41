"""A relay in front of one agency that spoils what passes: connections that break, fall silent, drip, or talk rubbish.

What the agency's own modes (`sandbox/control.py`) cannot show happens here, on the wire, for every protocol alike.
Bytes pass unread but for what HTTP's own faults need: where a request ends, and where an answer's body begins.
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
"""No protocol of the city begins like this."""
_LINGER_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: close with a reset, and with nothing still to be sent."""


class FaultKind(StrEnum):
    """The ways in which a connection can fail its client."""

    LATENCY = "latency"
    """Each answer begins so many seconds late."""
    RESET = "reset"
    """The connection is reset when something is asked."""
    HALF_OPEN = "half-open"
    """The other end is gone and nobody says so: connections open, take what is sent, and never answer nor close.

    Those that were open when it began are silent for good, whatever comes after: so a firewall forgets them.
    """
    GARBAGE = "garbage"
    """Bytes that are no protocol, then the end."""
    GARBAGE_BODY = "garbage-body"
    """HTTP 200 with a body that is nothing."""
    TRUNCATED = "truncated"
    """Half of an answer, then the end; of HTTP half of the body."""
    ERROR = "500"
    """HTTP 500."""
    THROTTLED = "429"
    """HTTP 429 with `Retry-After`, so many seconds."""
    DRIP = "drip"
    """Answers come one byte at a time, so many seconds apart."""
    REFUSE = "refuse"
    """Nobody listens, and whoever was connected is no more."""


HTTP_FAULTS: Final = frozenset({FaultKind.GARBAGE_BODY, FaultKind.ERROR, FaultKind.THROTTLED})
"""What only makes sense where HTTP is spoken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireFault:
    """What goes wrong: of `chance` of all exchanges (0 to 1); `seconds` where the kind has some.

    An exchange is a question and its answer on a connection. Half-open and refuse hit everything at once. Raises
    ValueError where chance or seconds make no sense.
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
    """A relay from `port` to the agency on port `to`. `inject` and `clear` take effect at once."""

    def __init__(self, *, port: int, to: int) -> None:
        self.port = port
        self.to = to
        self.fault: WireFault | None = None
        self.faulted_exchanges = 0
        """Exchanges that went wrong so far; of half-open, connections that fell silent, too."""
        self._random = Random(_SEED)  # noqa: S311 - faults must be repeatable, not unguessable
        self._server: asyncio.Server | None = None
        self._open: dict[_RelayedConnection, asyncio.Task[None]] = {}

    def __repr__(self) -> str:
        kind = self.fault.kind.value if self.fault else "sound"
        return f"<FaultProxy {self.port}->{self.to} {kind} open={len(self._open)} struck={self.faulted_exchanges}>"

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._open)

    async def inject(self, fault: WireFault) -> None:
        """Let this go wrong from now on, and nothing else."""
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
        """Let everything pass from now on. Connections that fell silent stay so."""
        self.fault = None
        await self._listen()

    def draw_fault(self) -> WireFault | None:
        """What goes wrong with an exchange that begins now."""
        fault = self.fault
        if fault is None or (fault.chance < 1 and self._random.random() >= fault.chance):
            return None
        self.faulted_exchanges += 1
        return fault

    async def start(self) -> None:
        """Listen."""
        await self._listen()

    async def stop(self) -> None:
        """Listen no more, and end every connection."""
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
    """One client's connection, and the one to the agency behind it."""

    def __init__(self, proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.is_silent = False
        """Whether nothing passes any more, either way."""
        self._proxy = proxy
        self._reader = reader
        self._writer = writer
        self._fault: WireFault | None = None
        self._has_begun = False
        self._is_answering = True
        """Whether the agency had the last word. What a client says next begins an exchange."""
        self._is_spoiled = False
        """Whether the fault of this exchange is done."""

    def reset(self) -> None:
        """Close the connection to the client as a machine does that knows nothing of it."""
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
        """Pass on what the client says; some faults answer in the agency's place."""
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
        """Pass on what the agency says, or what is left of it; at its end the client's connection ends, too."""
        while data := await agency.read(_CHUNK):
            if not self._has_begun:  # some agencies speak first
                self._begin_exchange()
            if not self.is_silent and not await self._forward_chunk(data):
                return
        if self.is_silent:
            await asyncio.Event().wait()  # nobody is told that the agency has ended: the client has to notice by itself

    async def _forward_chunk(self, data: bytes) -> bool:
        """Give the client a piece of an answer; whether the connection goes on."""
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
        """Read on until a request has come whole."""
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
            raise ConnectionResetError("the client went away in the midst of a request")
        return data


def _build_reply(fault: WireFault | None) -> bytes:
    """What stands in the place of an HTTP answer."""
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
    """A relay for the length of the block."""
    proxy = FaultProxy(port=port, to=to)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()

"""A relay in front of an agency that changes what passes: other people in replies, other keys in requests, no end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.sandbox_agencies import HOST, free_port

_CHUNK = 1 << 16
_ENDLESS_JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
_PIECE = b"[" * (_CHUNK - 1)
_ENDLESS_HTTP = b"%x\r\n%b\r\n" % (len(_PIECE), _PIECE)
_ENDLESS_POSTGRES = b"S\x00\x00\x04\x07a\x00" + b"x" * 1024 + b"\x00"
"""The value of a parameter, which PostgreSQL may send at any time."""


@dataclass
class ReplyRelay:
    """The relay; changes apply from now on."""

    to: int
    port: int = field(default_factory=free_port)
    in_replies: tuple[bytes, bytes] | None = None
    """Replaced by bytes of the same length."""
    replaced: int = 0
    """Replies in which something was replaced."""
    in_requests: tuple[bytes, bytes] | None = None
    is_endless: bool = False
    """Whether replies never end."""

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            agency_reader, agency_writer = await asyncio.open_connection(HOST, self.to)
        except BaseException:
            writer.close()
            raise
        directions = [
            asyncio.ensure_future(self._pass_requests(reader, agency_writer)),
            asyncio.ensure_future(self._pass_replies(agency_reader, writer)),
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            agency_writer.close()
            writer.close()  # before the wait, which the end of the block may cancel
            for each in directions:
                each.cancel()
            await asyncio.gather(*directions, return_exceptions=True)

    async def _pass_requests(self, reader: asyncio.StreamReader, agency: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            agency.write(data.replace(*self.in_requests) if self.in_requests else data)
            await agency.drain()

    async def _pass_replies(self, agency: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await agency.read(_CHUNK):
            if self.is_endless:
                await self._send_without_end(data, writer)
            if self.in_replies is not None:
                self.replaced += self.in_replies[0] in data
                data = data.replace(*self.in_replies)
            writer.write(data)
            await writer.drain()

    async def _send_without_end(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        is_http = data.startswith(b"HTTP/")
        writer.write(_ENDLESS_JSON if is_http else data)
        while True:
            writer.write(_ENDLESS_HTTP if is_http else _ENDLESS_POSTGRES * 64)
            await writer.drain()


@asynccontextmanager
async def run_reply_relay(to: int) -> AsyncIterator[ReplyRelay]:
    """The relay for the length of the block."""
    relay = ReplyRelay(to)
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(OSError, asyncio.CancelledError):
            await relay.accept(reader, writer)

    server = await asyncio.start_server(accept, HOST, relay.port)
    try:
        yield relay
    finally:
        server.close()
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

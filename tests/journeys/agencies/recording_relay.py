"""A line to an agency that lets everything pass, and remembers what the hub said."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.sandbox_agencies import HOST


@dataclass(slots=True)
class RecordingRelay:
    """The line."""

    port: int = 0
    said: bytearray = field(default_factory=bytearray)

    def headers(self, name: str) -> Sequence[str]:
        """Every value of a header, in the order in which it was sent."""
        lines = self.said.decode("latin-1").split("\r\n")
        return [line.partition(": ")[2] for line in lines if line.lower().startswith(f"{name}: ")]


@asynccontextmanager
async def relay(port: int) -> AsyncIterator[RecordingRelay]:
    """A line to a port of this machine."""
    relay = RecordingRelay()

    async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, thither = await asyncio.open_connection(HOST, port)

        async def forth() -> None:
            while said := await reader.read(65536):
                relay.said += said
                thither.write(said)
            thither.close()

        async def back() -> None:
            while said := await there.read(65536):
                writer.write(said)
            writer.close()

        with contextlib.suppress(ConnectionError):
            await asyncio.gather(forth(), back())

    async with await asyncio.start_server(through, HOST, 0) as server:
        relay.port = server.sockets[0].getsockname()[1]
        yield relay

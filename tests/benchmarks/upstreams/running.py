"""A memory server of a test, on a free port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from benchmarks.upstreams.memory_server import Handler, MemoryServer
from tests.sandbox_agencies import HOST, free_port


@asynccontextmanager
async def run_memory_server(handler: Handler) -> AsyncIterator[int]:
    """The port of a running server."""
    port = free_port()
    task = asyncio.ensure_future(MemoryServer(handler).serve(port))
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(HOST, port)
            writer.close()
            break
        await asyncio.sleep(0.005)
    try:
        yield port
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def send_bytes(port: int, *parts: bytes, replies: int = 1) -> bytes:
    """Send the parts one by one; read this number of replies, or all until the server closes."""
    reader, writer = await asyncio.open_connection(HOST, port)
    received = b""
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        while received.count(b"\r\n\r\n") < replies or received.endswith(b"\r\n\r\n"):
            more = await asyncio.wait_for(reader.read(65536), 5)
            if not more:
                break
            received += more
    finally:
        writer.close()
    return received

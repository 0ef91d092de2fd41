"""A server on loopback that answers with exactly the bytes a test wants, well formed or not."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequest:
    """A request as it came over the wire."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


Script = Callable[[ReceivedRequest, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class ByteServer:
    """The server: what it was asked, on how many connections, whether a caller went away early, and the last one."""

    script: Script
    url: str = ""
    asked: list[ReceivedRequest] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """Names that TLS clients asked for (SNI)."""
    connections: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)
    busy: asyncio.Event = field(default_factory=asyncio.Event)
    deserted: asyncio.Event = field(default_factory=asyncio.Event)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.add(writer)
        try:
            while True:
                asked = await _request(reader)
                self.asked.append(asked)
                self.busy.set()
                answering = asyncio.ensure_future(self.script(asked, writer))
                leaving = asyncio.ensure_future(reader.read(1))
                await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
                gone = not answering.done()
                if gone:
                    self.left.set()
                answering.cancel()
                leaving.cancel()
                said, _ = await asyncio.gather(answering, leaving, return_exceptions=True)
                if gone:
                    break
                if isinstance(said, BaseException):
                    raise said
                if writer.is_closing():
                    break
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()
            if not self.writers:
                self.deserted.set()

    def hang_up(self) -> None:
        """Close every connection, as a server does that is restarted."""
        for writer in self.writers:
            writer.close()


@asynccontextmanager
async def serve_bytes(script: Script | bytes) -> AsyncIterator[ByteServer]:
    """A server on a free port; bytes are sent as the answer to every request."""
    if isinstance(script, bytes):
        script = answer_with(script)
    running = ByteServer(script)
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0)
    running.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield running
    finally:
        server.close()
        running.hang_up()
        await server.wait_closed()


@asynccontextmanager
async def serve_bytes_in_thread(script: Script | bytes) -> AsyncIterator[ByteServer]:
    """The same in a separate thread, for tests that measure the cost of reading without that of sending."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[ByteServer] = loop.create_future()
    over = threading.Event()

    async def serve() -> None:
        async with serve_bytes(script) as server:
            loop.call_soon_threadsafe(ready.set_result, server)
            await asyncio.get_running_loop().run_in_executor(None, over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        yield await ready
    finally:
        over.set()
        await loop.run_in_executor(None, thread.join)


def answer_with(answer: bytes, *, then_hang_up: bool = False) -> Script:
    """The same bytes to every request."""

    async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        if then_hang_up:
            await writer.drain()
            writer.close()

    return script


def reply(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """A well-formed answer. Headers are named with underscores."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def silence(_asked: ReceivedRequest, _writer: asyncio.StreamWriter) -> None:
    """No answer, ever."""
    await asyncio.Event().wait()


async def _request(reader: asyncio.StreamReader) -> ReceivedRequest:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
    method, target, _ = head[0].split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-1])}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return ReceivedRequest(method=method, target=target, headers=headers, body=body)

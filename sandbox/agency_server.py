"""The server of an agency's process: bind the sockets, serve the applications, stop in order on a signal."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp

from sandbox.agency import LOOPBACK, AgencySpec, CannotStartError
from sandbox.control import AgencyControl, AgencyMode

_TICK_S = 1.0
_GRACE_S = 1
"""Seconds that requests in flight may take after a stop signal."""


def listen(port: int) -> socket.socket:
    """Create a listening loopback socket. Raises `CannotStartError` if the port is taken or not allowed."""
    # asyncio sets TCP_NODELAY only on sockets with the TCP protocol number; without it, an answer may wait 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise CannotStartError(f"port {port} cannot be used ({error.strerror}); choose another.") from error
    listener.setblocking(False)  # noqa: FBT003 - the standard library's own signature
    return listener


def serve(spec: AgencySpec, control: AgencyControl, app: ASGIApp) -> None:
    """Serve an HTTP agency: `app` on its port, the control API on its control port, until a stop signal."""

    async def agency() -> None:
        async with AsyncExitStack() as running:
            await running.enter_async_context(serve_app(app, listen(spec.port)))
            await running.enter_async_context(serve_control(spec, control))
            control.ready = True
            await wait_for_stop_signal()
            control.set_mode(
                AgencyMode.NORMAL
            )  # answers held by mode slow go out, or the server would wait and cut them off

    asyncio.run(agency())


@asynccontextmanager
async def serve_control(spec: AgencySpec, control: AgencyControl) -> AsyncIterator[None]:
    """Serve an agency's control API on its control port for the length of the block."""
    async with serve_app(control.build_app(spec.state), listen(spec.control_port)):
        yield


@asynccontextmanager
async def serve_app(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Serve an ASGI application on a listening socket for the length of the block."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.end()
        await task


class _Server(uvicorn.Server):
    """Leaves signals alone: one process runs several servers, and the agency decides when it ends.

    It looks once a second whether there is something to do. uvicorn looks ten times, which costs a city of twenty
    agencies two seconds of processor time a minute.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._is_ended = asyncio.Event()

    def end(self) -> None:
        """Shut down."""
        self.should_exit = True
        self._is_ended.set()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # on each tenth number, uvicorn renews the date of its headers
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK_S):
                    await self._is_ended.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def wait_for_stop_signal() -> None:
    """Wait for SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()

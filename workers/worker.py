"""One worker: the whole hub in a process, on the socket that all workers share."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable

import uvloop

import server
from settings import Settings
from web.endpoints.export import MAX_SECONDS
from web.server.http_server import HttpServer, ShutdownPolicy
from web.server.uvicorn_config import build_uvicorn_config, freeze_startup_objects
from workers.scoreboard import WorkerSlot
from workers.signals import DRAIN, STOP

_HEARTBEAT_SECONDS = 2.0
_IDLE_LINGER_SECONDS = 2.0
"""Seconds for which idle connections stay open when the hub ends."""


def run_worker(
    settings: Settings, *, listener: socket.socket, supervisor_pipe: int, slot: WorkerSlot, on_ready: Callable[[], None]
) -> None:
    """Serves until the end signal, or until the other end of `supervisor_pipe` is closed.

    Raises the errors of the application's start, and `ApplicationStartError`.
    """
    uvloop.run(_serve(settings, listener, supervisor_pipe, slot, on_ready))


async def _serve(
    settings: Settings, listener: socket.socket, supervisor_pipe: int, slot: WorkerSlot, on_ready: Callable[[], None]
) -> None:
    web = settings.web
    address = settings.listen_address
    config = build_uvicorn_config(server.create_app(settings), str(address.ip), address.port, web)

    def handle_ready() -> None:
        freeze_startup_objects()
        on_ready()

    http_server = HttpServer(config, handle_ready, slot)
    request_bound = web.request_timeout + web.overrun_grace
    stop_policy = ShutdownPolicy(timeout=request_bound + _IDLE_LINGER_SECONDS, linger=_IDLE_LINGER_SECONDS)
    # Other workers continue, so nothing waits for this one: no request is cut off, and idle connections time out as
    # usual.
    drain_policy = ShutdownPolicy(timeout=MAX_SECONDS + request_bound, linger=MAX_SECONDS, is_final=False)
    loop = asyncio.get_running_loop()

    def handle_supervisor_gone() -> None:
        loop.remove_reader(supervisor_pipe)
        http_server.shut_down(stop_policy)

    loop.add_signal_handler(STOP, http_server.shut_down, stop_policy)
    loop.add_signal_handler(DRAIN, http_server.shut_down, drain_policy)
    loop.add_reader(supervisor_pipe, handle_supervisor_gone)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {STOP, DRAIN})
    heartbeat_task = asyncio.create_task(_send_heartbeats(slot))
    try:
        await http_server.serve([listener])
    finally:
        heartbeat_task.cancel()


async def _send_heartbeats(slot: WorkerSlot) -> None:
    """Sends heartbeats, because the pool kills a worker that is silent for long."""
    while True:
        slot.report_alive()
        await asyncio.sleep(_HEARTBEAT_SECONDS)

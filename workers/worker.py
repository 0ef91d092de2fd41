"""One worker: the whole hub in a process of its own, on the socket that all workers share."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable

import uvloop

import server
from settings import Settings
from web.export import LONGEST
from web.http_server import Farewell, HttpServer
from web.serving import settle_memory, uvicorn_config
from workers.occupancy import Place
from workers.signals import END, RETIRE

_BEAT = 0.5
_LINGER = 2.0
"""Seconds for which idle connections stay open when the hub ends."""


def work(settings: Settings, *, listener: socket.socket, tether: int, place: Place, ready: Callable[[], None]) -> None:
    """Serve until told to end, or until nobody is left at the other end of the `tether`.

    Raises what the application's start raises, and `NotStarted`.
    """
    uvloop.run(_work(settings, listener, tether, place, ready))


async def _work(
    settings: Settings, listener: socket.socket, tether: int, place: Place, ready: Callable[[], None]
) -> None:
    web = settings.web
    address = settings.listen_address
    config = uvicorn_config(server.create_app(settings), str(address.ip), address.port, web)

    def serves() -> None:
        settle_memory()
        ready()

    worker = HttpServer(config, serves, place)
    in_time = web.request_timeout + web.overrun
    ending = Farewell(patience=in_time + _LINGER, linger=_LINGER)
    # Others go on: nobody waits for this one, so nothing is cut off, and idle connections go when they always do.
    retiring = Farewell(patience=LONGEST + in_time, linger=LONGEST, last=False)
    loop = asyncio.get_running_loop()

    def left_alone() -> None:
        loop.remove_reader(tether)
        worker.end(ending)

    loop.add_signal_handler(END, worker.end, ending)
    loop.add_signal_handler(RETIRE, worker.end, retiring)
    loop.add_reader(tether, left_alone)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {END, RETIRE})
    beating = asyncio.create_task(_beat(place))
    try:
        await worker.serve([listener])
    finally:
        beating.cancel()


async def _beat(place: Place) -> None:
    """Say again and again that this process lives: who is silent for long is thought to hang."""
    while True:
        place.alive()
        await asyncio.sleep(_BEAT)

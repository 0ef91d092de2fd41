"""The configuration of uvicorn and of the garbage collector."""

from __future__ import annotations

import gc
import ipaddress

import uvicorn
from starlette.types import ASGIApp

from web.server.header_limits import build_limited_protocol
from web.server.single_write_response import get_repeated_requests
from web.settings import WebSettings


class NotLoopbackError(ValueError):
    """A hub in development would listen on an address that other machines can reach."""


def check_loopback(host: str) -> None:
    """Check that only this machine can reach the address, as a hub in development requires.

    Raises:
        NotLoopbackError: The host is another address, or a name other than `localhost`.

    """
    if host == "localhost":
        return
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise NotLoopbackError(
            f"A hub in development listens on this machine only (127.0.0.1, ::1 or localhost), not on '{host}': "
            "it shows the graph and errors to every caller. Use 127.0.0.1 as the host."
        )


def build_uvicorn_config(app: ASGIApp, host: str, port: int, settings: WebSettings) -> uvicorn.Config:
    """The configuration of uvicorn, with all limits of the settings.

    uvicorn's access log is off, because it writes query strings, which may contain variables. The application logs
    requests itself (`web/middleware/request_identity.py`), and the composition root configures logging. uvicorn's limit
    of connections is off too: a client with enough idle connections could have all requests refused, in plain text.
    `web/admission/surplus_connections.py` replaces it.

    Raises:
        NotLoopbackError: See `check_loopback`.

    """
    if settings.development:
        check_loopback(host)
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=build_limited_protocol(
            header_timeout=settings.header_timeout,
            write_timeout=settings.write_timeout,
            max_header_bytes=settings.max_header_bytes,
            max_connections=settings.max_connections,
            repeated_requests=get_repeated_requests(app),
        ),
        interface="asgi3",  # uvicorn takes an application that is no coroutine function for one of ASGI 2
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        timeout_keep_alive=settings.keep_alive_timeout,
        timeout_graceful_shutdown=round(settings.request_timeout + settings.overrun_grace),
    )


def freeze_startup_objects() -> None:
    """Exclude the objects of the start from garbage collection, and collect less often. Call it once, before serving.

    The schema and the libraries are some hundred thousand objects that live as long as the process. Python's collector
    would visit all of them repeatedly during requests, and that is what the slowest requests wait for.

    A request leaves no garbage cycles behind, so only objects in use count towards the next collection. With 256
    concurrent requests of a hundred records each, these are more than 50,000 objects, and useless collections took a
    sixth of the processor time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(250_000, 20, 50)

"""How the hub's application is put on a port."""

from __future__ import annotations

import gc
import ipaddress

import uvicorn
from starlette.types import ASGIApp

from web.server.header_limits import build_limited_protocol
from web.settings import WebSettings


class NotLoopbackError(ValueError):
    """A hub in development would listen on an address that other machines can reach."""


def check_loopback(host: str) -> None:
    """Let pass addresses that only this machine reaches: a hub in development must not be reachable from elsewhere.

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
    """The configuration of uvicorn, with every limit of the settings.

    The access log of uvicorn is off (`web/server/header_limits.py`) because it writes query strings, which may hold
    variables; the application logs requests itself (`web/middleware/request_identity.py`). How logs are written is the
    composition root's. Its own limit of connections is off, too (`web/admission/surplus_connections.py` has ours): with
    it, whoever holds enough idle connections has every request refused, in plain text.

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
        ),
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
    """Spare what was made at the start from every later search for garbage, and search less often.

    The hub's schema and libraries are some hundred thousand objects that live as long as the process. Python's
    collector would look at all of them again and again, in the midst of requests: that is what the slowest requests
    wait for. To be called once, when the hub is ready to serve.

    A run leaves nothing behind for the collector. What counts towards the next search is then only what is in use: with
    256 requests under way, each with a hundred records, that is more than 50,000 objects, and searches that find
    nothing took a sixth of the processor time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(250_000, 20, 50)

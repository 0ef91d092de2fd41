"""Under which names the hub may be addressed.

A foreign page can point its own name at 127.0.0.1 (DNS rebinding) and is then, to the browser, the same origin as the
hub: it could read sample tokens and answers. Only the `Host` header gives it away.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from web.error_answers import refused
from web.listen_address import HIGHEST_PORT
from web.refusals import Code, Refusal

_PORT: Final = re.compile(r"[0-9]{1,5}")


def check_host(host: str, allowed: Collection[str]) -> None:
    """Let pass a `Host` header that names the hub, with any port.

    Raises:
        Refusal: MISDIRECTED_REQUEST.

    """
    name = host.lower()
    bare, _, port = name.rpartition(":")
    if bare and _PORT.fullmatch(port) and int(port) <= HIGHEST_PORT:
        name = bare
    if name not in allowed:
        raise Refusal(
            Code.MISDIRECTED_REQUEST,
            "The Host header does not name this hub. Use one of the names it is set up for (allowed_hosts).",
        )


def check_hosts(headers: Headers, allowed: Collection[str]) -> None:
    """Let pass a request whose one `Host` header names the hub.

    With several headers, the proxy and the hub could choose different ones.

    Raises:
        Refusal: MISDIRECTED_REQUEST; BAD_REQUEST where there is no such header, or more than one.

    """
    named = headers.getlist("host")
    _check_one(named)
    check_host(named[0], allowed)


def _check_one(named: Sequence[str], *, may_be_none: bool = False) -> None:
    if len(named) != 1 and not (may_be_none and not named):
        found = "no Host header" if not named else f"{len(named)} Host headers"
        raise Refusal(Code.BAD_REQUEST, f"The request has {found}. Send one (RFC 9112, section 3.2).")


METRICS: Final = "/metrics"
WATCHED: Final = frozenset({"/health/live", "/health/ready", METRICS})
"""Paths that orchestrators and Prometheus call by the address of one container, under any name. They reveal nothing new
to pages of other sites: health is public, and metrics need a token."""


class KnownHosts:
    """ASGI middleware: serves only requests whose `Host` header names the hub, but for those that watch it."""

    def __init__(self, app: ASGIApp, *, allowed: Collection[str], watched: Collection[str] = WATCHED) -> None:
        self._app = app
        self._allowed = allowed
        self._watched = watched

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] == "http":
            try:
                if scope["path"] in self._watched:
                    _check_one(Headers(scope=scope).getlist("host"), may_be_none=scope["http_version"] == "1.0")
                else:
                    check_hosts(Headers(scope=scope), self._allowed)
            except Refusal as refusal:
                await refused(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)

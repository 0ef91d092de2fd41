"""Check of the `Host` header against the names of the hub.

It prevents DNS rebinding: a foreign page points its own name at 127.0.0.1, and then has the same origin as the hub for
the browser. It could read sample tokens and responses. Only the `Host` header shows the foreign name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from web.http_error_responses import build_error_response
from web.http_errors import HttpError, HttpErrorCode
from web.server.listen_address import MAX_PORT

_PORT: Final = re.compile(r"[0-9]{1,5}")


def check_host(host: str, allowed: Collection[str]) -> None:
    """Check that a `Host` header names the hub, with any port.

    Raises:
        HttpError: MISDIRECTED_REQUEST.

    """
    name = host.lower()
    bare, _, port = name.rpartition(":")
    if bare and _PORT.fullmatch(port) and int(port) <= MAX_PORT:
        name = bare
    if name not in allowed:
        raise HttpError(
            HttpErrorCode.MISDIRECTED_REQUEST,
            "The Host header does not name this hub. Use the host of its public address, or of its listen address.",
        )


def check_hosts(headers: Headers, allowed: Collection[str]) -> None:
    """Check that the only `Host` header of a request names the hub.

    With several headers, the proxy and the hub could choose different ones.

    Raises:
        HttpError: MISDIRECTED_REQUEST; BAD_REQUEST without such a header, or with more than one.

    """
    named = headers.getlist("host")
    _check_single_host(named)
    check_host(named[0], allowed)


def _check_single_host(named: Sequence[str], *, is_optional: bool = False) -> None:
    if len(named) != 1 and not (is_optional and not named):
        found = "no Host header" if not named else f"{len(named)} Host headers"
        raise HttpError(HttpErrorCode.BAD_REQUEST, f"The request has {found}. Send one (RFC 9112, section 3.2).")


METRICS_PATH: Final = "/metrics"
MONITORING_PATHS: Final = frozenset({"/health/live", "/health/ready", METRICS_PATH})
"""Paths that orchestrators and Prometheus call by the address of one container, under any name. They reveal nothing new
to pages of other sites: health is public, and metrics need a token."""


class KnownHosts:
    """ASGI middleware: serves only requests whose `Host` header names the hub, except to monitoring paths."""

    def __init__(
        self, app: ASGIApp, *, allowed: Collection[str], monitoring_paths: Collection[str] = MONITORING_PATHS
    ) -> None:
        self._app = app
        self._allowed = allowed
        self._monitoring_paths = monitoring_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] == "http":
            try:
                if scope["path"] in self._monitoring_paths:
                    _check_single_host(Headers(scope=scope).getlist("host"), is_optional=scope["http_version"] == "1.0")
                else:
                    check_hosts(Headers(scope=scope), self._allowed)
            except HttpError as refusal:
                await build_error_response(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)

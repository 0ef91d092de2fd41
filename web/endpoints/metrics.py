"""`/metrics`: the numbers of the whole hub, for whoever holds the token that the operator gave to Prometheus.

A token and not an address: behind a proxy on the same machine everybody comes from the loopback address, and a proxy
that says nothing of whom it speaks for would show the metrics to all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import sha256
from hmac import compare_digest

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from web.http_errors import HttpError, HttpErrorCode

PATH = "/metrics"

RenderMetrics = Callable[[str], Awaitable[tuple[bytes, str]]]
"""The numbers as text in the format that an `Accept` header asks for, and its media type."""


class MetricsEndpoint:
    """The endpoint."""

    def __init__(self, render: RenderMetrics, *, token: str | None) -> None:
        """Without a `token` whoever reaches the hub may see the numbers: for development only."""
        self._render = render
        self._token_digest = None if token is None else _digest_token(f"Bearer {token}")

    def routes(self) -> list[Route]:
        """Where it is served."""
        return [Route(PATH, self._show, methods=["GET"])]

    async def _show(self, request: Request) -> Response:
        if self._token_digest is not None:
            values = request.headers.getlist("authorization")
            if len(values) != 1 or not compare_digest(_digest_token(values[0]), self._token_digest):
                raise HttpError(
                    HttpErrorCode.UNAUTHENTICATED,
                    "Metrics are for who runs this hub. Send the token of SIMPUL_METRICS_TOKEN as"
                    " 'Authorization: Bearer ...'.",
                    headers={"WWW-Authenticate": "Bearer"},
                )
        body, media_type = await self._render(",".join(request.headers.getlist("accept")))
        return Response(body, headers={"Content-Type": media_type, "Cache-Control": "no-store"})


def _digest_token(text: str) -> bytes:
    """What is compared: of one length, whatever was sent."""
    return sha256(text.encode("utf-8", "surrogateescape")).digest()

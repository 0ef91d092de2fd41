"""`/metrics`: the metrics of all processes, for Prometheus with the operator's token.

Access needs a token instead of an address: behind a proxy on the same machine, all requests come from the loopback
address, and a proxy that does not forward client addresses would expose the metrics.
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
"""Renders the metrics in the format of an `Accept` header; returns the text and its media type."""


class MetricsEndpoint:
    """The endpoint."""

    def __init__(self, render: RenderMetrics, *, token: str | None) -> None:
        """Without a `token`, everyone can read the metrics: for development only."""
        self._render = render
        self._token_digest = None if token is None else _digest_token(f"Bearer {token}")

    def routes(self) -> list[Route]:
        """The routes."""
        return [Route(PATH, self._show, methods=["GET"])]

    async def _show(self, request: Request) -> Response:
        if self._token_digest is not None:
            values = request.headers.getlist("authorization")
            if len(values) != 1 or not compare_digest(_digest_token(values[0]), self._token_digest):
                raise HttpError(
                    HttpErrorCode.UNAUTHENTICATED,
                    "Only operators can read metrics. Send the token of SIMPUL_METRICS_TOKEN as"
                    " 'Authorization: Bearer ...'.",
                    headers={"WWW-Authenticate": "Bearer"},
                )
        body, media_type = await self._render(",".join(request.headers.getlist("accept")))
        return Response(body, headers={"Content-Type": media_type, "Cache-Control": "no-store"})


def _digest_token(text: str) -> bytes:
    """A digest of fixed length, for a comparison in constant time."""
    return sha256(text.encode("utf-8", "surrogateescape")).digest()

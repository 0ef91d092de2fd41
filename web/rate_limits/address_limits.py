"""Limits by address for everything besides `/graphql`: pages, their files, and unknown paths."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from web.http_error_responses import build_error_response
from web.http_errors import HttpError
from web.rate_limits.caller_limiter import RequestLimiter

UNLIMITED_PATHS: Final = ("/health/", "/v2/", "/metrics")
"""Monitoring is never refused; the Data Tracker is counted as the client that its token proves."""


class AddressLimits:
    """ASGI middleware: counts requests by the address they come from."""

    def __init__(self, app: ASGIApp, *, caller_limiter: RequestLimiter) -> None:
        self._app = app
        self._caller_limiter = caller_limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] == "http" and not scope["path"].startswith(UNLIMITED_PATHS):
            caller_limits = self._caller_limiter.for_address(scope, Headers(scope=scope))
            try:
                if (entering := caller_limits.take_request()) is not None:
                    await entering
            except HttpError as refusal:
                await build_error_response(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)

"""Limits by address for what is served beside `/graphql`: pages, their files, and paths that do not exist."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from web.allowances import Allowances
from web.error_answers import refused
from web.refusals import Refusal

FREE: Final = ("/health/", "/v2/", "/metrics")
"""Whoever watches the hub is never refused; the Data Tracker is counted as the client it proves to be."""


class AddressLimits:
    """ASGI middleware: counts requests by the address they come from."""

    def __init__(self, app: ASGIApp, *, allowances: Allowances) -> None:
        self._app = app
        self._allowances = allowances

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] == "http" and not scope["path"].startswith(FREE):
            allowance = self._allowances.of_address(scope, Headers(scope=scope))
            try:
                if allowance is not None and (entering := allowance.enter()) is not None:
                    await entering
            except Refusal as refusal:
                await refused(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)

"""Load shedding for what is served beside `/graphql`: pages, their files, and the addresses of partners."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from web.error_answers import refused
from web.load import Urgency
from web.shedding import Shedding, Standing
from web.surplus_connections import is_surplus

NEVER_SHED: Final = ("/health/", "/hooks/", "/metrics", "/status")
"""Who watches the hub has to see it then above all, and agencies that say what changed make it ask them less."""


class ShedPaths:
    """ASGI middleware: refuses requests while the hub is asked for more than it can answer."""

    def __init__(self, app: ASGIApp, *, shedding: Shedding) -> None:
        self._app = app
        self._shedding = shedding

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http" or scope["path"].startswith(NEVER_SHED):
            await self._app(scope, receive, send)
            return
        shedding, surplus = self._shedding, is_surplus(scope)
        let_in = shedding.enter(monotonic(), surplus=surplus)
        try:
            if not let_in:
                urgency = self._standing(Headers(scope=scope)).urgency
                if (surplus and urgency is not Urgency.LANE) or not shedding.let_in(urgency):
                    await refused(shedding.turn_away(urgency))(scope, receive, send)
                    return
                let_in = True
            await self._app(scope, receive, send)
        finally:
            shedding.leave(let_in=let_in)

    def _standing(self, headers: Mapping[str, str]) -> Standing:
        """Who brings a cookie says to be signed in; whether that is so is looked at by the page."""
        authorization = headers.get("authorization")
        if authorization is None and "cookie" in headers:
            return Standing(Urgency.CLAIMED)
        return self._shedding.standing(authorization)

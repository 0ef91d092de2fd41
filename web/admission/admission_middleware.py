"""Load shedding for everything besides `/graphql`: pages, their files, and endpoints for partners."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from web.admission.load import Urgency
from web.admission.load_shedder import LoadShedder, RequestPriority
from web.admission.surplus_connections import is_surplus
from web.http_error_responses import build_error_response

ALWAYS_ADMITTED: Final = ("/health/", "/hooks/", "/metrics", "/status")
"""Monitoring matters most under overload, and change notices of agencies (`/hooks/`) reduce the load."""


class AdmissionMiddleware:
    """ASGI middleware: refuses requests under overload."""

    def __init__(self, app: ASGIApp, *, load_shedder: LoadShedder) -> None:
        self._app = app
        self._load_shedder = load_shedder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http" or scope["path"].startswith(ALWAYS_ADMITTED):
            await self._app(scope, receive, send)
            return
        load_shedder, surplus = self._load_shedder, is_surplus(scope)
        is_admitted = load_shedder.enter(monotonic(), is_surplus=surplus)
        try:
            if not is_admitted:
                urgency = self._get_priority(Headers(scope=scope)).urgency
                if (surplus and urgency is not Urgency.LANE) or not load_shedder.admit(urgency):
                    await build_error_response(load_shedder.build_overload_error(urgency))(scope, receive, send)
                    return
                is_admitted = True
            await self._app(scope, receive, send)
        finally:
            load_shedder.leave(was_admitted=is_admitted)

    def _get_priority(self, headers: Mapping[str, str]) -> RequestPriority:
        """The priority of a request. A cookie claims a session, which the page verifies later."""
        authorization = headers.get("authorization")
        if authorization is None and "cookie" in headers:
            return RequestPriority(Urgency.CLAIMED)
        return self._load_shedder.get_priority(authorization)

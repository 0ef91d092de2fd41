"""Gives every request an id, a deadline, and one log line that names no person.

The deadline is the hub's setting, or an earlier one that the caller sets by `X-Request-Timeout`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from random import getrandbits
from time import monotonic
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from records.calls.call import Call
from records.calls.spans import Span
from telemetry.current_request import enter_request
from telemetry.metrics.request_counts import RequestCounts
from web.http_errors import HttpError, HttpErrorCode
from web.languages import choose_language
from web.middleware.request_log import RequestLog
from web.middleware.request_spans import StartRequestSpan, end_request_span

_SAFE_ID = re.compile(r"(?!(?:.*[._-])?[A-Za-z]*\d{16,18}(?:[._-]|\Z))[A-Za-z0-9._-]{8,64}", re.ASCII)
"""Ids of callers that are accepted: nothing that could break a log line, and no identity number, alone or behind
letters (`nik-3171...`, `NIK3171...`): logs, ledger and events store ids in plain text."""

_ID_BYTES: Final = 16
_ID_DIGITS: Final = 2 * _ID_BYTES

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


class RequestIdentity:
    """ASGI middleware: gives a request its `Call`, echoes the id as `X-Request-Id`, and logs the request.

    `web/middleware/request_log.py` defines what the log contains and what it never contains.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        request_timeout: float,
        request_log: RequestLog,
        request_spans: StartRequestSpan,
        requests: RequestCounts,
        paths: Collection[str] = (),
    ) -> None:
        """`paths` are the paths of routes; requests that are refused before routing are logged by them, too."""
        self._app = app
        self._paths = frozenset(paths)
        self._request_spans = request_spans
        self._requests = requests
        self._request_timeout = request_timeout
        self._request_log = request_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request under its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = monotonic()
        headers = Headers(scope=scope)
        span = self._request_spans.start(scope, headers)
        call = start_call(headers, self._request_timeout, started_at=started, span=span)
        current_request = enter_request(call)
        scope.setdefault("state", {})["call"] = call
        status = 0
        self._requests.in_flight += 1

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = call.request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            current_request.end()
            method, path = scope["method"], self._get_route_path(scope)
            self._requests.in_flight -= 1
            self._requests.routes[path].record_response(status, monotonic() - started)
            self._request_log.record(
                call.request_id, method=method, path=path, status=status, started_at=started, span=span
            )
            if span is not None:
                end_request_span(span, call, method=method, path=path, status=status)

    def _get_route_path(self, scope: Scope) -> str:
        """The route's path, without any text of the caller."""
        path: str | None = getattr(scope.get("route"), "path", None)
        return path or (scope["path"] if scope["path"] in self._paths else "(no such path)")


def start_call(headers: Headers, request_timeout: float, *, started_at: float, span: Span | None = None) -> Call:
    """Id, deadline and language of a request that began at a time of `time.monotonic`; `span` is its span in traces.

    An invalid deadline of the caller counts as the hub's own, until `parse_timeout` refuses it.
    """
    return Call(
        deadline=started_at + (_parse_timeout(headers, request_timeout) or request_timeout),
        request_id=choose_request_id(headers.get("x-request-id")),
        span=span,
        language=choose_language(headers.get("accept-language")),
    )


def choose_request_id(offered: str | None) -> str:
    """The caller's id if it is valid, else a new one."""
    if offered is not None and _SAFE_ID.fullmatch(offered):
        return offered
    return getrandbits(8 * _ID_BYTES).to_bytes(_ID_BYTES, "big").hex()  # no secret, as below


def generate_request_ids(at_a_time: int = 16) -> Iterator[str]:
    """New ids, which are no secret: the system's random bytes would cost a system call a request.

    16 together take a fifth of the time of single ones.
    """
    while True:
        digits = getrandbits(8 * _ID_BYTES * at_a_time).to_bytes(_ID_BYTES * at_a_time, "big").hex()
        for start in range(0, len(digits), _ID_DIGITS):
            yield digits[start : start + _ID_DIGITS]


def parse_timeout(headers: Headers, max_timeout: float) -> float:
    """The caller's timeout in seconds, from `X-Request-Timeout`, and at most `max_timeout`.

    Raises:
        HttpError: BAD_REQUEST, if it is not a number of seconds above 0.

    """
    seconds = _parse_timeout(headers, max_timeout)
    if seconds is None:
        raise HttpError(
            HttpErrorCode.BAD_REQUEST,
            "X-Request-Timeout is malformed: send one number of seconds above 0, such as 2 or 0.5.",
        )
    return seconds


def check_timeout(headers: Headers, max_timeout: float) -> None:
    """Raise `HttpError` BAD_REQUEST for an invalid `X-Request-Timeout`."""
    parse_timeout(headers, max_timeout)


def _parse_timeout(headers: Headers, max_timeout: float) -> float | None:
    offered = headers.getlist("x-request-timeout")
    if not offered:
        return max_timeout
    if len(offered) > 1 or not _SECONDS.fullmatch(offered[0]):
        return None
    return min(float(offered[0]), max_timeout) or None


def get_call(scope: Scope) -> Call:
    """The `Call` of a request that came through `RequestIdentity`."""
    call = scope["state"]["call"]
    if not isinstance(call, Call):
        raise TypeError(f"scope['state']['call'] is {type(call).__name__}, not Call: RequestIdentity must run first.")
    return call

"""What traces tell of requests: one span each, begun before anything is known of who asks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Final, Protocol

from starlette.datastructures import Headers
from starlette.types import Scope

from records.call import Call
from records.spans import Noted, Span
from web.client_address import ClientAddresses, limited_as

_UNTOLD: Final = ("/health/", "/metrics")
"""How paths begin that machines look at every few seconds: they would be most of what is told."""


class Traces(Protocol):
    """Collects what is told."""

    def of_request(
        self, name: str, noted: Mapping[str, Noted], headers: Mapping[str, str], *, trusted: bool
    ) -> Span | None:
        """The span of a request that came with `traceparent` and `tracestate`; None where nobody collects any now.

        The trace of who is trusted is gone on with.
        """


class RequestSpans:
    """Begins the span of each request."""

    def __init__(self, traces: Traces, *, trusted: Collection[str], proxies: Collection[str]) -> None:
        """Take addresses of callers whose traces are gone on with, and of proxies that tell callers' addresses."""
        self._traces = traces
        self._trusted = frozenset(limited_as(each) for each in trusted)
        self._addresses = ClientAddresses(proxies)

    def begun(self, scope: Scope, headers: Headers) -> Span | None:
        """The span of this request; None where nobody is told of it."""
        if scope["path"].startswith(_UNTOLD):
            return None
        method = scope["method"]
        noted = {"http.request.method": method, "url.scheme": scope["scheme"]}
        given = _given(headers) if "traceparent" in headers else {}
        trusted = bool(given) and bool(self._trusted) and self._addresses.of(scope, headers) in self._trusted
        return self._traces.of_request(method, noted, given, trusted=trusted)


def _given(headers: Headers) -> Mapping[str, str]:
    """The place in a trace that the caller names; one that is said twice is none (W3C Trace Context, section 4.3)."""
    places = headers.getlist("traceparent")
    state = ",".join(headers.getlist("tracestate"))
    return {"traceparent": places[0], "tracestate": state} if len(places) == 1 else {}


def ended(span: Span, call: Call, *, method: str, path: str, status: int) -> None:
    """End the span of a request; `path` is the route's, not the caller's, and `status` 0 where no answer left."""
    if span.sampled:
        span.rename(f"{method} {path}")
        span.note("http.route", path)
        span.note("simpul.request_id", call.request_id)
        if status:
            span.note("http.response.status_code", status)
    if status and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        span.end()
    else:
        span.end(str(status) if status else "BROKEN_OFF")

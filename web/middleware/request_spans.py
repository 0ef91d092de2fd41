"""Traces of requests: one span each, started before authentication."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Final, Protocol

from starlette.datastructures import Headers
from starlette.types import Scope

from records.calls.call import Call
from records.calls.spans import AttributeValue, Span
from web.client_address import ClientAddresses, to_limit_key

_UNTRACED_PATHS: Final = ("/health/", "/metrics")
"""Prefixes of paths that machines request every few seconds: they would fill the traces."""


class RequestTracer(Protocol):
    """Collects spans."""

    def start_request_span(
        self, name: str, attributes: Mapping[str, AttributeValue], headers: Mapping[str, str], *, is_trusted: bool
    ) -> Span | None:
        """The span of a request with this `traceparent` and `tracestate`; None while spans are not collected.

        Continues the trace of a trusted caller.
        """


class StartRequestSpan(Protocol):
    """Starts the span of each request."""

    def start(self, scope: Scope, headers: Headers) -> Span | None:
        """The span of this request; None if it is not traced."""


class NoRequestSpans:
    """Traces no request."""

    def start(self, scope: Scope, headers: Headers) -> None:
        """Start no span."""


class RequestSpans:
    """Starts the span of each request."""

    def __init__(self, tracer: RequestTracer, *, trusted_callers: Collection[str], proxies: Collection[str]) -> None:
        """Takes the addresses of callers whose traces are continued, and of proxies that report callers' addresses."""
        self._tracer = tracer
        self._trusted_callers = frozenset(to_limit_key(each) for each in trusted_callers)
        self._addresses = ClientAddresses(proxies)

    def start(self, scope: Scope, headers: Headers) -> Span | None:
        """The span of this request; None if it is not traced."""
        if scope["path"].startswith(_UNTRACED_PATHS):
            return None
        method = scope["method"]
        attributes = {"http.request.method": method, "url.scheme": scope["scheme"]}
        trace_headers = _get_trace_headers(headers) if "traceparent" in headers else {}
        is_trusted = (
            bool(trace_headers)
            and bool(self._trusted_callers)
            and self._addresses.find_limit_key(scope, headers) in self._trusted_callers
        )
        return self._tracer.start_request_span(method, attributes, trace_headers, is_trusted=is_trusted)


def _get_trace_headers(headers: Headers) -> Mapping[str, str]:
    """The caller's trace context; None if a header is repeated (W3C Trace Context, section 4.3)."""
    parents = headers.getlist("traceparent")
    state = ",".join(headers.getlist("tracestate"))
    return {"traceparent": parents[0], "tracestate": state} if len(parents) == 1 else {}


def end_request_span(span: Span, call: Call, *, method: str, path: str, status: int) -> None:
    """End the span of a request; `path` is the route's, not the caller's, and `status` 0 if no response was sent."""
    if span.is_sampled:
        span.update_name(f"{method} {path}")
        span.set_attribute("http.route", path)
        span.set_attribute("simpul.request_id", call.request_id)
        if status:
            span.set_attribute("http.response.status_code", status)
    if status and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        span.end()
    else:
        span.end(str(status) if status else "BROKEN_OFF")

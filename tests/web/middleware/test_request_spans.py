"""The span of a request, from its start to its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.datastructures import Headers

from records.calls.spans import AttributeValue, Span
from tests.fakes.waiting import wait_until
from tests.telemetry.in_memory_spans import InMemorySpans
from tests.web.conftest import serve_application
from web.middleware.request_spans import RequestSpans
from web.settings import WebSettings

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class RecordingTracer(InMemorySpans):
    """Collects all spans, and records the arguments of each."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[tuple[Mapping[str, str], bool]] = []

    def start_request_span(
        self, name: str, attributes: Mapping[str, AttributeValue], headers: Mapping[str, str], *, is_trusted: bool
    ) -> Span | None:
        self.given.append((headers, is_trusted))
        span = self.start_request()
        span.update_name(name)
        for key, value in attributes.items():
            span.set_attribute(key, value)
        return span


def build_request_spans(tracer: RecordingTracer, *trusted: str, proxies: tuple[str, ...] = ()) -> RequestSpans:
    return RequestSpans(tracer, trusted_callers=trusted, proxies=proxies)


def build_scope(client: str = "127.0.0.1", **headers: str) -> Any:  # noqa: ANN401 - what Starlette takes
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": "GET", "path": "/x", "scheme": "http", "client": (client, 1), "headers": raw}


def start_span(of: RequestSpans, given: Any) -> None:  # noqa: ANN401 - what Starlette takes
    assert of.start(given, Headers(scope=given)) is not None


@pytest.mark.parametrize(
    ("client", "forwarded", "trusted"),
    [
        ("10.0.0.7", None, True),
        ("10.0.0.8", None, False),
        ("127.0.0.1", "10.0.0.7", True),
        ("127.0.0.1", "10.0.0.8", False),
        ("127.0.0.1", "10.0.0.7, 10.0.0.8", False),
        ("10.0.0.8", "10.0.0.7", False),  # not forwarded by a trusted proxy
        ("2001:db8::5", None, True),
        ("2001:db8:0:1::5", None, False),
    ],
)
def test_a_trusted_caller_is_found_by_the_address_from_our_proxies(
    client: str, *, forwarded: str | None, trusted: bool
) -> None:
    tracer = RecordingTracer()
    headers = {} if forwarded is None else {"x_forwarded_for": forwarded}
    of = build_request_spans(tracer, "10.0.0.7", "2001:db8::7", proxies=("127.0.0.1",))
    start_span(of, build_scope(client, traceparent=GIVEN, **headers))
    assert tracer.given == [({"traceparent": GIVEN, "tracestate": ""}, trusted)]


def test_two_traceparent_headers_are_ignored() -> None:
    tracer, given = RecordingTracer(), build_scope(traceparent=GIVEN)
    given["headers"] *= 2
    start_span(build_request_spans(tracer, "127.0.0.1"), given)
    assert tracer.given == [({}, False)]


def test_repeated_tracestate_headers_are_joined() -> None:
    tracer, given = RecordingTracer(), build_scope(traceparent=GIVEN, tracestate="a=1")
    given["headers"].append((b"tracestate", b"b=2"))
    start_span(build_request_spans(tracer), given)
    assert tracer.given == [({"traceparent": GIVEN, "tracestate": "a=1,b=2"}, False)]


async def test_each_request_has_a_span_with_its_route_and_status() -> None:
    tracer = RecordingTracer()
    async with serve_application(WebSettings(), request_spans=build_request_spans(tracer)) as hub:
        await hub.post({"query": "{ whoAmI }"}, X_Request_Id="gateway-4711")
        await hub.get("/health/live")
        await hub.get("/nik/3171014506909001", X_Request_Id="gateway-4712")
        await wait_until(lambda: len(tracer.spans) == 2)
    seen = {"http.request.method": "POST", "url.scheme": "http", "http.route": "/graphql"}
    assert tracer.spans == [
        ("POST /graphql", seen | {"simpul.request_id": "gateway-4711", "http.response.status_code": 200}),
        (
            "GET (no such path)",
            {
                "http.request.method": "GET",
                "url.scheme": "http",
                "http.route": "(no such path)",
                "simpul.request_id": "gateway-4712",
                "http.response.status_code": 404,
            },
        ),
    ]


async def test_an_unexpected_error_marks_its_span_as_failed_and_a_refusal_does_not() -> None:
    tracer = RecordingTracer()
    async with serve_application(WebSettings(), request_spans=build_request_spans(tracer)) as hub:
        await hub.post({"query": "{ broken }"})
        await hub.request("DELETE", "/graphql")
        await wait_until(lambda: len(tracer.spans) == 2)
    (_, broken), (_, refused) = tracer.spans
    assert (broken["http.response.status_code"], broken["error.type"]) == (500, "500")
    assert refused["http.response.status_code"] == 405
    assert "error.type" not in refused

"""What traces are told of a request before and after it is served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.datastructures import Headers

from records.spans import Noted, Span
from tests.telemetry.in_memory import InMemory
from tests.web.conftest import serving, until
from web.request_spans import RequestSpans
from web.settings import WebSettings

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Told(InMemory):
    """Traces of which every one is told, and what was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[tuple[Mapping[str, str], bool]] = []

    def of_request(
        self, name: str, noted: Mapping[str, Noted], headers: Mapping[str, str], *, trusted: bool
    ) -> Span | None:
        self.given.append((headers, trusted))
        span = self.span()
        span.rename(name)
        for key, value in noted.items():
            span.note(key, value)
        return span


def spans(told: Told, *trusted: str, proxies: tuple[str, ...] = ()) -> RequestSpans:
    return RequestSpans(told, trusted=trusted, proxies=proxies)


def scope(client: str = "127.0.0.1", **headers: str) -> Any:  # noqa: ANN401 - what Starlette takes
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": "GET", "path": "/x", "scheme": "http", "client": (client, 1), "headers": raw}


def begun(of: RequestSpans, given: Any) -> None:  # noqa: ANN401 - what Starlette takes
    assert of.begun(given, Headers(scope=given)) is not None


@pytest.mark.parametrize(
    ("client", "forwarded", "trusted"),
    [
        ("10.0.0.7", None, True),
        ("10.0.0.8", None, False),
        ("127.0.0.1", "10.0.0.7", True),
        ("127.0.0.1", "10.0.0.8", False),
        ("127.0.0.1", "10.0.0.7, 10.0.0.8", False),
        ("10.0.0.8", "10.0.0.7", False),  # no proxy of ours says so
        ("2001:db8::5", None, True),
        ("2001:db8:0:1::5", None, False),
    ],
)
def test_who_is_trusted_is_told_by_the_address_that_proxies_of_ours_tell(
    client: str, *, forwarded: str | None, trusted: bool
) -> None:
    told = Told()
    headers = {} if forwarded is None else {"x_forwarded_for": forwarded}
    of = spans(told, "10.0.0.7", "2001:db8::7", proxies=("127.0.0.1",))
    begun(of, scope(client, traceparent=GIVEN, **headers))
    assert told.given == [({"traceparent": GIVEN, "tracestate": ""}, trusted)]


def test_a_place_that_is_named_twice_is_none() -> None:
    told, given = Told(), scope(traceparent=GIVEN)
    given["headers"] *= 2
    begun(spans(told, "127.0.0.1"), given)
    assert told.given == [({}, False)]


def test_states_that_come_in_pieces_are_one() -> None:
    told, given = Told(), scope(traceparent=GIVEN, tracestate="a=1")
    given["headers"].append((b"tracestate", b"b=2"))
    begun(spans(told), given)
    assert told.given == [({"traceparent": GIVEN, "tracestate": "a=1,b=2"}, False)]


async def test_each_request_has_one_with_its_route_and_its_outcome() -> None:
    told = Told()
    async with serving(WebSettings(), spans=spans(told)) as hub:
        await hub.post({"query": "{ whoAmI }"}, X_Request_Id="gateway-4711")
        await hub.get("/health/live")
        await hub.get("/nik/3171014506909001", X_Request_Id="gateway-4712")
        await until(lambda: len(told.told) == 2)
    seen = {"http.request.method": "POST", "url.scheme": "http", "http.route": "/graphql"}
    assert told.told == [
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


async def test_a_fault_of_the_hub_is_a_failure_and_a_refusal_is_none() -> None:
    told = Told()
    async with serving(WebSettings(), spans=spans(told)) as hub:
        await hub.post({"query": "{ broken }"})
        await hub.request("DELETE", "/graphql")
        await until(lambda: len(told.told) == 2)
    (_, broken), (_, refused) = told.told
    assert (broken["http.response.status_code"], broken["error.type"]) == (500, "500")
    assert refused["http.response.status_code"] == 405
    assert "error.type" not in refused

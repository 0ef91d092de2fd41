"""Whose requests are told of, in which trace, and that nobody ever waits for the collector."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import NoOpTracer

from records.spans import Span
from telemetry import traces as module
from telemetry.traces import MOST_WAITING, Traces
from tests.city import HOST, free_port
from tests.telemetry.collector import Collector, collecting

TRACE, PLACE = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GIVEN = {"traceparent": f"00-{TRACE}-{PLACE}-01", "tracestate": "gateway=1,other=2"}
DECLINED = {"traceparent": f"00-{TRACE}-{PLACE}-00"}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


def drawing(*drawn: float) -> Callable[[], float]:
    """Chance that comes as it is written here."""
    left = list(drawn)
    return lambda: left.pop(0)


def requested(traces: Traces, headers: Mapping[str, str], *, trusted: bool = False) -> Span:
    span = traces.of_request("GET", {"http.request.method": "GET"}, headers, trusted=trusted)
    assert span is not None
    return span


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in a thread, which sets no event
            await asyncio.sleep(0.01)


async def test_the_share_that_is_told_is_drawn_for_each_request(collector: Collector) -> None:
    traces = Traces(collector.url, share=0.25, chance=drawing(0.0, 0.24, 0.25, 0.99))
    async with traces.running():
        spans = [requested(traces, {}) for _ in range(4)]
        for each in spans:
            each.end()
    assert [each.sampled for each in spans] == [True, True, False, False]
    assert len({each.trace_id for each in spans}) == 4
    assert {each.trace_id for each in collector.spans} == {each.trace_id for each in spans[:2]}
    assert (traces.sent, traces.lost) == (2, 0)


async def test_a_stranger_has_no_say_in_whether_and_in_which_trace_it_is_told(collector: Collector) -> None:
    traces = Traces(collector.url, share=0.5, chance=drawing(0.9, 0.9, 0.1))
    async with traces.running():
        forced, declined, drawn = (requested(traces, each) for each in (GIVEN, DECLINED, GIVEN))
        drawn.end()
    assert (forced.sampled, declined.sampled, drawn.sampled) == (False, False, True)
    assert TRACE not in {forced.trace_id, declined.trace_id, drawn.trace_id}
    assert "tracestate" not in drawn.headers
    [told] = collector.spans
    assert (told.parent, told.links) == ("", (PLACE,))


async def test_a_trusted_caller_s_trace_goes_on_and_its_word_is_kept(collector: Collector) -> None:
    traces = Traces(collector.url, share=0.0)
    async with traces.running():
        told, untold = (requested(traces, each, trusted=True) for each in (GIVEN, DECLINED))
        part = told.begin("batch", {})
        assert part.headers["tracestate"] == GIVEN["tracestate"]
        part.end()
        told.end()
    assert (told.sampled, untold.sampled) == (True, False)
    assert untold.headers == DECLINED
    assert untold.begin("batch", {}).headers == DECLINED
    assert told.trace_id == TRACE
    batch, request = collector.spans
    assert (request.parent, batch.parent) == (PLACE, request.id)
    assert {batch.trace_id, request.trace_id} == {TRACE}


@pytest.mark.parametrize(
    "traceparent",
    [
        "", "00", f"00-{TRACE}-{PLACE}", f"00-{'0' * 32}-{PLACE}-01", f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{PLACE}-01", f"00-{TRACE}-{PLACE}-01-x", f"00-{TRACE.upper()}-{PLACE}-01",
        f"00-{TRACE[1:]}-{PLACE}-01",
        "00-zz7651916cd43dd8448eb211c80319c1-b7ad6b7169203331-01", "x" * 5000,
    ],
)  # fmt: skip
async def test_a_place_that_is_not_in_order_is_none_even_of_who_is_trusted(
    traceparent: str, collector: Collector
) -> None:
    traces = Traces(collector.url, share=0.0)
    async with traces.running():
        assert not requested(traces, {"traceparent": traceparent, "tracestate": "a=1"}, trusted=True).sampled
        assert requested(traces, {"traceparent": traceparent}, trusted=True).trace_id != TRACE


PIECES = st.sampled_from([TRACE, PLACE, "00", "01", "ff", "-", "=", ",", "0" * 16, "gateway=1", "\x00", "\r\n", "é"])
WORDS = st.lists(PIECES | st.text(max_size=3), max_size=8).map("".join)


@given(parent=WORDS, state=WORDS | st.just("a=1," * 200))
async def test_whatever_somebody_writes_there_is_a_place_in_order_or_none(parent: str, state: str) -> None:
    traces = Traces("http://127.0.0.1:9/", share=0.0)
    traces._tracer = NoOpTracer()
    for trusted in (True, False):
        span = requested(traces, {"traceparent": parent, "tracestate": state}, trusted=trusted)
        for value in span.headers.values():
            assert re.fullmatch(r"[\x20-\x7e]+", value)
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", span.headers["traceparent"]) or span.sampled


async def test_an_id_that_may_be_somebody_s_number_is_told_to_nobody(collector: Collector) -> None:
    nik = "3171014506909001"
    traces = Traces(collector.url, share=1.0)
    async with traces.running():
        requested(traces, {"traceparent": f"00-{nik}{nik}-{nik}-01"}).end()
    assert [each.links for each in collector.spans] == [()]
    assert bytes.fromhex(nik) not in b"".join(collector.bodies)


async def test_what_gave_rise_to_work_that_nobody_waits_for_is_linked_to(collector: Collector) -> None:
    traces = Traces(collector.url, share=1.0)
    async with traces.running():
        request = requested(traces, {})
        renewing = request.apart("renew", {"simpul.batch": "b"})
        renewing.end()
        request.end()
    later, first = collector.spans
    assert (later.parent, later.links, later.attributes) == ("", (first.id,), {"simpul.batch": "b"})
    assert later.trace_id != first.trace_id


async def test_a_link_to_what_is_told_to_nobody_is_none(collector: Collector) -> None:
    traces = Traces(collector.url, share=0.5, chance=drawing(0.1, 0.9, 0.9, 0.1))
    async with traces.running():
        told, untold = requested(traces, {}), requested(traces, {})
        told.link(untold)
        untold.link(told)
        told.end()
        assert traces.begin("tell a partner") is not None
        asked = traces.begin("tell a partner")
        assert asked is not None
        asked.end("AGENCY_TIMEOUT")
    first, second = collector.spans
    assert first.links == ()
    assert (second.kind, second.failed, second.attributes) == ("client", True, {"error.type": "AGENCY_TIMEOUT"})


async def test_while_it_does_not_run_nothing_is_told(collector: Collector) -> None:
    traces = Traces(collector.url, share=1.0)
    assert traces.of_request("GET", {}, GIVEN, trusted=True) is None
    assert traces.begin("tell a partner") is None
    async with traces.running():
        pass
    assert traces.of_request("GET", {}, GIVEN, trusted=True) is None
    assert collector.bodies == []


async def test_what_finds_no_place_to_wait_is_lost_and_counted(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.taking.clear()
    traces = Traces(collector.url, share=1.0)
    async with traces.running():
        for _ in range(MOST_WAITING // 2):
            requested(traces, {}).end()
        await until(lambda: bool(collector.bodies))
        for _ in range(2 * MOST_WAITING):
            requested(traces, {}).end()
        assert MOST_WAITING <= traces.lost < 2 * MOST_WAITING
        lost = traces.lost
        collector.taking.set()
    assert traces.sent + traces.lost == MOST_WAITING // 2 + 2 * MOST_WAITING
    assert traces.sent == len(collector.spans) > 0
    assert traces.lost >= lost
    assert caplog.records == []


async def test_a_collector_that_is_gone_is_said_once_and_nobody_waits_for_it_at_the_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_EVERY", 0.05)
    monkeypatch.setattr(module, "_PATIENCE", 0.2)
    traces = Traces(f"http://{HOST}:{free_port()}/v1/traces", share=1.0)
    async with traces.running():
        for number in range(3):
            requested(traces, {}).end()
            await until(lambda number=number: traces.lost > number)  # type: ignore[misc]  # mypy knows no defaults here
        requested(traces, {}).end()
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert (traces.sent, traces.lost) == (0, 4)
    own = [each.getMessage() for each in caplog.records if each.name == "simpul.traces"]
    assert own == ["The collector of traces does not take them: they are lost meanwhile."]
    assert len([each for each in caplog.records if each.levelno >= logging.ERROR]) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 503])
async def test_a_collector_that_refuses_is_found_again(
    status: int, collector: Collector, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_EVERY", 0.05)
    monkeypatch.setattr(module, "_PATIENCE", 0.2)
    collector.status = status
    caplog.set_level(logging.INFO, logger="simpul.traces")
    traces = Traces(collector.url, share=1.0)
    async with traces.running():
        requested(traces, {}).end()
        await until(lambda: traces.lost == 1)
        collector.status = 200
        requested(traces, {}).end()
        await until(lambda: traces.sent == 1)
    assert [each.getMessage() for each in caplog.records if each.name == "simpul.traces"] == [
        "The collector of traces does not take them: they are lost meanwhile.",
        "The collector takes traces again; 1 spans were lost so far.",
    ]


async def test_a_collector_that_never_answers_holds_up_the_end_for_some_seconds_at_most(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.5)
    monkeypatch.setattr(module, "_FAREWELL", 0.2)
    collector.taking.clear()
    traces = Traces(collector.url, share=1.0)
    async with traces.running():
        for _ in range(2000):
            requested(traces, {}).end()
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert (traces.sent, traces.lost) == (0, 2000)


async def test_what_is_told_of_the_hub_is_the_operator_s(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "simpul-jakarta")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=uat")
    traces = Traces(collector.url, share=1.0)
    async with traces.running():
        requested(traces, {}).end()
    resource: Any = dict(collector.resource)
    assert resource.pop("service.instance.id")
    assert resource == {"service.name": "simpul-jakarta", "deployment.environment.name": "uat"}

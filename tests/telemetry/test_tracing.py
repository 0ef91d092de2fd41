"""Sampling, trace contexts, and a collector that never delays a request."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import NoOpTracer

from records.calls.spans import Span
from telemetry import tracing as module
from telemetry.tracing import MAX_QUEUED_SPANS, Tracing
from tests.fakes.waiting import wait_until
from tests.sandbox_agencies import HOST, free_port
from tests.telemetry.trace_collector import TraceCollector, start_collector

TRACE, PLACE = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GIVEN = {"traceparent": f"00-{TRACE}-{PLACE}-01", "tracestate": "gateway=1,other=2"}
DECLINED = {"traceparent": f"00-{TRACE}-{PLACE}-00"}


@pytest.fixture
def collector() -> Iterator[TraceCollector]:
    with start_collector() as running:
        yield running


def scripted_draw(*drawn: float) -> Callable[[], float]:
    """Random draws in a given sequence."""
    left = list(drawn)
    return lambda: left.pop(0)


def start_request_span(traces: Tracing, headers: Mapping[str, str], *, trusted: bool = False) -> Span:
    span = traces.start_request_span("GET", {"http.request.method": "GET"}, headers, is_trusted=trusted)
    assert span is not None
    return span


async def test_sampling_is_drawn_for_each_request(collector: TraceCollector) -> None:
    traces = Tracing(collector.url, sample_ratio=0.25, draw=scripted_draw(0.0, 0.24, 0.25, 0.99))
    async with traces.run():
        spans = [start_request_span(traces, {}) for _ in range(4)]
        for each in spans:
            each.end()
    assert [each.is_sampled for each in spans] == [True, True, False, False]
    assert len({each.trace_id for each in spans}) == 4
    assert {each.trace_id for each in collector.spans} == {each.trace_id for each in spans[:2]}
    assert (traces.sent_spans, traces.lost_spans) == (2, 0)


async def test_an_untrusted_caller_decides_neither_sampling_nor_trace(collector: TraceCollector) -> None:
    traces = Tracing(collector.url, sample_ratio=0.5, draw=scripted_draw(0.9, 0.9, 0.1))
    async with traces.run():
        forced, declined, drawn = (start_request_span(traces, each) for each in (GIVEN, DECLINED, GIVEN))
        drawn.end()
    assert (forced.is_sampled, declined.is_sampled, drawn.is_sampled) == (False, False, True)
    assert TRACE not in {forced.trace_id, declined.trace_id, drawn.trace_id}
    assert "tracestate" not in drawn.headers
    [span] = collector.spans
    assert (span.parent, span.links) == ("", (PLACE,))


async def test_a_trusted_callers_trace_and_sampling_are_continued(collector: TraceCollector) -> None:
    traces = Tracing(collector.url, sample_ratio=0.0)
    async with traces.run():
        sampled, unsampled = (start_request_span(traces, each, trusted=True) for each in (GIVEN, DECLINED))
        part = sampled.start_child("batch", {})
        assert part.headers["tracestate"] == GIVEN["tracestate"]
        part.end()
        sampled.end()
    assert (sampled.is_sampled, unsampled.is_sampled) == (True, False)
    assert unsampled.headers == DECLINED
    assert unsampled.start_child("batch", {}).headers == DECLINED
    assert sampled.trace_id == TRACE
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
async def test_a_malformed_traceparent_is_ignored_even_from_a_trusted_caller(
    traceparent: str, collector: TraceCollector
) -> None:
    traces = Tracing(collector.url, sample_ratio=0.0)
    async with traces.run():
        assert not start_request_span(
            traces, {"traceparent": traceparent, "tracestate": "a=1"}, trusted=True
        ).is_sampled
        assert start_request_span(traces, {"traceparent": traceparent}, trusted=True).trace_id != TRACE


PIECES = st.sampled_from([TRACE, PLACE, "00", "01", "ff", "-", "=", ",", "0" * 16, "gateway=1", "\x00", "\r\n", "é"])
WORDS = st.lists(PIECES | st.text(max_size=3), max_size=8).map("".join)


@given(parent=WORDS, state=WORDS | st.just("a=1," * 200))
async def test_any_traceparent_is_valid_or_ignored(parent: str, state: str) -> None:
    traces = Tracing("http://127.0.0.1:9/", sample_ratio=0.0)
    traces._tracer = NoOpTracer()
    for trusted in (True, False):
        span = start_request_span(traces, {"traceparent": parent, "tracestate": state}, trusted=trusted)
        for value in span.headers.values():
            assert re.fullmatch(r"[\x20-\x7e]+", value)
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", span.headers["traceparent"]) or span.is_sampled


async def test_a_trace_id_that_may_be_an_identity_number_is_not_linked(collector: TraceCollector) -> None:
    nik = "3171014506909001"
    traces = Tracing(collector.url, sample_ratio=1.0)
    async with traces.run():
        start_request_span(traces, {"traceparent": f"00-{nik}{nik}-{nik}-01"}).end()
    assert [each.links for each in collector.spans] == [()]
    assert bytes.fromhex(nik) not in b"".join(collector.bodies)


async def test_background_work_links_to_the_span_that_started_it(collector: TraceCollector) -> None:
    traces = Tracing(collector.url, sample_ratio=1.0)
    async with traces.run():
        request = start_request_span(traces, {})
        renewing = request.start_linked("renew", {"simpul.batch": "b"})
        renewing.end()
        request.end()
    later, first = collector.spans
    assert (later.parent, later.links, later.attributes) == ("", (first.id,), {"simpul.batch": "b"})
    assert later.trace_id != first.trace_id


async def test_links_to_unsampled_spans_are_dropped(collector: TraceCollector) -> None:
    traces = Tracing(collector.url, sample_ratio=0.5, draw=scripted_draw(0.1, 0.9, 0.9, 0.1))
    async with traces.run():
        sampled, unsampled = start_request_span(traces, {}), start_request_span(traces, {})
        sampled.add_link(unsampled)
        unsampled.add_link(sampled)
        sampled.end()
        assert traces.start_client_span("call an agency") is not None
        asked = traces.start_client_span("call an agency")
        assert asked is not None
        asked.end("AGENCY_TIMEOUT")
    first, second = collector.spans
    assert first.links == ()
    assert (second.kind, second.failed, second.attributes) == ("client", True, {"error.type": "AGENCY_TIMEOUT"})


async def test_nothing_is_traced_while_tracing_does_not_run(collector: TraceCollector) -> None:
    traces = Tracing(collector.url, sample_ratio=1.0)
    assert traces.start_request_span("GET", {}, GIVEN, is_trusted=True) is None
    assert traces.start_client_span("tell a partner") is None
    async with traces.run():
        pass
    assert traces.start_request_span("GET", {}, GIVEN, is_trusted=True) is None
    assert collector.bodies == []


async def test_spans_beyond_the_queue_are_dropped_and_counted(
    collector: TraceCollector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.is_taking.clear()
    traces = Tracing(collector.url, sample_ratio=1.0)
    async with traces.run():
        for _ in range(MAX_QUEUED_SPANS // 2):
            start_request_span(traces, {}).end()
        await wait_until(lambda: bool(collector.bodies))
        for _ in range(2 * MAX_QUEUED_SPANS):
            start_request_span(traces, {}).end()
        assert MAX_QUEUED_SPANS <= traces.lost_spans < 2 * MAX_QUEUED_SPANS
        lost = traces.lost_spans
        collector.is_taking.set()
    assert traces.sent_spans + traces.lost_spans == MAX_QUEUED_SPANS // 2 + 2 * MAX_QUEUED_SPANS
    assert traces.sent_spans == len(collector.spans) > 0
    assert traces.lost_spans >= lost
    assert [each for each in caplog.records if each.name == "simpul.traces"] == []  # hubs of other tests log, too


async def test_a_missing_collector_is_logged_once_and_does_not_delay_the_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_EXPORT_INTERVAL", 0.05)
    monkeypatch.setattr(module, "_EXPORT_TIMEOUT", 0.2)
    traces = Tracing(f"http://{HOST}:{free_port()}/v1/traces", sample_ratio=1.0)
    async with traces.run():
        for number in range(3):
            start_request_span(traces, {}).end()
            await wait_until(lambda number=number: traces.lost_spans > number)  # type: ignore[misc]  # mypy knows no defaults here
        start_request_span(traces, {}).end()
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert (traces.sent_spans, traces.lost_spans) == (0, 4)
    own = [each.getMessage() for each in caplog.records if each.name == "simpul.traces"]
    assert own == ["The trace collector does not accept spans: they are lost until it does."]
    assert len([each for each in caplog.records if each.levelno >= logging.ERROR]) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 503])
async def test_a_collector_that_refuses_is_used_again_when_it_accepts(
    status: int, collector: TraceCollector, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_EXPORT_INTERVAL", 0.05)
    monkeypatch.setattr(module, "_EXPORT_TIMEOUT", 0.2)
    collector.status = status
    caplog.set_level(logging.INFO, logger="simpul.traces")
    traces = Tracing(collector.url, sample_ratio=1.0)
    async with traces.run():
        start_request_span(traces, {}).end()
        await wait_until(lambda: traces.lost_spans == 1)
        collector.status = 200
        start_request_span(traces, {}).end()
        await wait_until(lambda: traces.sent_spans == 1)
    assert [each.getMessage() for each in caplog.records if each.name == "simpul.traces"] == [
        "The trace collector does not accept spans: they are lost until it does.",
        "The trace collector accepts spans again; 1 spans were lost so far.",
    ]


async def test_a_collector_that_never_answers_delays_the_end_by_seconds_at_most(
    collector: TraceCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_EXPORT_TIMEOUT", 0.5)
    monkeypatch.setattr(module, "_CLOSE_TIMEOUT", 0.2)
    collector.is_taking.clear()
    traces = Tracing(collector.url, sample_ratio=1.0)
    async with traces.run():
        for _ in range(2000):
            start_request_span(traces, {}).end()
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert (traces.sent_spans, traces.lost_spans) == (0, 2000)


async def test_the_operator_sets_the_resource_attributes(
    collector: TraceCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "simpul-jakarta")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=uat")
    traces = Tracing(collector.url, sample_ratio=1.0)
    async with traces.run():
        start_request_span(traces, {}).end()
    resource: Any = dict(collector.resource)
    assert resource.pop("service.instance.id")
    assert resource == {"service.name": "simpul-jakarta", "deployment.environment.name": "uat"}

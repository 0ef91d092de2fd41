"""Each attempt to call an agency has its own span, which the agency can continue."""

from __future__ import annotations

import asyncio

import pytest

from connectors.resilience.agency_terms import AgencyTerms
from connectors.resilience.gate import Gate
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyUnavailable
from records.calls.spans import Span
from tests.fakes.virtual_loop import virtual_loop
from tests.telemetry.in_memory_spans import InMemorySpans


class TracedAgency:
    """An agency that fails a given number of times, slowly; and its caller in a traced request."""

    def __init__(self, memory: InMemorySpans, *, failures: int = 0, takes: float = 0.0) -> None:
        self.request = memory.start_request()
        self.seen: list[Span | None] = []
        self._failures = failures
        self.takes = takes

    async def attempt(self, call: Call) -> int:
        self.seen.append(call.span)
        await asyncio.sleep(self.takes)
        if len(self.seen) <= self._failures:
            raise AgencyUnavailable("pbb", "a detail that is for the log")
        return len(self.seen)

    def call(self) -> Call:
        return Call(deadline=1e9, request_id="r", span=self.request)


def gate_of(**terms: object) -> Gate:
    with_all = {"deadline": 5.0, "max_concurrency": 4, **terms}
    return Gate(
        "pbb",
        AgencyTerms.model_validate(with_all),
        clock=lambda: asyncio.get_running_loop().time(),
        random_source=lambda: 0.5,
    )


def attempt(number: int, **more: str) -> tuple[str, dict[str, object]]:
    return "ask pbb", {"simpul.agency": "pbb", "peer.service": "pbb", "simpul.attempt": number, **more}


def test_a_retry_has_its_own_span_and_a_failure_its_code() -> None:
    memory = InMemorySpans()
    agency = TracedAgency(memory, failures=1)
    with virtual_loop() as loop:
        gate = gate_of(retries=1, retry_share=1.0)
        assert loop.run(gate.ask(agency.call(), agency.attempt, repeatable=True)) == 2
    failed = {"error.type": "AGENCY_UNAVAILABLE"}
    assert memory.spans == [attempt(1, **failed), attempt(2)]
    ids = [each.headers["traceparent"] for each in agency.seen if each is not None]
    assert len(set(ids)) == 2
    assert agency.request.headers["traceparent"] not in ids


def test_a_call_that_is_not_made_is_no_attempt() -> None:
    memory = InMemorySpans()
    agency = TracedAgency(memory)
    with virtual_loop() as loop:
        gate = gate_of()
        call = Call(deadline=0.0, request_id="r", span=agency.request)
        with pytest.raises(AgencyFailure):
            loop.run(gate.ask(call, agency.attempt))
    assert memory.spans == []


def test_a_hedged_call_has_a_span_for_each_attempt() -> None:
    memory = InMemorySpans()
    agency = TracedAgency(memory, takes=0.1)
    with virtual_loop() as loop:
        gate = gate_of(hedge=True)

        async def work() -> None:
            for _ in range(30):
                await gate.ask(Call(deadline=1e9, request_id="r"), agency.attempt)
            agency.takes = 3.0
            asking = asyncio.ensure_future(gate.ask(agency.call(), agency.attempt, hedgeable=True))
            await asyncio.sleep(0.01)
            agency.takes = 0.1
            await asking

        loop.run(work())
    assert memory.spans == [attempt(2), attempt(1, **{"error.type": "CANCELLED"})]


def test_a_fault_of_the_hub_ends_the_span() -> None:
    memory = InMemorySpans()

    async def broken(_call: Call) -> int:
        raise ValueError("3171014506909001")

    with virtual_loop() as loop, pytest.raises(ValueError, match="3171014506909001"):
        loop.run(gate_of().ask(Call(deadline=1e9, request_id="r", span=memory.start_request()), broken))
    assert memory.spans == [attempt(1, **{"error.type": "INTERNAL"})]

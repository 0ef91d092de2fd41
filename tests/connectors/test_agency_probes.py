"""Probes of agencies: cached for a short time, concurrent, and independent of each other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import monotonic

import pytest

from connectors.agency_probes import AgencyProbes
from records.calls.call import Call
from records.calls.failures import AgencyTimeout, AgencyUnavailable


@dataclass
class ProbedAgency:
    """Answers its probe, or fails as requested."""

    failure: Exception | None = None
    calls: list[Call] = field(default_factory=list)
    gate: asyncio.Event | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def probe(self, call: Call) -> None:
        self.calls.append(call)
        self.asked.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure


async def test_each_agency_is_reported_as_up_or_with_its_failure() -> None:
    timeout = AgencyTimeout("pbb")
    up, down = ProbedAgency(), ProbedAgency(timeout)
    assert await AgencyProbes({"crm": up, "pbb": down}).probe_all() == {"crm": None, "pbb": timeout}


async def test_results_are_cached_for_a_while() -> None:
    agency = ProbedAgency()
    attendance = AgencyProbes({"crm": agency}, cache_seconds=1_000)
    for _ in range(5):
        assert await attendance.probe_all() == {"crm": None}
    assert len(agency.calls) == 1


async def test_results_expire() -> None:
    agency = ProbedAgency()
    attendance = AgencyProbes({"crm": agency}, cache_seconds=0)
    await attendance.probe_all()
    agency.failure = AgencyUnavailable("crm")
    assert await attendance.probe_all() == {"crm": agency.failure}
    assert len(agency.calls) == 2


async def test_concurrent_readers_probe_once() -> None:
    agency = ProbedAgency(gate=asyncio.Event())
    attendance = AgencyProbes({"crm": agency}, cache_seconds=1_000)
    reading = [asyncio.ensure_future(attendance.probe_all()) for _ in range(20)]
    await asyncio.wait_for(agency.asked.wait(), 5)
    assert agency.gate is not None
    agency.gate.set()
    assert await asyncio.gather(*reading) == [{"crm": None}] * 20
    assert len(agency.calls) == 1


async def test_agencies_are_probed_concurrently() -> None:
    gate = asyncio.Event()
    first, second = ProbedAgency(gate=gate), ProbedAgency(gate=gate)
    reading = asyncio.ensure_future(AgencyProbes({"crm": first, "pbb": second}).probe_all())
    await asyncio.wait_for(asyncio.gather(first.asked.wait(), second.asked.wait()), 5)
    gate.set()
    assert await reading == {"crm": None, "pbb": None}


async def test_a_probe_has_the_timeout_and_a_fixed_request_id() -> None:
    agency = ProbedAgency()
    before = monotonic()
    await AgencyProbes({"crm": agency}, timeout=3.0).probe_all()
    [call] = agency.calls
    assert before + 3.0 <= call.deadline <= monotonic() + 3.0
    assert call.request_id.startswith("probe-")


async def test_a_bug_in_one_probe_affects_only_that_agency(caplog: pytest.LogCaptureFixture) -> None:
    found = await AgencyProbes({"crm": ProbedAgency(ValueError("http://10.0.0.1")), "pbb": ProbedAgency()}).probe_all()
    failure = found["crm"]
    assert isinstance(failure, AgencyUnavailable)
    assert (failure.agency, failure.detail) == ("crm", "ValueError")
    assert found["pbb"] is None
    assert caplog.messages == ["The probe of agency crm failed in an unexpected way: ValueError"]


async def test_a_cancelled_reader_does_not_block_the_next() -> None:
    agency = ProbedAgency(gate=asyncio.Event())
    attendance = AgencyProbes({"crm": agency})
    reading = asyncio.ensure_future(attendance.probe_all())
    await asyncio.wait_for(agency.asked.wait(), 5)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    agency.gate = None
    assert await asyncio.wait_for(attendance.probe_all(), 5) == {"crm": None}

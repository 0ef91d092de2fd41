"""Metrics of agencies, from real gates and counters."""

from __future__ import annotations

from time import monotonic

import pytest

from cache.answers.cache_hits import CacheHits
from connectors.resilience.agency_terms import AgencyTerms, BreakerEntry
from connectors.resilience.gate import Gate
from engine.agencies.bindings import AgencyReadCounts
from records.calls.call import Call
from records.calls.failures import AgencyUnavailable
from telemetry.metrics.agencies import FAILURE_CODES, REFUSAL_REASONS, AgencyMetrics
from telemetry.metrics.metric_values import MetricValues

CALL = Call(deadline=monotonic() + 3600, request_id="r-1")


def build_gate(*, daily_quota: int | None = None) -> Gate:
    terms = AgencyTerms(deadline=1.0, max_concurrency=4, breaker=BreakerEntry(failures=5), daily_quota=daily_quota)
    return Gate("pbb", terms)


def collect(
    gate: Gate, *, reads: AgencyReadCounts | None = None, hits: CacheHits | None = None, expiry: float | None = None
) -> MetricValues:
    metrics = AgencyMetrics(
        {"pbb": gate},
        reads={"pbb": reads} if reads else {},
        cache={"pbb": hits} if hits else {},
        get_expiries=lambda: {"pbb": {"certificate": expiry}} if expiry else {},
    )
    numbers = MetricValues()
    metrics.collect(numbers)
    return numbers


async def fail(_call: Call) -> None:
    raise AgencyUnavailable("pbb", "down")


async def succeed(_call: Call) -> str:
    return "fine"


async def test_calls_are_counted_by_their_end_and_every_failure_and_reason_is_there_from_the_start() -> None:
    gate = build_gate()
    await gate.ask(CALL, succeed)
    with pytest.raises(AgencyUnavailable):
        await gate.ask(CALL, fail)
    found = collect(gate)
    assert {name: found.get_value(f"simpul_agency_{name}_total", "pbb") for name in ("calls", "answers")} == {
        "calls": 2.0,
        "answers": 1.0,
    }
    assert found.values["simpul_agency_failures_total"] == {
        ("pbb", code): float(code == "AGENCY_UNAVAILABLE") for code in FAILURE_CODES
    }
    assert found.values["simpul_agency_refused_total"] == {("pbb", reason): 0.0 for reason in REFUSAL_REASONS}
    assert sum(found.spreads["simpul_agency_call_duration_seconds"]["pbb",].counts) == 2


def test_mismatches_retries_and_hedges_are_counted() -> None:
    gate = build_gate()
    gate.counts.mismatches, gate.counts.retries, gate.counts.hedges, gate.counts.hedges_won = 1, 2, 4, 3
    found = collect(gate)
    names = ("mismatches", "retries", "hedges", "hedges_won")
    assert [found.get_value(f"simpul_agency_{name}_total", "pbb") for name in names] == [1.0, 2.0, 4.0, 3.0]


def test_an_agency_that_never_answered_has_no_time_of_its_last_answer() -> None:
    assert "simpul_agency_last_answer_timestamp_seconds" not in collect(build_gate()).values


async def test_a_breaker_is_in_one_of_its_states() -> None:
    gate = build_gate()
    for _ in range(5):
        with pytest.raises(AgencyUnavailable):
            await gate.ask(CALL, fail)
    found = collect(gate)
    assert found.values["simpul_agency_breaker_state"] == {
        ("pbb", "closed"): 0.0,
        ("pbb", "half-open"): 0.0,
        ("pbb", "open"): 1.0,
    }
    assert found.get_value("simpul_agency_breaker_opened_total", "pbb") == 1.0


async def test_only_an_agency_with_a_quota_has_metrics_of_it() -> None:
    assert "simpul_agency_quota" not in collect(build_gate()).values
    gate = build_gate(daily_quota=10)
    await gate.ask(CALL, succeed)
    found = collect(gate)
    assert [found.get_value(f"simpul_agency_{name}", "pbb") for name in ("quota", "quota_left")] == [10.0, 9.0]


def test_reads_and_cached_answers_are_counted_by_where_they_were_found() -> None:
    reads = AgencyReadCounts(first_requests=7, repeated_requests=2)
    reads.keys.add(3)
    hits = CacheHits(process=5, process_missed=4, shared=3, shared_missed=1, joined=6, revalidating=8, failing=9)
    found = collect(build_gate(), reads=reads, hits=hits)
    assert found.values["simpul_cache_lookups_total"] == {
        ("pbb", "request", "hit"): 2.0,
        ("pbb", "request", "miss"): 7.0,
        ("pbb", "process", "hit"): 5.0,
        ("pbb", "process", "miss"): 4.0,
        ("pbb", "shared", "hit"): 3.0,
        ("pbb", "shared", "miss"): 1.0,
    }
    assert found.values["simpul_cache_joined_total"] == {("pbb",): 6.0}
    assert found.values["simpul_cache_stale_total"] == {("pbb", "revalidating"): 8.0, ("pbb", "failing"): 9.0}
    assert found.spreads["simpul_agency_batch_keys"]["pbb",].total == 3.0


def test_the_expiry_of_a_credential_is_a_time() -> None:
    found = collect(build_gate(), expiry=1_800_000_000.0)
    assert found.values["simpul_agency_credential_expiry_timestamp_seconds"] == {("pbb", "certificate"): 1.8e9}


async def test_the_totals_of_an_hour_count_answers_failures_and_cached_answers() -> None:
    gate = build_gate()
    await gate.ask(CALL, succeed)
    with pytest.raises(AgencyUnavailable):
        await gate.ask(CALL, fail)
    hits = CacheHits(process=5, process_missed=4, shared=3, failing=2)
    metrics = AgencyMetrics({"pbb": gate}, reads={}, cache={"pbb": hits}, get_expiries=dict)
    totals = metrics.get_totals()["pbb"]
    assert (totals.answered, totals.failed, totals.hits, totals.looked, totals.stale) == (1, 1, 8, 9, 2)
    assert sum(totals.durations) == 2

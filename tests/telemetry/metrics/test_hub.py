"""Metrics of the hub itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from auth.tokens.issuer_keys import KeyState
from records.histogram import Histogram
from telemetry.metrics.hub import HubMetrics
from telemetry.metrics.metric_values import MetricValues
from web.admission.load import LoadSnapshot, Urgency


@dataclass
class StubShedder:
    """A shedder that refuses early."""

    load: LoadSnapshot


@dataclass
class StubStore:
    """Cached answers."""

    used_bytes: int
    count: int


@dataclass
class StubLedger:
    """A ledger whose database is slow."""

    commits: int
    failed_requests: int
    waiting: int
    durations: Histogram = field(default_factory=Histogram)


def collect_values(hub: HubMetrics) -> MetricValues:
    numbers = MetricValues()
    hub.collect(numbers)
    return numbers


def test_absent_parts_of_the_hub_have_no_metrics() -> None:
    assert collect_values(HubMetrics()) == MetricValues()


def test_the_size_of_the_answer_cache_is_reported() -> None:
    assert collect_values(HubMetrics(cache=StubStore(used_bytes=4096, count=3))).values == {
        "simpul_cache_bytes": {(): 4096.0},
        "simpul_cache_entries": {(): 3.0},
    }


def test_the_ledger_reports_its_queue_and_how_long_requests_waited() -> None:
    ledger = StubLedger(commits=12, failed_requests=1, waiting=40)
    ledger.durations.add_all([0.002, 0.3])
    found = collect_values(HubMetrics(ledger=ledger))
    assert found.values == {
        "simpul_ledger_commits_total": {(): 12.0},
        "simpul_ledger_failures_total": {(): 1.0},
        "simpul_ledger_waiting_entries": {(): 40.0},
    }
    [waits] = found.spreads["simpul_ledger_wait_seconds"].values()
    assert (sum(waits.counts), waits.total) == (2, 0.302)


def test_shed_requests_are_counted_by_urgency_with_the_limit() -> None:
    load = LoadSnapshot(lag=0.2, in_flight=9, limit=640.0, refused={Urgency.ANONYMOUS: 7, Urgency.LANE: 0})
    assert collect_values(HubMetrics(load_shedder=StubShedder(load))).values == {
        "simpul_shedding_workers": {(): 1.0},
        "simpul_shed_limit_requests_per_second": {(): 640.0},
        "simpul_shed_requests_total": {("anonymous",): 7.0, ("lane",): 0.0},
    }


def test_without_shedding_there_is_no_limit_metric() -> None:
    load = LoadSnapshot(lag=0.0, in_flight=9, limit=None, refused={Urgency.ANONYMOUS: 7})
    assert collect_values(HubMetrics(load_shedder=StubShedder(load))).values == {
        "simpul_shedding_workers": {(): 0.0},
        "simpul_shed_requests_total": {("anonymous",): 7.0},
    }


def test_the_state_of_redis_is_reported_for_each_use() -> None:
    assert collect_values(HubMetrics(get_redis_states=lambda: {"limits": True, "cache": False})).values == {
        "simpul_redis_up": {("limits",): 1.0, ("cache",): 0.0}
    }


def test_an_issuers_keys_are_in_one_of_all_states() -> None:
    hub = HubMetrics(
        get_issuer_states=lambda: {"city": KeyState.STALE}, issuer_states=[each.value for each in KeyState]
    )
    assert collect_values(hub).values == {
        "simpul_issuer_keys": {("city", "fresh"): 0.0, ("city", "kept"): 1.0, ("city", "missing"): 0.0}
    }

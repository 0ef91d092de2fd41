"""Metrics of the hub itself."""

from __future__ import annotations

from dataclasses import dataclass

from auth.tokens.issuer_keys import KeyState
from telemetry.metrics.hub import HubMetrics
from telemetry.metrics.metric_values import MetricValues
from web.admission.load import LoadSnapshot, Urgency


@dataclass
class StubShedder:
    """A shedder that refuses early."""

    load: LoadSnapshot


def collect_values(hub: HubMetrics) -> MetricValues:
    numbers = MetricValues()
    hub.collect(numbers)
    return numbers


def test_absent_parts_of_the_hub_have_no_metrics() -> None:
    assert collect_values(HubMetrics()) == MetricValues()


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

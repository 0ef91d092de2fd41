"""Merging the values of several processes."""

from __future__ import annotations

import msgspec
import pytest

from records.histogram import Histogram
from telemetry.metrics.families import FAMILIES, MetricFamily, MetricKind
from telemetry.metrics.metric_values import HistogramValue, MetricValues, merge_values
from telemetry.metrics.minutes import AgencyMinute


def build_values(calls: int = 0, *, in_flight: int = 0, redis: bool = True, seen: float = 0.0) -> MetricValues:
    made = MetricValues()
    made.set_value("simpul_agency_calls_total", calls, "pbb")
    made.set_value("simpul_agency_calls_in_flight", in_flight, "pbb")
    made.set_value("simpul_redis_up", redis, "cache")
    made.set_value("simpul_agency_last_answer_timestamp_seconds", seen, "pbb")
    return made


def test_counters_are_summed_including_those_of_ended_processes() -> None:
    whole = merge_values([build_values(1), build_values(2)], [build_values(40)])
    assert whole.get_value("simpul_agency_calls_total", "pbb") == 43


def test_gauges_include_living_processes_only() -> None:
    whole = merge_values([build_values(in_flight=1), build_values(in_flight=2)], [build_values(in_flight=40)])
    assert whole.get_value("simpul_agency_calls_in_flight", "pbb") == 3


def test_redis_is_down_if_one_process_runs_without_it() -> None:
    assert merge_values([build_values(), build_values(redis=False)]).get_value("simpul_redis_up", "cache") == 0
    assert (
        merge_values([build_values(), build_values()], [build_values(redis=False)]).get_value(
            "simpul_redis_up", "cache"
        )
        == 1
    )


def test_the_last_answer_of_an_agency_is_the_newest_of_all_processes() -> None:
    whole = merge_values([build_values(seen=7.0), build_values(seen=9.0), build_values(seen=8.0)])
    assert whole.get_value("simpul_agency_last_answer_timestamp_seconds", "pbb") == 9.0


def test_histograms_are_summed_by_bucket() -> None:
    one, other = MetricValues(), MetricValues()
    for each, values in ((one, (0.5, 30.0)), (other, (0.5,))):
        histogram = Histogram((1.0, 10.0))
        for value in values:
            histogram.add(value)
        each.set_histogram("simpul_event_loop_lag_seconds", histogram)
    whole = merge_values([one], [other])
    assert whole.spreads == {"simpul_event_loop_lag_seconds": {(): HistogramValue((1.0, 10.0), [2, 0, 1], 31.0)}}


def test_a_histogram_with_other_buckets_does_not_change_that_of_a_living_process() -> None:
    mine, old = HistogramValue((1.0,), [1, 0], 0.5), HistogramValue((2.0,), [9, 9], 99.0)
    living, ended = (MetricValues(spreads={"simpul_event_loop_lag_seconds": {(): each}}) for each in (mine, old))
    assert merge_values([living], [ended]).spreads["simpul_event_loop_lag_seconds"][()] == mine


def test_unknown_metrics_are_omitted() -> None:
    made = MetricValues()
    made.set_value("simpul_of_another_version_total", 1)
    assert merge_values([made]) == MetricValues()


def test_merging_does_not_change_its_inputs() -> None:
    one, other = build_values(1), build_values(2)
    merge_values([one, other])
    assert (one, other) == (build_values(1), build_values(2))


def test_values_are_read_from_a_file_unchanged() -> None:
    made = build_values(3)
    made.set_histogram("simpul_event_loop_lag_seconds", Histogram())
    made.minutes.append(AgencyMinute(1, "pbb", durations=[1, 2]))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=MetricValues) == made


@pytest.mark.parametrize("family", FAMILIES, ids=lambda each: each.name)
def test_metric_names_follow_the_rules_of_prometheus(family: MetricFamily) -> None:
    name, kind = family.name, family.kind
    assert name.startswith("simpul_")
    assert name.endswith("_total") is (kind is MetricKind.COUNTER)
    assert kind is not MetricKind.HISTOGRAM or name.endswith(("_seconds", "_keys"))

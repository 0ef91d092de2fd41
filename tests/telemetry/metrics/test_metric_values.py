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
    made.set_value("simpul_redis_up", redis, "kept")
    made.set_value("simpul_agency_last_answer_timestamp_seconds", seen, "pbb")
    return made


def test_counters_are_added_up_those_of_processes_that_ended_too() -> None:
    whole = merge_values([build_values(1), build_values(2)], [build_values(40)])
    assert whole.get_value("simpul_agency_calls_total", "pbb") == 43


def test_gauges_are_those_of_the_living_alone() -> None:
    whole = merge_values([build_values(in_flight=1), build_values(in_flight=2)], [build_values(in_flight=40)])
    assert whole.get_value("simpul_agency_calls_in_flight", "pbb") == 3


def test_redis_is_away_where_one_process_does_without_it() -> None:
    assert merge_values([build_values(), build_values(redis=False)]).get_value("simpul_redis_up", "kept") == 0
    assert (
        merge_values([build_values(), build_values()], [build_values(redis=False)]).get_value("simpul_redis_up", "kept")
        == 1
    )


def test_an_agency_answered_last_when_it_last_answered_any_process() -> None:
    whole = merge_values([build_values(seen=7.0), build_values(seen=9.0), build_values(seen=8.0)])
    assert whole.get_value("simpul_agency_last_answer_timestamp_seconds", "pbb") == 9.0


def test_histograms_are_added_up_range_by_range() -> None:
    one, other = MetricValues(), MetricValues()
    for each, values in ((one, (0.5, 30.0)), (other, (0.5,))):
        histogram = Histogram((1.0, 10.0))
        for value in values:
            histogram.add(value)
        each.set_histogram("simpul_event_loop_lag_seconds", histogram)
    whole = merge_values([one], [other])
    assert whole.spreads == {"simpul_event_loop_lag_seconds": {(): HistogramValue((1.0, 10.0), [2, 0, 1], 31.0)}}


def test_a_histogram_that_another_version_cut_otherwise_does_not_spoil_the_one_of_the_living() -> None:
    mine, old = HistogramValue((1.0,), [1, 0], 0.5), HistogramValue((2.0,), [9, 9], 99.0)
    living, ended = (MetricValues(spreads={"simpul_event_loop_lag_seconds": {(): each}}) for each in (mine, old))
    assert merge_values([living], [ended]).spreads["simpul_event_loop_lag_seconds"][()] == mine


def test_what_the_catalogue_does_not_know_is_left_out() -> None:
    made = MetricValues()
    made.set_value("simpul_of_another_version_total", 1)
    assert merge_values([made]) == MetricValues()


def test_nothing_is_changed_by_adding_up() -> None:
    one, other = build_values(1), build_values(2)
    merge_values([one, other])
    assert (one, other) == (build_values(1), build_values(2))


def test_numbers_come_back_from_their_file_as_they_were() -> None:
    made = build_values(3)
    made.set_histogram("simpul_event_loop_lag_seconds", Histogram())
    made.minutes.append(AgencyMinute(1, "pbb", durations=[1, 2]))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=MetricValues) == made


@pytest.mark.parametrize("family", FAMILIES, ids=lambda each: each.name)
def test_a_metric_is_named_as_prometheus_wants(family: MetricFamily) -> None:
    name, kind = family.name, family.kind
    assert name.startswith("simpul_")
    assert name.endswith("_total") is (kind is MetricKind.COUNTER)
    assert kind is not MetricKind.HISTOGRAM or name.endswith(("_seconds", "_keys"))

"""Counters of operations and requests."""

from __future__ import annotations

from telemetry.metrics.metric_values import MetricValues
from telemetry.metrics.request_counts import OperationCounts, RequestCounts


def test_operations_are_counted_by_client_name_and_outcome() -> None:
    counts, numbers = OperationCounts(), MetricValues()
    counts.record_runs(("bank", "House"), "complete", 100, (0.25, 0.5))
    counts.record_runs(("bank", "House"), "partial", 100, (0.5,))
    counts.record_runs(("bank", "Who"), "complete", 1, (0.001,))
    counts.collect(numbers)
    assert numbers.values == {
        "simpul_operations_total": {
            ("bank", "House", "complete"): 2.0,
            ("bank", "House", "partial"): 1.0,
            ("bank", "Who", "complete"): 1.0,
        },
        "simpul_operation_points_total": {("bank", "House"): 300.0, ("bank", "Who"): 1.0},
    }
    durations = numbers.spreads["simpul_operation_duration_seconds"]
    assert {labels: (sum(each.counts), each.total) for labels, each in durations.items()} == {
        ("bank", "House"): (3, 1.25),
        ("bank", "Who"): (1, 0.001),
    }


def test_operations_with_the_answer_of_another_are_counted_by_its_origin() -> None:
    counts, numbers = OperationCounts(), MetricValues()
    counts.record_shared("kept", 3)
    counts.record_shared("joined", 1)
    counts.record_shared("kept", 2)
    counts.collect(numbers)
    assert numbers.values == {"simpul_operations_shared_total": {("kept",): 5.0, ("joined",): 1.0}}


def test_at_most_300_operations_have_separate_counters() -> None:
    counts, numbers = OperationCounts(), MetricValues()
    for _ in range(2):
        for number in range(310):
            counts.record_runs(("bank", f"Operation{number}"), "complete", 1, (0.1,))
    counts.collect(numbers)
    points = numbers.values["simpul_operation_points_total"]
    assert len(points) == 301
    assert points["others", "others"] == 20
    assert points["bank", "Operation299"] == 2


def test_a_request_whose_client_left_has_no_status() -> None:
    counts, numbers = RequestCounts(), MetricValues()
    counts.in_flight += 1
    counts.routes["/graphql"].record_response(0, 0.1)
    counts.collect(numbers)
    assert numbers.values == {
        "simpul_http_requests_in_flight": {(): 1.0},
        "simpul_http_requests_total": {("/graphql", "none"): 1.0},
    }

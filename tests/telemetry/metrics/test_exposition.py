"""Metrics in Prometheus's format, read by its own parsers, and by promtool."""

from __future__ import annotations

import subprocess

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from records.histogram import Histogram
from telemetry.metrics.exposition import render_exposition
from telemetry.metrics.families import FAMILIES, MetricKind
from telemetry.metrics.metric_values import MetricValues
from tests.plugins.optional_programs import FindProgram

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def build_every_value() -> MetricValues:
    """A value of every family."""
    numbers = MetricValues()
    for family in FAMILIES:
        labels = [f"some {label}" for label in family.labels]
        if family.kind is MetricKind.HISTOGRAM:
            histogram = Histogram((0.5, 1.0))
            for value in (0.1, 0.7, 0.8, 9.0):
                histogram.add(value)
            numbers.set_histogram(family.name, histogram, *labels)
        else:
            numbers.set_value(family.name, 7, *labels)
    return numbers


def test_prometheus_reads_every_metric_with_its_type() -> None:
    body, media_type = render_exposition(build_every_value(), "")
    read = {family.name: family for family in prometheus(body.decode())}
    assert media_type == PLAIN
    assert {name: family.type for name, family in read.items()} == {
        each.name.removesuffix("_total"): each.kind.value for each in FAMILIES
    }
    assert {name: family.documentation for name, family in read.items()} == {
        each.name.removesuffix("_total"): each.help for each in FAMILIES
    }


def test_histogram_buckets_are_cumulative_and_end_with_the_total() -> None:
    body, _ = render_exposition(build_every_value(), "")
    [lag] = [family for family in prometheus(body.decode()) if family.name == "simpul_event_loop_lag_seconds"]
    assert [(each.name.rpartition("_")[2], each.labels.get("le"), each.value) for each in lag.samples] == [
        ("bucket", "0.5", 1.0),
        ("bucket", "1.0", 3.0),
        ("bucket", "+Inf", 4.0),
        ("count", None, 4.0),
        ("sum", None, 10.6),
    ]


def test_openmetrics_is_rendered_on_request() -> None:
    body, media_type = render_exposition(
        build_every_value(), "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
    )
    assert media_type == OPEN
    assert len(list(openmetrics(body.decode()))) == len(FAMILIES)  # type: ignore[no-untyped-call]  # the library's


@pytest.mark.parametrize(
    "accept",
    ["*/*", "text/html", "application/openmetrics-text; version=one", "application/openmetrics-text; version=", ";;,="],
)
def test_every_accept_header_gets_a_text(accept: str) -> None:
    body, _ = render_exposition(build_every_value(), accept)
    assert b"simpul_workers 7.0" in body


def test_promtool_reports_no_problem(program: FindProgram) -> None:
    body, _ = render_exposition(build_every_value(), "")
    done = subprocess.run([program("promtool"), "check", "metrics"], input=body, capture_output=True, check=False)  # noqa: S603 - a path that was looked up
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

"""Metrics in the format of Prometheus: its text format, or OpenMetrics on request."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector, CollectorRegistry

from telemetry.metrics.families import FAMILIES, MetricFamily, MetricKind
from telemetry.metrics.metric_values import HistogramValue, MetricValues

_OPENMETRICS_TYPE: Final = "application/openmetrics-text"


class _ValuesCollector(Collector):
    """Yields metrics in the order of the families; omits families without values."""

    def __init__(self, numbers: MetricValues) -> None:
        self._numbers = numbers

    def collect(self) -> Iterator[Metric]:
        for family in FAMILIES:
            if family.kind is MetricKind.HISTOGRAM:
                if spreads := self._numbers.spreads.get(family.name):
                    yield _build_histogram(family, spreads)
            elif values := self._numbers.values.get(family.name):
                family_class = CounterMetricFamily if family.kind is MetricKind.COUNTER else GaugeMetricFamily
                metric = family_class(family.name, family.help, labels=family.labels)
                for labels, value in values.items():
                    metric.add_metric(labels, value)
                yield metric


def _build_histogram(family: MetricFamily, spreads: dict[tuple[str, ...], HistogramValue]) -> HistogramMetricFamily:
    metric = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    for labels, spread in spreads.items():
        below = 0
        buckets: list[tuple[str, float]] = []
        for bound, count in zip((*spread.bounds, inf), spread.counts, strict=True):
            below += count
            buckets.append(("+Inf" if bound == inf else repr(bound), below))
        metric.add_metric(labels, buckets, spread.total)
    return metric


def render_exposition(numbers: MetricValues, accept: str) -> tuple[bytes, str]:
    """Renders the format that `Accept` requests. Returns the text and its media type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_ValuesCollector(numbers))
    # The library's `choose_encoder` raises TypeError for a version that is not a number.
    if any(each.partition(";")[0].strip().lower() == _OPENMETRICS_TYPE for each in accept.split(",")):
        body: bytes = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]  # the library's
        return body, openmetrics.CONTENT_TYPE_LATEST
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4

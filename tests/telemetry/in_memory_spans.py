"""Spans in memory, for tests of tracing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from telemetry.spans import SampledSpan, start_span


class InMemorySpans:
    """The recorded spans."""

    def __init__(self) -> None:
        self._ended = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._ended))
        self._tracer = provider.get_tracer("tests")

    def start_request(self) -> SampledSpan:
        """A request span that just started."""
        return start_span(self._tracer, "request", SpanKind.SERVER)

    @property
    def spans(self) -> Sequence[tuple[str, dict[str, Any]]]:
        """Name and attributes of each span, in the order in which they ended."""
        return [(each.name, dict(each.attributes or {})) for each in self._ended.get_finished_spans()]

    @property
    def links(self) -> Sequence[Sequence[int]]:
        """For each span, the spans that it links to."""
        return [[link.context.span_id for link in each.links] for each in self._ended.get_finished_spans()]

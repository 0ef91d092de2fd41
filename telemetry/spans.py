"""Spans of the hub's layers, on OpenTelemetry."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace import Span as OtelSpan

from records.calls.spans import AttributeValue, Span

_EMPTY_CONTEXT: Final = Context()
_NO_ATTRIBUTES: Final[Mapping[str, AttributeValue]] = MappingProxyType({})


class SampledSpan:
    """A span that is exported to the collector."""

    __slots__ = ("_otel_span", "_tracer")

    is_sampled = True

    def __init__(self, tracer: Tracer, otel_span: OtelSpan) -> None:
        self._tracer = tracer
        self._otel_span = otel_span

    @property
    def context(self) -> SpanContext:
        """Its trace context."""
        return self._otel_span.get_span_context()

    @property
    def trace_id(self) -> str:
        """The id of its trace."""
        return format_trace_id(self.context.trace_id)

    @property
    def headers(self) -> Mapping[str, str]:
        """Trace headers for a called system."""
        return to_trace_headers(self.context)

    def start_child(
        self, name: str, attributes: Mapping[str, AttributeValue], *, is_client: bool = False
    ) -> SampledSpan:
        """Starts a child span."""
        kind = SpanKind.CLIENT if is_client else SpanKind.INTERNAL
        parent_context = set_span_in_context(self._otel_span, _EMPTY_CONTEXT)
        return SampledSpan(self._tracer, self._tracer.start_span(name, parent_context, kind, attributes))

    def start_linked(self, name: str, attributes: Mapping[str, AttributeValue]) -> SampledSpan:
        """Starts a linked span in a new trace, for work that is not awaited here."""
        return start_span(self._tracer, name, SpanKind.INTERNAL, attributes, links=[Link(self.context)])

    def set_attribute(self, name: str, value: AttributeValue) -> None:
        """Sets an attribute."""
        self._otel_span.set_attribute(name, value)

    def update_name(self, name: str) -> None:
        """Renames the span."""
        self._otel_span.update_name(name)

    def add_link(self, other: Span) -> None:
        """Links to a span that it waits for; a link to an unsampled span would lead nowhere."""
        if isinstance(other, SampledSpan):
            self._otel_span.add_link(other.context)

    def end(self, code: str | None = None) -> None:
        """Ends the span; `code` marks it as failed."""
        if code is not None:
            self._otel_span.set_attribute("error.type", code)
            self._otel_span.set_status(Status(StatusCode.ERROR))
        self._otel_span.end()


class UnsampledSpan:
    """A span that is not exported. It passes on its trace, marked as not sampled."""

    __slots__ = ("_context",)

    is_sampled = False

    def __init__(self, context: SpanContext | None = None) -> None:
        """Continues a given trace, or a new one that is created when it is needed."""
        self._context = context

    @property
    def context(self) -> SpanContext:
        """Its trace context."""
        if self._context is None:
            ids = RandomIdGenerator()
            self._context = SpanContext(ids.generate_trace_id(), ids.generate_span_id(), is_remote=False)
        return self._context

    @property
    def trace_id(self) -> str:
        """The id of its trace."""
        return format_trace_id(self.context.trace_id)

    @property
    def headers(self) -> Mapping[str, str]:
        """Trace headers for a called system."""
        return to_trace_headers(self.context)

    def start_child(
        self,
        _name: str,
        _noted: Mapping[str, AttributeValue],
        *,
        is_client: bool = False,  # noqa: ARG002 - as the protocol names it
    ) -> UnsampledSpan:
        """Returns this span."""
        return self

    def start_linked(self, _name: str, _noted: Mapping[str, AttributeValue]) -> UnsampledSpan:
        """Returns this span."""
        return self

    def set_attribute(self, _name: str, _value: AttributeValue) -> None:
        """Does nothing."""

    def update_name(self, _name: str) -> None:
        """Does nothing."""

    def add_link(self, _other: Span) -> None:
        """Does nothing."""

    def end(self, _code: str | None = None) -> None:
        """Does nothing."""


def start_span(
    tracer: Tracer,
    name: str,
    kind: SpanKind,
    attributes: Mapping[str, AttributeValue] = _NO_ATTRIBUTES,
    *,
    parent: SpanContext | None = None,
    links: list[Link] | None = None,
) -> SampledSpan:
    """Starts a trace, or continues the trace of `parent`."""
    context = _EMPTY_CONTEXT if parent is None else set_span_in_context(NonRecordingSpan(parent), _EMPTY_CONTEXT)
    return SampledSpan(tracer, tracer.start_span(name, context, kind, attributes, links))


def to_trace_headers(context: SpanContext) -> Mapping[str, str]:
    """Returns `traceparent` and, if set, `tracestate` (W3C Trace Context, sections 3.2 and 3.3)."""
    ids = f"{format_trace_id(context.trace_id)}-{format_span_id(context.span_id)}"
    fields = {"traceparent": f"00-{ids}-{context.trace_flags & TraceFlags.SAMPLED:02x}"}
    if context.trace_state:
        fields["tracestate"] = context.trace_state.to_header()
    return fields

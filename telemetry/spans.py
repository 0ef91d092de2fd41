"""Spans of OpenTelemetry, as the hub's layers use them."""

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
from opentelemetry.trace import Span as Told

from records.spans import Noted, Span

_NOBODY: Final = Context()
_NOTHING: Final[Mapping[str, Noted]] = MappingProxyType({})


class SampledSpan:
    """One that is told to the collector."""

    __slots__ = ("_told", "_tracer")

    sampled = True

    def __init__(self, tracer: Tracer, told: Told) -> None:
        """It has begun."""
        self._tracer = tracer
        self._told = told

    @property
    def context(self) -> SpanContext:
        """Its place in the trace."""
        return self._told.get_span_context()

    @property
    def trace_id(self) -> str:
        """The trace it belongs to."""
        return format_trace_id(self.context.trace_id)

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers for whoever is asked."""
        return headers_of(self.context)

    def begin(self, name: str, noted: Mapping[str, Noted], *, asks: bool = False) -> SampledSpan:
        """Begin a part of it."""
        kind = SpanKind.CLIENT if asks else SpanKind.INTERNAL
        within = set_span_in_context(self._told, _NOBODY)
        return SampledSpan(self._tracer, self._tracer.start_span(name, within, kind, noted))

    def apart(self, name: str, noted: Mapping[str, Noted]) -> SampledSpan:
        """Begin work that nobody here waits for."""
        return begun(self._tracer, name, SpanKind.INTERNAL, noted, links=[Link(self.context)])

    def note(self, name: str, value: Noted) -> None:
        """Tell something of it."""
        self._told.set_attribute(name, value)

    def rename(self, name: str) -> None:
        """Call it otherwise."""
        self._told.update_name(name)

    def link(self, other: Span) -> None:
        """Tell what it waits for; what is told to nobody leads nowhere."""
        if isinstance(other, SampledSpan):
            self._told.add_link(other.context)

    def end(self, code: str | None = None) -> None:
        """End it."""
        if code is not None:
            self._told.set_attribute("error.type", code)
            self._told.set_status(Status(StatusCode.ERROR))
        self._told.end()


class UnsampledSpan:
    """One that is told to nobody: whoever is asked hears that, and in which trace it is."""

    __slots__ = ("_context",)

    sampled = False

    def __init__(self, context: SpanContext | None = None) -> None:
        """Go on with a trace that somebody began, or, where it is ever asked for, with a new one."""
        self._context = context

    @property
    def context(self) -> SpanContext:
        """Its place in the trace."""
        if self._context is None:
            ids = RandomIdGenerator()
            self._context = SpanContext(ids.generate_trace_id(), ids.generate_span_id(), is_remote=False)
        return self._context

    @property
    def trace_id(self) -> str:
        """The trace it belongs to."""
        return format_trace_id(self.context.trace_id)

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers for whoever is asked."""
        return headers_of(self.context)

    def begin(self, _name: str, _noted: Mapping[str, Noted], *, asks: bool = False) -> UnsampledSpan:  # noqa: ARG002 - as the protocol names it
        """Stay where it is."""
        return self

    def apart(self, _name: str, _noted: Mapping[str, Noted]) -> UnsampledSpan:
        """Stay where it is."""
        return self

    def note(self, _name: str, _value: Noted) -> None:
        """Tell nobody."""

    def rename(self, _name: str) -> None:
        """Tell nobody."""

    def link(self, _other: Span) -> None:
        """Tell nobody."""

    def end(self, _code: str | None = None) -> None:
        """Nothing ends."""


def begun(
    tracer: Tracer,
    name: str,
    kind: SpanKind,
    noted: Mapping[str, Noted] = _NOTHING,
    *,
    after: SpanContext | None = None,
    links: list[Link] | None = None,
) -> SampledSpan:
    """Begin a trace, or go on `after` what somebody else began."""
    context = _NOBODY if after is None else set_span_in_context(NonRecordingSpan(after), _NOBODY)
    return SampledSpan(tracer, tracer.start_span(name, context, kind, noted, links))


def headers_of(context: SpanContext) -> Mapping[str, str]:
    """`traceparent` and, where there is any, `tracestate` (W3C Trace Context, sections 3.2 and 3.3)."""
    ids = f"{format_trace_id(context.trace_id)}-{format_span_id(context.span_id)}"
    fields = {"traceparent": f"00-{ids}-{context.trace_flags & TraceFlags.SAMPLED:02x}"}
    if context.trace_state:
        fields["tracestate"] = context.trace_state.to_header()
    return fields

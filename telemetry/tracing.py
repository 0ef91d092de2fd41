"""Tracing: which requests are sampled, and how spans reach the collector (OTLP over HTTP).

An external caller always starts a new trace here, and cannot decide whether it is sampled. Otherwise any caller could
have all its requests sampled, or join the traces of others. Its `traceparent` becomes a link. Only for a trusted caller
the hub continues the trace and its sampling decision.

A thread exports spans from a bounded queue. Spans that do not fit, or that the collector does not accept, are dropped
and counted; no request waits for the collector.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from random import random
from typing import Final
from uuid import uuid4

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, SpanContext, SpanKind, Tracer, format_trace_id, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from records.calls.spans import AttributeValue, Span
from telemetry.spans import UnsampledSpan, start_span

_log = logging.getLogger("simpul.traces")
_library = logging.getLogger("opentelemetry")

MAX_QUEUED_SPANS: Final = 4096
"""Maximum number of spans that wait for the collector, in one process."""
_BATCH_SIZE: Final = 512
"""Spans per request to the collector."""
_EXPORT_INTERVAL: Final = 2.0
"""Seconds after which an incomplete batch is sent."""
_EXPORT_TIMEOUT: Final = 3.0
"""Seconds for one request to the collector, retries included."""
_CLOSE_TIMEOUT: Final = 3.0
"""Seconds for sending the last spans at the end."""
_IDENTITY_NUMBER: Final = re.compile(r"\d{16}")
"""A possible identity number in a foreign trace id."""


class Tracing:
    """The tracing of this process. Outside of `run`, nothing is recorded."""

    def __init__(self, url: str, *, sample_ratio: float, draw: Callable[[], float] = random) -> None:
        """Takes the collector's address, and the share (0 to 1) of external requests to sample.

        Certificates, headers and compression are read from `OTEL_EXPORTER_OTLP_...`. Attributes of this hub are read
        from `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`, as OpenTelemetry specifies.
        """
        self._url = url
        self._sample_ratio = sample_ratio
        self._draw = draw
        self._tracer: Tracer | None = None
        self._span_queue: _SpanQueue | None = None

    @property
    def sent_spans(self) -> int:
        """Spans that the collector accepted."""
        return 0 if self._span_queue is None else self._span_queue.sent_spans

    @property
    def lost_spans(self) -> int:
        """Spans that the collector did not accept, or that did not fit in the queue."""
        return 0 if self._span_queue is None else self._span_queue.lost_spans

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Records spans within the block; at its end, waiting spans have a moment to be sent."""
        self._span_queue = _SpanQueue(OTLPSpanExporter(endpoint=self._url, timeout=_EXPORT_TIMEOUT))
        provider = TracerProvider(sampler=ALWAYS_ON, resource=_build_resource(), shutdown_on_exit=False)
        provider.add_span_processor(self._span_queue)
        self._tracer = provider.get_tracer("simpul")
        try:
            yield
        finally:
            self._tracer = None
            await self._span_queue.close()

    def start_request_span(
        self, name: str, attributes: Mapping[str, AttributeValue], headers: Mapping[str, str], *, is_trusted: bool
    ) -> Span | None:
        """Starts the span of a request with these headers; None if tracing is off."""
        tracer = self._tracer
        if tracer is None:
            return None
        parent = _extract_parent(headers) if "traceparent" in headers else None
        if is_trusted and parent is not None:
            if not parent.trace_flags.sampled:
                return UnsampledSpan(parent)
            return start_span(tracer, name, SpanKind.SERVER, attributes, parent=parent)
        if self._draw() >= self._sample_ratio:
            return UnsampledSpan()
        links = (
            [Link(parent)]
            if parent is not None and not _IDENTITY_NUMBER.search(format_trace_id(parent.trace_id))
            else None
        )
        return start_span(tracer, name, SpanKind.SERVER, attributes, links=links)

    def start_client_span(self, name: str) -> Span | None:
        """Starts the span of a call to another system outside of any request; None if tracing is off."""
        tracer = self._tracer
        if tracer is None:
            return None
        return UnsampledSpan() if self._draw() >= self._sample_ratio else start_span(tracer, name, SpanKind.CLIENT)

    def __repr__(self) -> str:
        """The sample ratio, and the numbers of spans."""
        return f"<Tracing sample_ratio={self._sample_ratio:g} sent={self.sent_spans} lost={self.lost_spans}>"


def _extract_parent(headers: Mapping[str, str]) -> SpanContext | None:
    """Reads the parent context from the headers; None if it is missing or invalid (W3C Trace Context, section 3)."""
    fields = {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
    context = get_current_span(TraceContextTextMapPropagator().extract(fields)).get_span_context()
    return context if context.is_valid else None


def _build_resource() -> Resource:
    """Describes the hub: each process is an instance, and the host name is omitted."""
    own = Resource({SERVICE_NAME: "simpul", SERVICE_INSTANCE_ID: str(uuid4())})
    return own.merge(OTELResourceDetector().detect())


class _SpanQueue(SpanProcessor):
    """Queues spans for the collector, and counts them."""

    def __init__(self, exporter: SpanExporter) -> None:
        self.sent_spans = 0
        self._unsent = 0
        self._refused = 0
        # Each counter has one writing thread: the event loop enqueues, the library's thread dequeues.
        self._queued = 0
        self._taken = 0
        self._is_failing = self._is_closed = False
        self._exporter = exporter
        self._batch_processor = BatchSpanProcessor(
            _QueueExporter(self),
            max_queue_size=MAX_QUEUED_SPANS + _BATCH_SIZE,
            schedule_delay_millis=_EXPORT_INTERVAL * 1000,
            max_export_batch_size=_BATCH_SIZE,
        )

    @property
    def lost_spans(self) -> int:
        return self._refused + self._unsent

    def on_end(self, span: ReadableSpan) -> None:
        """Enqueues a span, unless the queue is full."""
        if self._queued - self._taken >= MAX_QUEUED_SPANS:
            self._refused += 1
            return
        self._queued += 1
        self._batch_processor.on_end(span)

    async def close(self) -> None:
        """Sends waiting spans and stops; spans that are not sent in time are lost."""
        closing = asyncio.create_task(asyncio.to_thread(self._batch_processor.shutdown))
        _, late = await asyncio.wait({closing}, timeout=_CLOSE_TIMEOUT)
        if late:
            self.shut_down()
        await closing

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Exports spans; runs in the library's thread."""
        self._taken += len(spans)
        result = SpanExportResult.FAILURE if self._is_closed else self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self.sent_spans += len(spans)
        else:
            self._unsent += len(spans)
        self._log_change(is_failing=result is not SpanExportResult.SUCCESS)
        return result

    def shut_down(self) -> None:
        """Stops sending and retrying."""
        if not self._is_closed:
            self._is_closed = True
            self._exporter.shutdown()

    def _log_change(self, *, is_failing: bool) -> None:
        """Logs the start and the end of an outage; the library would log every failure."""
        _library.setLevel(logging.CRITICAL if is_failing else logging.WARNING)
        if is_failing and not self._is_failing:
            _log.warning("The trace collector does not accept spans: they are lost until it does.")
        elif self._is_failing and not is_failing:
            _log.info("The trace collector accepts spans again; %d spans were lost so far.", self.lost_spans)
        self._is_failing = is_failing


class _QueueExporter(SpanExporter):
    """The exporter behind the queue."""

    def __init__(self, outbox: _SpanQueue) -> None:
        self._outbox = outbox

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._outbox.export(spans)

    def shutdown(self) -> None:
        self._outbox.shut_down()

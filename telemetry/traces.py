"""Traces: which requests are told of, and how that reaches the collector (OTLP over HTTP).

Whoever asks from outside begins a new trace here, and has no say in whether it is told: otherwise anybody could have
everything told, or join others' traces. What they send as `traceparent` becomes a link. Only who is trusted has their
trace gone on with, and their word about telling it kept.

The collector is written to by a thread of its own, out of a queue with an end. What finds no place in it, or is not
taken, is lost and counted; nobody waits for a collector.
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

from records.spans import Noted, Span
from telemetry.spans import UnsampledSpan, begun

_log = logging.getLogger("simpul.traces")
_library = logging.getLogger("opentelemetry")

MOST_WAITING: Final = 4096
"""Spans that wait for the collector, in one process."""
_AT_ONCE: Final = 512
"""Spans in one request to the collector."""
_EVERY: Final = 2.0
"""Seconds after which even a few are sent."""
_PATIENCE: Final = 3.0
"""Seconds that the collector may take for one request, tries included."""
_FAREWELL: Final = 3.0
"""Seconds that the last spans may take at the end."""
_NUMBER: Final = re.compile(r"\d{16}")
"""What may be an identity number, in an id that somebody else made up."""


class Traces:
    """The traces of this process. While it is not `running`, nothing is told."""

    def __init__(self, url: str, *, share: float, chance: Callable[[], float] = random) -> None:
        """Take the collector's address; of those who ask from outside, `share` (0 to 1) is told.

        Certificates, headers and compression are read from `OTEL_EXPORTER_OTLP_...`, what else is told of this hub from
        `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`: as OpenTelemetry says.
        """
        self._url = url
        self._share = share
        self._chance = chance
        self._tracer: Tracer | None = None
        self._outbox: _Outbox | None = None

    @property
    def sent(self) -> int:
        """Spans that the collector has taken."""
        return 0 if self._outbox is None else self._outbox.sent

    @property
    def lost(self) -> int:
        """Spans that it has not, or that found no place to wait for it."""
        return 0 if self._outbox is None else self._outbox.lost

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tell of what happens in the length of the block; what waits at its end has a moment to be sent."""
        self._outbox = _Outbox(OTLPSpanExporter(endpoint=self._url, timeout=_PATIENCE))
        provider = TracerProvider(sampler=ALWAYS_ON, resource=_resource(), shutdown_on_exit=False)
        provider.add_span_processor(self._outbox)
        self._tracer = provider.get_tracer("simpul")
        try:
            yield
        finally:
            self._tracer = None
            await self._outbox.close()

    def of_request(
        self, name: str, noted: Mapping[str, Noted], headers: Mapping[str, str], *, trusted: bool
    ) -> Span | None:
        """The span of a request that came with these headers; None where nobody is told."""
        tracer = self._tracer
        if tracer is None:
            return None
        given = _given(headers) if "traceparent" in headers else None
        if trusted and given is not None:
            if not given.trace_flags.sampled:
                return UnsampledSpan(given)
            return begun(tracer, name, SpanKind.SERVER, noted, after=given)
        if self._chance() >= self._share:
            return UnsampledSpan()
        links = [Link(given)] if given is not None and not _NUMBER.search(format_trace_id(given.trace_id)) else None
        return begun(tracer, name, SpanKind.SERVER, noted, links=links)

    def begin(self, name: str) -> Span | None:
        """The span of something that no request waits for, and that asks another system."""
        tracer = self._tracer
        if tracer is None:
            return None
        return UnsampledSpan() if self._chance() >= self._share else begun(tracer, name, SpanKind.CLIENT)

    def __repr__(self) -> str:
        """What became of spans so far."""
        return f"<Traces share={self._share:g} sent={self.sent} lost={self.lost}>"


def _given(headers: Mapping[str, str]) -> SpanContext | None:
    """The place in a trace that a request brings, where it brings one in order (W3C Trace Context, section 3)."""
    fields = {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
    context = get_current_span(TraceContextTextMapPropagator().extract(fields)).get_span_context()
    return context if context.is_valid else None


def _resource() -> Resource:
    """What is told of the hub itself: no machine's name, and each process is an instance."""
    own = Resource({SERVICE_NAME: "simpul", SERVICE_INSTANCE_ID: str(uuid4())})
    return own.merge(OTELResourceDetector().detect())


class _Outbox(SpanProcessor):
    """Spans on their way to the collector, counted."""

    def __init__(self, exporter: SpanExporter) -> None:
        self.sent = 0
        self._unsent = 0
        self._refused = 0
        # Each is counted up by one thread: the event loop puts in, the library's takes out.
        self._put = 0
        self._taken = 0
        self._fails = self._over = False
        self._exporter = exporter
        self._batches = BatchSpanProcessor(
            _Counting(self),
            max_queue_size=MOST_WAITING + _AT_ONCE,
            schedule_delay_millis=_EVERY * 1000,
            max_export_batch_size=_AT_ONCE,
        )

    @property
    def lost(self) -> int:
        return self._refused + self._unsent

    def on_end(self, span: ReadableSpan) -> None:
        """Let it wait for the collector, where there is a place."""
        if self._put - self._taken >= MOST_WAITING:
            self._refused += 1
            return
        self._put += 1
        self._batches.on_end(span)

    async def close(self) -> None:
        """Send what waits, and stop; what is not sent in time is lost."""
        closing = asyncio.create_task(asyncio.to_thread(self._batches.shutdown))
        _, late = await asyncio.wait({closing}, timeout=_FAREWELL)
        if late:
            self.hang_up()
        await closing

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send some; runs in the library's thread."""
        self._taken += len(spans)
        result = SpanExportResult.FAILURE if self._over else self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self.sent += len(spans)
        else:
            self._unsent += len(spans)
        self._say(fails=result is not SpanExportResult.SUCCESS)
        return result

    def hang_up(self) -> None:
        """Send no more, and try nothing again."""
        if not self._over:
            self._over = True
            self._exporter.shutdown()

    def _say(self, *, fails: bool) -> None:
        """Tell the log when it begins and ends; the library would say why each time."""
        _library.setLevel(logging.CRITICAL if fails else logging.WARNING)
        if fails and not self._fails:
            _log.warning("The collector of traces does not take them: they are lost meanwhile.")
        elif self._fails and not fails:
            _log.info("The collector takes traces again; %d spans were lost so far.", self.lost)
        self._fails = fails


class _Counting(SpanExporter):
    """The way out of the queue."""

    def __init__(self, outbox: _Outbox) -> None:
        self._outbox = outbox

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._outbox.export(spans)

    def shutdown(self) -> None:
        self._outbox.hang_up()

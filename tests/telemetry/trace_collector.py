"""A trace collector (OTLP over HTTP) on the loopback, which stores what it receives."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent

WEBHOOK = "tell a partner"
KINDS = {1: "internal", 2: "server", 3: "client"}


@dataclass(frozen=True, slots=True)
class CollectedSpan:
    """One received span."""

    name: str
    kind: str
    trace_id: str
    id: str
    parent: str
    links: tuple[str, ...]
    """Ids of linked spans."""
    failed: bool
    attributes: Mapping[str, Any] = field(hash=False)


@dataclass(slots=True)
class TraceCollector:
    """The received spans, and the reply to the next export."""

    url: str = ""
    status: int = 200
    is_taking: threading.Event = field(default_factory=threading.Event)
    """While it is not set, exports wait."""
    bodies: list[bytes] = field(default_factory=list)
    """All received bytes, accepted or not."""
    taken: list[bytes] = field(default_factory=list)

    @property
    def spans(self) -> Sequence[CollectedSpan]:
        """Accepted spans in the order in which they ended, without webhooks: the hub calls those when it likes."""
        requests = [ExportTraceServiceRequest.FromString(each) for each in self.taken]
        return [
            _to_collected_span(sent)
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for sent in scope.spans
            if sent.name != WEBHOOK
        ]

    @property
    def resource(self) -> Mapping[str, Any]:
        """The resource attributes of the hub."""
        request = ExportTraceServiceRequest.FromString(self.taken[0])
        return _to_plain_attributes(request.resource_spans[0].resource.attributes)


def build_tree(spans: Sequence[CollectedSpan], parent: str = "") -> Any:  # noqa: ANN401 - nested by name
    """Names as a tree; children are sorted by name."""
    below = sorted((each for each in spans if each.parent == parent), key=lambda each: each.name)
    return [(each.name, build_tree(spans, each.id)) if _has_parts(spans, each) else each.name for each in below]


def _has_parts(spans: Sequence[CollectedSpan], of: CollectedSpan) -> bool:
    return any(each.parent == of.id for each in spans)


def _to_collected_span(sent: Sent) -> CollectedSpan:
    return CollectedSpan(
        name=sent.name,
        kind=KINDS[sent.kind],
        trace_id=sent.trace_id.hex(),
        id=sent.span_id.hex(),
        parent=sent.parent_span_id.hex(),
        links=tuple(each.span_id.hex() for each in sent.links),
        failed=sent.status.code == sent.status.STATUS_CODE_ERROR,
        attributes=_to_plain_attributes(sent.attributes),
    )


def _to_plain_attributes(attributes: Any) -> dict[str, Any]:  # noqa: ANN401 - repeated KeyValue
    found: dict[str, Any] = {}
    for each in attributes:
        kind = each.value.WhichOneof("value")
        value = getattr(each.value, kind)
        found[each.key] = tuple(one.string_value for one in value.values) if kind == "array_value" else value
    return found


@contextmanager
def start_collector() -> Iterator[TraceCollector]:
    """Runs a collector within the block."""
    collector = TraceCollector()
    collector.is_taking.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.bodies.append(body)
            collector.is_taking.wait()
            if collector.status < 300:
                collector.taken.append(body)
            reply = ExportTraceServiceResponse().SerializeToString()
            self.send_response(collector.status)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    collector.url = f"http://127.0.0.1:{server.server_port}/v1/traces"
    try:
        yield collector
    finally:
        collector.is_taking.set()
        server.shutdown()
        server.server_close()
        thread.join()

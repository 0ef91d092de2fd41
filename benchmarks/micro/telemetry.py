"""`python -m benchmarks.micro.telemetry`: the cost of traces and logs for the smallest request, in one run."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter, process_time, thread_time
from typing import Final

import uvloop
from rich.console import Console
from rich.table import Table

import server
from auth.caller import Caller, CallerKind
from benchmarks.blog.application import build_blog_parts, build_blog_settings
from benchmarks.issuer import build_benchmark_issuer
from benchmarks.layout import HOST
from benchmarks.micro.hub_time import ask_once
from engine.safe_traceback import safe_traceback
from records.identifiers import Nik
from telemetry.log_format import LogFormat, ServedRequest, ServedRequestsRecord, build_formatter
from telemetry.no_tracing import NoTracing
from telemetry.tracing import Tracing
from web.middleware.request_log import RequestLog
from web.server.uvicorn_config import freeze_startup_objects

_ROUNDS: Final = 15
_REQUESTS_A_ROUND: Final = 400
_LINES: Final = 512
_BODY: Final = json.dumps({"query": "{ greet }"}).encode()
_VARIANTS: Final[Mapping[str, tuple[float, str] | None]] = {
    "no traces": None,
    "traces, this request is not sampled": (0.0, "taken"),
    "traces, 1 of 100 is sampled": (0.01, "taken"),
    "traces, every request is sampled": (1.0, "taken"),
    "the same, without a collector": (1.0, "gone"),
}


class _SpanSink(BaseHTTPRequestHandler):
    """Accepts any request."""

    def do_POST(self) -> None:
        """Read the request and answer 200."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


async def _measure_requests() -> Mapping[str, Sequence[tuple[float, float]]]:
    """Microseconds of processor time per request, of the event loop and the process, by way and round."""
    collector = ThreadingHTTPServer((HOST, 0), _SpanSink)
    Thread(target=collector.serve_forever, daemon=True).start()
    urls = {"taken": f"http://{HOST}:{collector.server_port}/", "gone": f"http://{HOST}:9/"}
    found: dict[str, list[tuple[float, float]]] = {}
    with TemporaryDirectory(prefix="simpul-benchmarks-") as folder:
        keys = Path(folder) / "keys.json"
        issuer = build_benchmark_issuer(Path(folder) / "issuer.json")
        issuer.write_public_keys(keys)
        token = issuer.sign_token(
            Caller(kind=CallerKind.CITIZEN, first_party=True, nik=Nik("3171014506909001")), subject="citizen"
        )
        variants: dict[str, tuple[Tracing | NoTracing, Callable[[], Awaitable[bytes]]]] = {}
        for name, options in _VARIANTS.items():
            traces = NoTracing() if options is None else Tracing(urls[options[1]], sample_ratio=options[0])
            app = server.compose(build_blog_settings(keys), replace(build_blog_parts(urls["gone"]), tracing=traces))
            variants[name] = traces, partial(ask_once, app, _BODY, token)
        freeze_startup_objects()
        for _ in range(_ROUNDS):
            for name, (traces, ask) in variants.items():
                found.setdefault(name, []).append(await _measure_request(traces, ask))
    collector.shutdown()
    return found


async def _measure_request(traces: Tracing | NoTracing, ask: Callable[[], Awaitable[bytes]]) -> tuple[float, float]:
    async with traces.run():
        await ask()
        loop, process = thread_time(), process_time()
        for _ in range(_REQUESTS_A_ROUND):
            await ask()
        loop = thread_time() - loop
    return loop / _REQUESTS_A_ROUND * 1e6, (process_time() - process) / _REQUESTS_A_ROUND * 1e6


def _measure_written_lines() -> Mapping[str, float]:
    """Microseconds per line of the access log, recorded and written, by format."""
    served = [ServedRequest(1.79e9 + each, "POST", "/graphql", 200, 0.01, "r" * 32, None) for each in range(_LINES)]
    found: dict[str, list[float]] = {}
    for _ in range(_ROUNDS):
        for form in LogFormat:
            formatter, record = build_formatter(form, safe_traceback), ServedRequestsRecord("simpul.access", served)
            began = perf_counter()
            formatter.format(record)
            found.setdefault(f"a line of the access log, {form.value}", []).append(
                (perf_counter() - began) / _LINES * 1e6
            )
    return {name: min(times) for name, times in found.items()}


async def _measure_noted_lines() -> float:
    """Microseconds to record a request for the access log."""
    logger, log = logging.getLogger("simpul.access"), RequestLog()
    handler = logging.StreamHandler(StringIO())
    handler.setFormatter(build_formatter(LogFormat.JSON, safe_traceback))
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    times = []
    for _ in range(_ROUNDS):
        began = perf_counter()
        for _ in range(_LINES - 1):
            log.record("r" * 32, method="POST", path="/graphql", status=200, started_at=began)
        times.append((perf_counter() - began) / (_LINES - 1) * 1e6)
        log.flush()
    return min(times)


def main() -> int:
    """Print the tables; the exit code."""
    logging.disable(logging.ERROR)
    found = uvloop.run(_measure_requests())
    logging.disable(logging.NOTSET)
    console = Console()
    table = Table("the smallest request", "event loop, µs", "compared with none", "process, µs", title="Cost of traces")
    plain = min(loop for loop, _ in found["no traces"])
    for name, times in found.items():
        loop, process = (min(each) for each in zip(*times, strict=True))
        table.add_row(name, f"{loop:.1f}", f"{loop / plain:.3f}", f"{process:.1f}")
    console.print(table)
    logs = Table("step", "µs", title="Cost of the log")
    for name, microseconds in {
        "a request recorded": uvloop.run(_measure_noted_lines()),
        **_measure_written_lines(),
    }.items():
        logs.add_row(name, f"{microseconds:.2f}")
    console.print(logs)
    return 0


if __name__ == "__main__":
    sys.exit(main())

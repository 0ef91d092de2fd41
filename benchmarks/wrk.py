"""Load with wrk for a limited time, on the load's core."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from benchmarks.comparison.callers import BenchmarkCaller
from benchmarks.comparison.questions import BenchmarkQuestion
from benchmarks.layout import HERE, LOAD_CORE
from sandbox.programs import find_program

_RESULT = "RESULT "


@dataclass(frozen=True, slots=True, kw_only=True)
class WrkResult:
    """The result of one wrk run."""

    requests: int
    seconds: float
    bytes: int
    p50_ms: float
    p99_ms: float
    failed: int


def write_requests(file: Path, question: BenchmarkQuestion, path: str, callers: Sequence[BenchmarkCaller]) -> None:
    """Write the requests that wrk sends in turn, for `load.lua`."""
    lines = [path]
    if question.needs_token:
        for caller in callers:
            body = {"query": question.document, "variables": question.variables(caller.number)}
            lines += [f"Bearer {caller.token}", orjson.dumps(body).decode()]
    else:
        lines += ["-", orjson.dumps({"query": question.document}).decode()]
    file.write_text("\n".join(lines) + "\n")


def run_wrk(url: str, requests: Path, *, connections: int, seconds: float) -> WrkResult:
    """Send requests for this number of seconds. Raises `RuntimeError` if wrk fails."""
    parts = urlsplit(url)
    command = [
        *("taskset", "--cpu-list", str(LOAD_CORE)),
        *(str(find_program("wrk")), "--threads", "1", "--connections", str(connections)),
        *("--duration", f"{seconds:.0f}s"),
        *("--timeout", "10s", "--script", str(HERE / "load.lua"), f"{parts.scheme}://{parts.netloc}"),
    ]
    done = subprocess.run(  # noqa: S603 - wrk on the loopback address
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 30,
        env={**os.environ, "BENCH_REQUESTS": str(requests)},
    )
    for line in done.stdout.splitlines():
        if line.startswith(_RESULT):
            found = orjson.loads(line.removeprefix(_RESULT))
            return WrkResult(
                requests=found["requests"],
                seconds=found["microseconds"] / 1e6,
                bytes=found["bytes"],
                p50_ms=found["p50"] / 1000,
                p99_ms=found["p99"] / 1000,
                failed=found["failed"],
            )
    raise RuntimeError(f"wrk gave no result: {(done.stderr or done.stdout).strip()[-300:]}")

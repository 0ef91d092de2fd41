"""Processor time in units of a fixed workload, which is measured in turns with what is compared.

Machines differ, and so does one machine from minute to minute. The ratio to pure Python and orjson differs much less.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson

_ROWS = [{"id": n, "title": f"title {n}", "body": "text " * 20, "user": n % 10} for n in range(100)]
_SLICE_S = 0.02
"""Processor seconds of a stage between two calibrations. Short, so that some slices are undisturbed by other work."""
_FEWEST = 3
_LOOPS = 20
"""Calibration loops between two slices: about 1 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTime:
    """The processor time of one stage."""

    units: float
    """By that of one calibration loop."""
    microseconds: float


def run_calibration_loop() -> int:
    """The workload: 100 rows are read from JSON, joined in Python, and written."""
    rows = orjson.loads(orjson.dumps(_ROWS))
    users: dict[int, dict[str, Any]] = {}
    joined = []
    for row in rows:
        user = users.get(row["user"])
        if user is None:
            user = users[row["user"]] = {"id": row["user"], "name": f"name {row['user']}"}
        joined.append({"id": row["id"], "title": row["title"], "body": row["body"], "user": user})
    return len(orjson.dumps({"data": {"rows": joined}}))


async def measure_stage(run: Callable[[], Awaitable[Any]], *, within: float, requests: int = 1) -> StageTime:
    """The time of one request of `run`, which makes this number of them, within the given seconds of processor time.

    Stage and calibration are measured in turns; the best slice of each counts, because other work only adds time.
    """
    for _ in range(_FEWEST):
        await run()
    once = await _time_runs(run, 1)
    times = max(1, int(_SLICE_S / max(once, 1e-6)))
    stage = loop = float("inf")
    gc.collect()
    for _ in range(max(_FEWEST, int(within / _SLICE_S))):
        loop = min(loop, _time_loops(_LOOPS))
        stage = min(stage, await _time_runs(run, times))
    return StageTime(units=stage / requests / loop, microseconds=stage / requests * 1e6)


def _time_loops(count: int) -> float:
    began = time.process_time()
    for _ in range(count):
        run_calibration_loop()
    return (time.process_time() - began) / count


async def _time_runs(run: Callable[[], Awaitable[Any]], count: int) -> float:
    began = time.process_time()
    for _ in range(count):
        await run()
    return (time.process_time() - began) / count

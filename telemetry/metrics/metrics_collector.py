"""Collects the metrics of the hub: this process's current values, and the last written values of the others.

This costs a request nothing: parts of the hub count in plain attributes. Every five seconds, each process writes its
counts to a file that the other processes of the hub read.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

from records.histogram import Histogram
from records.shared_wakes import compute_pause
from telemetry.metrics.metric_values import MetricValues, merge_values
from telemetry.metrics.minutes import AgencyTotals, MinuteHistory
from telemetry.metrics.process import ProcessMetrics
from telemetry.metrics.run_files import RunFiles

_log = logging.getLogger("simpul.metrics")

WRITE_INTERVAL: Final = 5.0
"""Seconds between two writes, and so the counts that a killed process may lose."""
_LAG_INTERVAL: Final = 1.0
"""Seconds between two measurements of the event loop's lag."""
_MERGE_EVERY: Final = 2
"""The number of writes between two merges of ended processes."""


class MetricsSource(Protocol):
    """A part of the hub with metrics."""

    def collect(self, numbers: MetricValues) -> None:
        """Adds its counters and gauges. It must be quick, because it blocks the event loop."""


class MetricsCollector:
    """Collects metrics; `run` it in the event loop that serves."""

    def __init__(
        self,
        sources: Sequence[MetricsSource],
        *,
        get_agency_totals: Callable[[], Mapping[str, AgencyTotals]],
        folder: Path | None = None,
        write_interval: float = WRITE_INTERVAL,
    ) -> None:
        """Opens nothing yet.

        `get_agency_totals` returns the totals of each agency, for its last hour. Without a `folder`, only this process
        counts.
        """
        self._sources = [*sources, ProcessMetrics()]
        self._get_agency_totals = get_agency_totals
        self._files = None if folder is None else RunFiles(folder)
        self._write_interval = write_interval
        self._history = MinuteHistory()
        self._lag = Histogram()
        self._lock = asyncio.Lock()
        self._last: tuple[float, MetricValues] | None = None
        self._has_warned = False

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Writes this process's values at intervals, within the block."""
        if self._files is not None and not await self._try_on_disk(self._files.open):
            self._files = None
        await self._write_own(merge_ended=True)
        tasks = [asyncio.create_task(self._measure_lag()), asyncio.create_task(self._write_repeatedly())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            if self._files is not None:
                await self._write_own(merge_ended=False)
                await self._try_on_disk(self._files.close)

    async def collect_all(self, *, max_age: float = 0.0) -> MetricValues:
        """Returns the values of all processes of the hub; a collection of at most `max_age` seconds ago is reused.

        Writes this process's values first, so that a later answer of another process never shows less.
        """
        async with self._lock:
            if self._last is None or time.monotonic() - self._last[0] >= max_age:
                own = self.collect_own()
                living, ended = await self._exchange(own)
                self._last = time.monotonic(), merge_values([own, *living], ended)
            return self._last[1]

    async def _exchange(self, own: MetricValues) -> tuple[Sequence[MetricValues], Sequence[MetricValues]]:
        """Writes the own values, and reads the others'. Returns those of living and of ended processes."""
        found: list[tuple[Sequence[MetricValues], Sequence[MetricValues]]] = []
        if (files := self._files) is not None and await self._try_on_disk(files.write, own):
            await self._try_on_disk(lambda: found.append(files.read_others()))
        return found[0] if found else ((), ())

    def collect_own(self) -> MetricValues:
        """Returns the current values of this process."""
        self._history.record(self._get_agency_totals(), time.time())
        numbers = MetricValues(minutes=self._history.get_minutes())
        numbers.set_histogram("simpul_event_loop_lag_seconds", self._lag)
        for source in self._sources:
            source.collect(numbers)
        return numbers

    async def _measure_lag(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began, pause = loop.time(), compute_pause(_LAG_INTERVAL)
            await asyncio.sleep(pause)
            self._lag.add(max(0.0, loop.time() - began - pause))

    async def _write_repeatedly(self) -> None:
        writes = 0
        while True:
            await asyncio.sleep(compute_pause(self._write_interval))
            writes += 1
            await self._write_own(merge_ended=writes % _MERGE_EVERY == 0)

    async def _write_own(self, *, merge_ended: bool) -> None:
        if self._files is None:
            self._history.record(self._get_agency_totals(), time.time())
            return
        async with self._lock:
            await self._try_on_disk(self._files.write, self.collect_own())
        if merge_ended:
            await self._try_on_disk(self._files.merge_ended)

    async def _try_on_disk(self, work: Callable[..., None], *arguments: MetricValues) -> bool:
        """Runs file work in a thread. Returns whether it worked: a failure of metrics must not affect the service."""
        try:
            await asyncio.to_thread(work, *arguments)
        except OSError as failure:
            if not self._has_warned:
                self._has_warned = True
                _log.warning(
                    "The run folder cannot be used (%s): metrics show one process only. See SIMPUL_RUN_FOLDER.",
                    failure.strerror or type(failure).__name__,
                )
            return False
        self._has_warned = False
        return True

"""A process that writes metrics like a worker of the hub; run by `CountingWorker`."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from telemetry.metrics.metric_values import MetricValues
from telemetry.metrics.metrics_collector import MetricsCollector
from tests.sandbox_agencies import ROOT


class CallSource:
    """A source of counts."""

    def __init__(self, calls: int) -> None:
        self.calls = calls

    def collect(self, numbers: MetricValues) -> None:
        numbers.set_value("simpul_agency_calls_total", self.calls, "pbb")
        numbers.set_value("simpul_agency_calls_in_flight", 1, "pbb")


class CountingWorker:
    """A process with the given number of calls."""

    def __init__(self, folder: Path, calls: int) -> None:
        """Returns when its values are in the shared files."""
        self._process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "tests.telemetry.metrics.counting_worker", str(folder), str(calls)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.pid = self._process.pid
        self._wait_for_line("ready")

    def count(self, calls: int) -> None:
        """Counts more, and writes it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{calls}\n".encode())
        self._process.stdin.flush()
        self._wait_for_line("written")

    def kill(self) -> None:
        """Kills it (SIGKILL)."""
        self._end(signal.SIGKILL)

    def end(self) -> None:
        """Ends it in order."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(10) == 0
        self._close()

    def close(self) -> None:
        """Stops and removes everything."""
        if self._process.poll() is None:
            self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        os.kill(self.pid, number)
        self._process.wait(10)
        self._close()

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _wait_for_line(self, word: str) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == f"{word}\n".encode()


async def _work(folder: Path, calls: int) -> None:
    counted = CallSource(calls)
    measuring = MetricsCollector([counted], get_agency_totals=dict, folder=folder, write_interval=3600)
    async with measuring.run():
        await measuring.collect_all()
        _say("ready")
        reader: Any = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(0, "rb")
        )
        async for line in reader:
            counted.calls += int(line)
            await measuring.collect_all()
            _say("written")


def _say(word: str) -> None:
    os.write(1, f"{word}\n".encode())


if __name__ == "__main__":
    asyncio.run(_work(Path(sys.argv[1]), int(sys.argv[2])))

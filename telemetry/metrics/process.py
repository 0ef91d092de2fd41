"""What the operating system says of this process (Linux: proc(5)); elsewhere only its processor time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import time
from pathlib import Path
from typing import Final

from telemetry.metrics.metric_values import MetricValues

_SELF: Final = Path("/proc/self")
_RESIDENT_WORD: Final = 1
"""Which word of `statm` it is, in pages."""


class ProcessMetrics:
    """This process."""

    def __init__(self) -> None:
        self._started_at = time.time()

    def collect(self, numbers: MetricValues) -> None:
        """How it is now. In the event loop."""
        me = str(os.getpid())
        used = resource.getrusage(resource.RUSAGE_SELF)
        numbers.set_value("simpul_workers", 1)
        numbers.set_value("simpul_process_cpu_seconds_total", used.ru_utime + used.ru_stime)
        numbers.set_value("simpul_process_start_time_seconds", self._started_at, me)
        numbers.set_value("simpul_process_tasks", len(asyncio.all_tasks()), me)
        numbers.set_value("simpul_process_max_fds", resource.getrlimit(resource.RLIMIT_NOFILE)[0], me)
        # Where the process has no handle left, this is what cannot be read; the rest is told then above all.
        with contextlib.suppress(OSError):
            pages = int((_SELF / "statm").read_text(encoding="ascii").split()[_RESIDENT_WORD])
            numbers.set_value("simpul_process_resident_memory_bytes", pages * resource.getpagesize(), me)
            numbers.set_value("simpul_process_open_fds", len(os.listdir(_SELF / "fd")), me)  # noqa: PTH208 - names alone are counted

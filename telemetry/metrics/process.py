"""Metrics of this process from the operating system (Linux: proc(5)); elsewhere only its processor time."""

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
"""The index of the resident size in `statm`, in pages."""


class ProcessMetrics:
    """Metrics of this process."""

    def __init__(self) -> None:
        self._started_at = time.time()

    def collect(self, numbers: MetricValues) -> None:
        """Adds the current values. Call it in the event loop."""
        me = str(os.getpid())
        used = resource.getrusage(resource.RUSAGE_SELF)
        numbers.set_value("simpul_workers", 1)
        numbers.set_value("simpul_process_cpu_seconds_total", used.ru_utime + used.ru_stime)
        numbers.set_value("simpul_process_start_time_seconds", self._started_at, me)
        numbers.set_value("simpul_process_tasks", len(asyncio.all_tasks()), me)
        numbers.set_value("simpul_process_max_fds", resource.getrlimit(resource.RLIMIT_NOFILE)[0], me)
        # Without free file descriptors, these two cannot be read, but the other values matter most then.
        with contextlib.suppress(OSError):
            pages = int((_SELF / "statm").read_text(encoding="ascii").split()[_RESIDENT_WORD])
            numbers.set_value("simpul_process_resident_memory_bytes", pages * resource.getpagesize(), me)
            numbers.set_value("simpul_process_open_fds", len(os.listdir(_SELF / "fd")), me)  # noqa: PTH208 - names alone are counted

"""What the operating system says of this process (Linux: proc(5)); elsewhere only its processor time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import time
from pathlib import Path
from typing import Final

from telemetry.metrics.numbers import Numbers

_SELF: Final = Path("/proc/self")
_RESIDENT: Final = 1
"""Which word of `statm` it is, in pages."""


class Process:
    """This process."""

    def __init__(self) -> None:
        self._began = time.time()

    def tell(self, numbers: Numbers) -> None:
        """How it is now. In the event loop."""
        me = str(os.getpid())
        used = resource.getrusage(resource.RUSAGE_SELF)
        numbers.put("simpul_workers", 1)
        numbers.put("simpul_process_cpu_seconds_total", used.ru_utime + used.ru_stime)
        numbers.put("simpul_process_start_time_seconds", self._began, me)
        numbers.put("simpul_process_tasks", len(asyncio.all_tasks()), me)
        numbers.put("simpul_process_max_fds", resource.getrlimit(resource.RLIMIT_NOFILE)[0], me)
        # Where the process has no handle left, this is what cannot be read; the rest is told then above all.
        with contextlib.suppress(OSError):
            pages = int((_SELF / "statm").read_text(encoding="ascii").split()[_RESIDENT])
            numbers.put("simpul_process_resident_memory_bytes", pages * resource.getpagesize(), me)
            numbers.put("simpul_process_open_fds", len(os.listdir(_SELF / "fd")), me)  # noqa: PTH208 - names alone are counted

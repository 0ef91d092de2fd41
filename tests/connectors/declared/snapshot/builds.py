"""Builds that say where they run, wait or end: functions that a process for builds imports."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from connectors.declared.snapshot.layout import SnapshotFacts
from connectors.drivers.files.row_error import RowError


@dataclass(frozen=True)
class StrangePlan:
    """A plan that calls a function of this file."""

    write: FunctionType
    place: Path


def tell_processes(plan: StrangePlan, source: object) -> SnapshotFacts:
    """Fails with its process and its parent."""
    del plan, source
    raise RowError(f"{os.getpid()} of {os.getppid()}")


def wait(plan: StrangePlan, source: object) -> SnapshotFacts:
    """Writes its process to a file, and never ends."""
    del source
    unfinished = plan.place.with_suffix(".unfinished")
    unfinished.write_text(str(os.getpid()))
    unfinished.rename(plan.place)
    while True:
        signal.pause()


def die(plan: StrangePlan, source: object) -> SnapshotFacts:
    """Ends as a process without memory does."""
    del plan, source
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def count_rows(plan: StrangePlan, source: Any) -> SnapshotFacts:  # noqa: ANN401 - streamed rows
    """Fails with the number of rows."""
    del plan
    raise RowError(f"{source.name}: {len([*source.read()])} rows")

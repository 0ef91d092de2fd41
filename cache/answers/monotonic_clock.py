"""The monotonic clock of the cache: it cannot be set, and it includes the time in which the machine sleeps."""

from __future__ import annotations

import time
from typing import Final

_SINCE_BOOT: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)  # Linux; elsewhere it may exclude sleep


def get_monotonic_seconds() -> float:
    """Returns the seconds since an arbitrary moment of this machine.

    The time of day is set back and forth, by people and by daemons. With it, a clock that is set back by an hour keeps
    every answer fresh for one more hour. `time.monotonic` stops while a virtual machine is suspended, with the same
    effect.
    """
    return time.monotonic() if _SINCE_BOOT is None else time.clock_gettime(_SINCE_BOOT)

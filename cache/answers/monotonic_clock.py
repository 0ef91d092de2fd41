"""The monotonic clock of freshness: it cannot be set, and it includes the time in which the machine sleeps."""

from __future__ import annotations

import time
from typing import Final

_SINCE_BOOT: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)  # Linux; elsewhere sleep may not count


def get_monotonic_seconds() -> float:
    """Seconds since some moment of this machine's own.

    The time of day is set back and forth, by hand and by daemons: with it a clock that is set back an hour makes every
    answer fresh for an hour more. `time.monotonic` stops while a virtual machine is suspended, and would do the same.
    """
    return time.monotonic() if _SINCE_BOOT is None else time.clock_gettime(_SINCE_BOOT)

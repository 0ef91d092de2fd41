"""The clocks of a process, which tests can set, and the city's time zone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta, timezone
from typing import Final

CITY_TIME_ZONE: Final = timezone(timedelta(hours=7), "WIB")
"""Western Indonesian Time (Asia/Jakarta): UTC+7, without daylight saving time since 1964."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """The two clocks of a process."""

    wall: Callable[[], float] = time.time
    """The time of day, in seconds since 1970-01-01 UTC."""
    monotonic: Callable[[], float] = time.monotonic
    """Seconds since an arbitrary moment; not affected by changes of the system clock."""

"""The two clocks of a process, so that tests can set them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """What time it is."""

    wall: Callable[[], float] = time.time
    """The time of day, in seconds since 1970-01-01 UTC."""
    monotonic: Callable[[], float] = time.monotonic
    """Seconds since some moment; never set."""

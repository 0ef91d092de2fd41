"""The load of one process, for health reports and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple


class Urgency(IntEnum):
    """Classes of requests; the lowest is refused first."""

    ANONYMOUS = 0
    CLAIMED = 1
    """Has a token or cookie that was not verified recently."""
    SIGNED_IN = 2
    """Has a recently verified token."""
    LANE = 3
    """Has the emergency lane."""

    @property
    def word(self) -> str:
        """The name in reports and metrics."""
        return self.name.lower().replace("_", "-")


class LoadSnapshot(NamedTuple):
    """The load at one moment."""

    lag: float
    """Lag of the event loop, in seconds."""
    in_flight: int
    """Unfinished requests."""
    limit: float | None
    """The measured admission rate in requests per second; None without overload."""
    refused: Mapping[Urgency, int]
    """Refused requests since the start of the process."""

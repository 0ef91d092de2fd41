"""How much a process of the hub is asked for, as those see it who watch it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple


class Urgency(IntEnum):
    """In which order requests are refused, the lowest first."""

    ANONYMOUS = 0
    CLAIMED = 1
    """Somebody who brings what may prove them, and has not been proven lately."""
    SIGNED_IN = 2
    """Somebody whose token was proven a moment ago."""
    LANE = 3
    """Of the emergency lane."""

    @property
    def word(self) -> str:
        """What it is called in reports and metrics."""
        return self.name.lower().replace("_", "-")


class LoadSnapshot(NamedTuple):
    """One look at it."""

    lag: float
    """Seconds by which the event loop was late to what was due."""
    in_flight: int
    """Requests under way."""
    limit: float | None
    """Requests a second that are let in, as measured; None while all are."""
    refused: Mapping[Urgency, int]
    """Requests turned away since the start of the process."""

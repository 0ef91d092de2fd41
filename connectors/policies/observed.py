"""What can be seen of how an agency is asked, for readiness and metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from connectors.policies.breaker import BreakerState
from records.histogram import Histogram


@dataclass(slots=True)
class Counts:
    """What happened at an agency's gate since the start of the process. Only ever grows."""

    attempts: int = 0
    """Requests and statements sent: first ones, retries and hedges."""
    answered: int = 0
    """Calls that came back with an answer, whatever it said."""
    failed: Counter[str] = field(default_factory=Counter)
    """Calls that ended in a failure of the agency, by its code."""
    refused: Counter[str] = field(default_factory=Counter)
    """Calls that were not made, by why: `closed`, `breaker`, `asked_to_wait`, `quota`, `bulkhead`, `no_turn`,
    `no_place`, `no_time`."""
    retries: int = 0
    hedges: int = 0
    hedges_won: int = 0
    durations: Histogram = field(default_factory=Histogram)
    """Seconds from an attempt to its end, whatever that was; a hedge counts with what it was sent for."""
    answered_at: float | None = None
    """When the agency last answered, on the gate's clock."""


class Observed(Protocol):
    """One agency's gate, as those see it who report about it."""

    @property
    def agency(self) -> str:
        """Its name."""

    @property
    def counts(self) -> Counts:
        """What happened so far."""

    @property
    def breaker_state(self) -> BreakerState | None:
        """Whether calls pass; None where the agency has no breaker."""

    @property
    def breaker_opened(self) -> int:
        """How often the breaker opened."""

    @property
    def in_flight(self) -> int:
        """Calls under way now."""

    @property
    def waiting(self) -> int:
        """Calls that wait for one of these to end."""

    @property
    def is_closed(self) -> bool:
        """Whether it is closed to reads at this hour, by its terms."""

    @property
    def quota(self) -> int | None:
        """Calls of a whole day; None where the agency has no daily quota."""

    @property
    def quota_left(self) -> int | None:
        """Calls left of the day; None where the agency has no daily quota."""

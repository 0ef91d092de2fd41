"""What can be seen of how an agency is asked, for readiness and metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from connectors.policies.breaker import BreakerState


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
    def in_flight(self) -> int:
        """Calls under way now."""

    @property
    def waiting(self) -> int:
        """Calls that wait for one of these to end."""

    @property
    def quota_left(self) -> int | None:
        """Calls left of the day; None where the agency has no daily quota."""

"""What can be seen of how an agency is asked, for readiness and metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from records.histogram import Histogram


@dataclass(slots=True)
class CallCounters:
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
    mismatches: int = 0
    """Replies about something else than was asked (`connectors/batching/row_check.py`)."""
    retries: int = 0
    hedges: int = 0
    hedges_won: int = 0
    durations: Histogram = field(default_factory=Histogram)
    """Seconds from an attempt to its end, whatever that was; a hedge counts with what it was sent for."""
    answered_at: float | None = None
    """When the agency last answered, on the gate's clock."""

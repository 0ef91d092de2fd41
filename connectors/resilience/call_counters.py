"""Counters of the calls to an agency, for readiness and metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from records.histogram import Histogram


@dataclass(slots=True)
class CallCounters:
    """The events at an agency's gate since the start of the process. Counters never decrease."""

    attempts: int = 0
    """Sent requests and statements: first attempts, retries and hedges."""
    answered: int = 0
    """Calls with an answer of any content."""
    failed: Counter[str] = field(default_factory=Counter)
    """Calls that ended with a failure of the agency, by code."""
    refused: Counter[str] = field(default_factory=Counter)
    """Calls that were not made, by reason: `closed`, `breaker`, `asked_to_wait`, `quota`, `bulkhead`,
    `rate_timeout`, `queue_timeout`, `deadline_passed`."""
    mismatches: int = 0
    """Replies that do not match their request (`connectors/batching/row_check.py`)."""
    retries: int = 0
    hedges: int = 0
    hedges_won: int = 0
    durations: Histogram = field(default_factory=Histogram)
    """Seconds of attempts with any outcome; a hedge counts as part of its attempt."""
    answered_at: float | None = None
    """Time of the agency's last answer, on the gate's clock."""

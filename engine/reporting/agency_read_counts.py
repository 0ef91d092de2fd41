"""How much is read of each agency, for metrics."""

from __future__ import annotations

from dataclasses import dataclass, field

from records.histogram import KEY_COUNTS, Histogram


@dataclass(slots=True)
class AgencyReadCounts:
    """What requests wanted of one agency since the start of the process. Only ever grows."""

    keys: Histogram = field(default_factory=lambda: Histogram(KEY_COUNTS))
    """Keys of each batch that went to its connector."""
    first_requests: int = 0
    """Keys that a request wanted for the first time."""
    repeated_requests: int = 0
    """Keys that a request wanted though it had asked for them: they cost nothing."""

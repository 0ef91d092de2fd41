"""Places of an answer that hold what is no longer fresh, and what the answer says of them (`extensions.freshness`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from records.calls.freshness import Staleness

MAX_LISTED = 100
"""Places that are listed; more are counted."""

Path = Sequence[str | int]


class StalePath(NamedTuple):
    """A place, whom what stands there comes from, and how old it is."""

    path: Path
    agency: str | None
    staleness: Staleness


def describe_stale_paths(places: Sequence[StalePath]) -> list[dict[str, Any]]:
    """What is said of them: each place, its agency, of when it is and why."""
    listed = [
        {
            "path": list(path),
            "agency": agency,
            "asOf": staleness.as_of.isoformat(),
            "stale": True,
            "reason": staleness.reason,
        }
        for path, agency, staleness in places[:MAX_LISTED]
    ]
    return listed if len(places) <= MAX_LISTED else [*listed, {"more": len(places) - MAX_LISTED}]

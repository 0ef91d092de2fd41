"""What all processes together take of what agencies allow: turns of a second, calls of a day."""

from __future__ import annotations

from collections.abc import Callable

from cache.rates import Rate
from cache.shared import SharedCounts


class AgencyCounts:
    """Counts in Redis, by agency."""

    def __init__(self, shared: SharedCounts, *, keyed: Callable[[str], str]) -> None:
        """Take where all processes count, and what makes a key of an agency's name."""
        self._shared = shared
        self._keyed = keyed

    async def turn(self, agency: str, *, rate: float, burst: int) -> float | None:
        """Take a turn among `rate` a second, with bursts of `burst`: 0 where it was, else seconds until one may be.

        None where Redis does not answer.
        """
        taken = await self._shared.take(self._keyed(agency), Rate(burst, burst / rate), 1)
        return None if taken is None else taken.wait if taken.refused else 0.0

    async def reserve(self, agency: str, calls: int, *, day: int, most: int, known: int) -> tuple[bool, int] | None:
        """Reserve calls of a day of at most `most`: whether they were, and how many are by now.

        None where Redis does not answer.
        """
        asked = self._shared.spend(f"agency\0{agency}", calls, day=day, most=most, known=known)
        return None if asked is None else await asked

"""What all processes together take of what agencies allow: turns of a second, calls of a day."""

from __future__ import annotations

from collections.abc import Callable

from cache.limits.rate_limiter import Rate
from cache.limits.redis_counters import RedisCounters


class AgencyCounts:
    """Counts in Redis, by agency."""

    def __init__(self, shared: RedisCounters, *, make_key: Callable[[str], str]) -> None:
        """Take where all processes count, and what makes a key of an agency's name."""
        self._shared = shared
        self._make_key = make_key

    async def acquire_rate(self, agency: str, *, rate: float, burst: int) -> float | None:
        """Take a turn among `rate` a second, with bursts of `burst`: 0 where it was, else seconds until one may be.

        None where Redis does not answer.
        """
        result = await self._shared.take(self._make_key(agency), Rate(burst, burst / rate), 1)
        return None if result is None else result.wait if result.is_refused else 0.0

    async def reserve(
        self, agency: str, calls: int, *, day: int, limit: int, known_spent: int
    ) -> tuple[bool, int] | None:
        """Reserve calls of a day of at most `limit`: whether they were, and how many are by now.

        None where Redis does not answer.
        """
        spending = self._shared.spend(f"agency\0{agency}", calls, day=day, limit=limit, known_spent=known_spent)
        return None if spending is None else await spending

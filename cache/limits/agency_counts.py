"""Agency limits that all processes share: calls per second and calls per day."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cache.limits.rate_limiter import Rate

if TYPE_CHECKING:  # a hub without Redis does not load its libraries
    from cache.limits.redis_counters import RedisCounters


class AgencyCounts:
    """Counts calls in Redis, by agency."""

    def __init__(self, shared: RedisCounters, *, make_key: Callable[[str], str]) -> None:
        """Takes the shared counters, and the function that builds a key from an agency's name."""
        self._shared = shared
        self._make_key = make_key

    async def acquire_rate(self, agency: str, *, rate: float, burst: int) -> float | None:
        """Acquires a rate permit, of `rate` per second with bursts of `burst`.

        Returns 0 if it was acquired, otherwise the seconds until it may be; None if Redis does not answer.
        """
        result = await self._shared.take(self._make_key(agency), Rate(burst, burst / rate), 1)
        return None if result is None else result.wait if result.is_refused else 0.0

    async def reserve(
        self, agency: str, calls: int, *, day: int, limit: int, known_spent: int
    ) -> tuple[bool, int] | None:
        """Reserves calls of a day with at most `limit` calls. Returns whether they were reserved, and the day's total.

        Returns None if Redis does not answer.
        """
        spending = self._shared.spend(f"agency\0{agency}", calls, day=day, limit=limit, known_spent=known_spent)
        return None if spending is None else await spending

"""An agency's limits that the processes of a hub count together."""

from __future__ import annotations

from typing import Protocol


class SharedLimits(Protocol):
    """Counts for all processes. Never raises, and answers within a tenth of a second.

    The result None means that the shared count is unavailable, so each process counts alone.
    """

    async def acquire_rate(self, agency: str, *, rate: float, burst: int) -> float | None:
        """Take a turn among `rate` per second, with bursts of `burst`.

        Returns 0 if the turn was taken, else the seconds until the next one.
        """

    async def reserve(
        self, agency: str, calls: int, *, day: int, limit: int, known_spent: int
    ) -> tuple[bool, int] | None:
        """Reserve calls of a day (a number that the caller defines), up to `limit`.

        At least `known_spent` of them are already reserved. Returns whether they were reserved, and the new total.
        """

"""What the processes of a hub count together of what an agency allows."""

from __future__ import annotations

from typing import Protocol


class SharedLimits(Protocol):
    """Counts for all processes. Never raises, and answers within a tenth of a second.

    None: nobody counts for all at the moment, so each process counts alone.
    """

    async def acquire_rate(self, agency: str, *, rate: float, burst: int) -> float | None:
        """Take a turn among `rate` a second, with bursts of `burst`.

        0 where it is ours, else seconds until one may be.
        """

    async def reserve(
        self, agency: str, calls: int, *, day: int, limit: int, known_spent: int
    ) -> tuple[bool, int] | None:
        """Reserve calls of a day (numbered by the caller) of at most `limit`.

        At least `known_spent` of them are reserved already. Whether they were reserved, and how many are by now.
        """

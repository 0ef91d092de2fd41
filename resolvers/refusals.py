"""Who was refused what, how often: counted in memory, and written to the hub's database in the background.

It stands beside the access ledger, not in it: whoever is refused without a token could else fill the ledger. Both what
waits in memory and the rows of an hour are bounded; what is beyond counts in a row for all others.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Protocol

from auth.caller import Caller
from auth.pseudonyms import Pseudonyms
from engine.refused_fields import Refusals
from store.refusals import RefusalKey
from store.unavailable import StateUnavailable

_log = logging.getLogger("simpul.refusals")

MOST_WAITING = 5_000
"""Rows that wait in memory; more count for all others together."""
_EVERY = 30.0
"""Seconds between two times of writing."""


class RefusalStore(Protocol):
    """Keeps counts of refusals."""

    async def add(self, counts: Mapping[RefusalKey, int]) -> None:
        """Add to what is kept; raises `StateUnavailable`."""


class NoRefusalStore:
    """Nothing is kept but the metric."""

    async def add(self, counts: Mapping[RefusalKey, int]) -> None:
        """Forget them."""


class RefusalTally:
    """Counts refusals of this process."""

    def __init__(
        self,
        pseudonyms: Pseudonyms,
        store: RefusalStore,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        most_waiting: int = MOST_WAITING,
    ) -> None:
        """Callers are kept by pseudonym, as in the access ledger."""
        self._pseudonyms = pseudonyms
        self._store = store
        self._clock = clock
        self._most_waiting = most_waiting
        self._waiting: Counter[RefusalKey] = Counter()
        self.by_reason: Counter[str] = Counter()
        """Since the start of the process; only ever grows."""

    def note(self, who: Caller, refusals: Refusals, /) -> None:
        """Count what somebody was refused."""
        hour = self._clock().replace(minute=0, second=0, microsecond=0)
        caller = self._pseudonyms.of_caller(who) or b""
        for (field, reason), times in refusals.items():
            self.by_reason[reason] += times
            self._add(RefusalKey(hour, who.kind.value, caller, field, reason), times)

    def _add(self, key: RefusalKey, times: int) -> None:
        if key not in self._waiting and len(self._waiting) >= self._most_waiting:
            key = key.of_others()
        self._waiting[key] += times

    @property
    def waiting(self) -> int:
        """Rows that wait to be written."""
        return len(self._waiting)

    async def write(self) -> None:
        """Write what waits; where the database does not answer, it goes on waiting."""
        counts, self._waiting = self._waiting, Counter()
        if not counts:
            return
        try:
            await self._store.add(counts)
        except StateUnavailable as failure:
            _log.warning("%d counts of refusals cannot be written now: %s", len(counts), failure)
            for key, times in counts.items():
                self._add(key, times)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The time in which counts are written now and then, and once more at its end."""

        async def again() -> None:
            while True:
                await asyncio.sleep(_EVERY)
                await self.write()

        writing = asyncio.create_task(again())
        try:
            yield
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            await self.write()

    def __repr__(self) -> str:
        """How many, never who."""
        return f"<RefusalTally {len(self._waiting)} waiting>"

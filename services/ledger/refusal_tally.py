"""Counts refusals in memory, and writes the counts to the hub's database in the background.

The counts are not in the access ledger: otherwise callers without a token could fill it. The number of rows is bounded
for each kind of caller, in memory and per hour: beyond it, refusals of further callers and fields are counted together
in one row. Callers of one kind, even if they are many, cannot hide who of another kind was refused.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Protocol

from auth.caller import Caller
from auth.crypto.pseudonyms import Pseudonyms
from engine.reporting import Refusals
from services.periodic_writing import writing_periodically
from store.database_timeout import StateUnavailable
from store.ledger.refusal_counts import RefusalKey

_log = logging.getLogger("simpul.refusals")

MAX_WAITING = 5_000
"""Rows of one kind of caller that wait in memory; beyond it, other callers and fields are counted together."""


class RefusalStore(Protocol):
    """Stores counts of refusals."""

    async def add(self, counts: Mapping[RefusalKey, int]) -> None:
        """Add the counts to the stored ones; raises `StateUnavailable`."""


class NoRefusalStore:
    """Stores nothing; only the metric counts."""

    async def add(self, counts: Mapping[RefusalKey, int]) -> None:
        """Discard them."""


class RefusalTally:
    """Counts refusals of this process."""

    def __init__(
        self,
        pseudonyms: Pseudonyms,
        store: RefusalStore,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        max_waiting: int = MAX_WAITING,
    ) -> None:
        """Callers are stored by pseudonym, as in the access ledger."""
        self._pseudonyms = pseudonyms
        self._store = store
        self._clock = clock
        self._max_waiting = max_waiting
        self._waiting: Counter[RefusalKey] = Counter()
        self._rows_by_kind: Counter[str] = Counter()
        self.by_reason: Counter[str] = Counter()
        """Refusals by reason since the start of the process; counts only grow."""

    def record(self, caller: Caller, refusals: Refusals, /) -> None:
        """Count the refusals of one caller."""
        hour = self._clock().replace(minute=0, second=0, microsecond=0)
        caller_pseudonym = self._pseudonyms.pseudonymize_caller(caller) or b""
        for (field, reason), times in refusals.items():
            self.by_reason[reason] += times
            self._add(RefusalKey(hour, caller.kind.value, caller_pseudonym, field, reason), times)

    def _add(self, key: RefusalKey, times: int) -> None:
        if key not in self._waiting and self._rows_by_kind[key.kind] >= self._max_waiting:
            key = key.to_others()
        self._rows_by_kind[key.kind] += key not in self._waiting
        self._waiting[key] += times

    @property
    def waiting(self) -> int:
        """Rows that wait to be written."""
        return len(self._waiting)

    async def write(self) -> None:
        """Write the waiting counts; if the database does not answer, they keep waiting."""
        counts, self._waiting = self._waiting, Counter()
        self._rows_by_kind.clear()
        if not counts:
            return
        try:
            await self._store.add(counts)
        except StateUnavailable as failure:
            _log.warning("%d counts of refusals cannot be written now: %s", len(counts), failure)
            for key, times in counts.items():
                self._add(key, times)

    def running(self) -> AbstractAsyncContextManager[None]:
        """Write counts periodically, and once more at the end."""
        return writing_periodically(self.write)

    def __repr__(self) -> str:
        """The number of waiting rows, never callers."""
        return f"<RefusalTally {len(self._waiting)} waiting>"

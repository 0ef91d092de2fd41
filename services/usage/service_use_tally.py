"""Counts uses of the city's services in memory, and writes the counts to the hub's database in the background.

A use is an answered operation with a field that marks the service. Counts name no caller.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime, time
from typing import Protocol

from auth.policy.children import get_city_date
from services.periodic_writing import writing_periodically
from store.database_timeout import StateUnavailable
from store.usage.service_use_table import ServiceUseKey

_log = logging.getLogger("simpul.usage")
_MAX_PLANS = 10_000
"""Sets of fields whose services are remembered."""


class ServiceUseStore(Protocol):
    """Stores counts of uses."""

    async def add(self, counts: Mapping[ServiceUseKey, int]) -> None:
        """Add the counts to the stored ones; raises `StateUnavailable`."""


class NoServiceUseStore:
    """Stores nothing."""

    async def add(self, counts: Mapping[ServiceUseKey, int]) -> None:
        """Discard them."""


class ServiceUseTally:
    """Counts the uses of this process."""

    def __init__(
        self,
        marks: Mapping[str, str],
        store: ServiceUseStore,
        *,
        get_today: Callable[[], date] = get_city_date,
    ) -> None:
        """`marks` are the codes of services by the schema coordinate that marks their use."""
        self._marks = marks
        self._store = store
        self._get_today = get_today
        self._services: dict[frozenset[str], tuple[str, ...]] = {}
        self._waiting: Counter[str] = Counter()

    def record(self, coordinates: frozenset[str], times: int = 1, /) -> None:
        """Count answers of an operation; `times` is their number."""
        services = self._services.get(coordinates)
        if services is None:
            services = tuple({self._marks[each] for each in coordinates & self._marks.keys()})
            if len(self._services) >= _MAX_PLANS:
                self._services.clear()
            self._services[coordinates] = services
        for each in services:
            self._waiting[each] += times

    async def write(self) -> None:
        """Write the waiting counts for the present month; if the database does not answer, they keep waiting."""
        counts, self._waiting = self._waiting, Counter()
        if not counts:
            return
        month = datetime.combine(self._get_today().replace(day=1), time(), UTC)
        try:
            await self._store.add({ServiceUseKey(month, code): uses for code, uses in counts.items()})
        except StateUnavailable as failure:
            _log.warning("uses of %d services cannot be written now: %s", len(counts), failure)
            self._waiting.update(counts)

    def running(self) -> AbstractAsyncContextManager[None]:
        """Write counts periodically, and once more at the end."""
        return writing_periodically(self.write)

    def __repr__(self) -> str:
        """The number of services with waiting counts."""
        return f"<ServiceUseTally {len(self._waiting)} waiting>"

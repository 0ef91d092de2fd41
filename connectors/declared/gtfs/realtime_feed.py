"""One real-time feed: its newest message, fetched when it is asked for, and the last good one while the feed fails."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final

from connectors.declared.gtfs.client import GtfsClient
from connectors.declared.gtfs.tables import GtfsRealtimeTable
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyNotOffered, AgencyTimeout

_log = logging.getLogger("simpul.agencies")
_FETCH_SECONDS: Final = 30.0
"""The terms of the agency set an earlier deadline of one call."""

ListKeys = Callable[[Any], Iterable[Hashable]]
"""What an entity of a message is found by."""
MapItems = Callable[[Sequence[Any], Callable[[Any], Any]], Awaitable[Sequence[Any]]]
"""Reads many items in slices of the event loop: `LongWork.map`."""


@dataclass(slots=True)
class RealtimeMessage:
    """A good message. Its entities stay as the parser made them, which is compact."""

    timestamp: float
    """Its own time, in seconds since 1970; the time of its arrival if it has none, or one in the future."""
    by_key: Mapping[Hashable, Sequence[Any]]
    cache: dict[Hashable, Any] = field(default_factory=dict)
    """What follows from it and from the timetable."""

    @property
    def as_of(self) -> datetime:
        """Its own time."""
        return datetime.fromtimestamp(self.timestamp, UTC)


class RealtimeFeed:
    """A feed of one process. Requests at the same time share one fetch."""

    def __init__(
        self,
        client: GtfsClient,
        path: str | None,
        table: GtfsRealtimeTable,
        *,
        list_keys: ListKeys,
        map_items: MapItems,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`path` is None for a feed that the agency does not have."""
        self.table = table
        self._client = client
        self._path = path
        self._list_keys = list_keys
        self._map_items = map_items
        self._clock = clock
        self._good: RealtimeMessage | None = None
        self._problem: AgencyFailure | None = None
        self._looked_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_offered(self) -> bool:
        """Whether the agency has it."""
        return self._path is not None

    async def load(self, call: Call) -> RealtimeMessage:
        """The newest good message within its bound. Raises `AgencyFailure` if there is none."""
        if self._path is None:
            raise AgencyNotOffered(self._client.agency)
        if self._looked_at is None or monotonic() - self._looked_at >= min(self.table.fresh, call.max_age):
            if self._task is None:
                self._task = asyncio.create_task(self._look(self._path, call.request_id))
                self._client.tasks.add(self._task)
                self._task.add_done_callback(self._client.tasks.discard)
            await asyncio.wait({self._task}, timeout=call.remaining())
        return self._choose()

    async def find(self, call: Call) -> RealtimeMessage | None:
        """The same, or None: for an answer that is better with it, and good without it."""
        try:
            return await self.load(call)
        except AgencyFailure:
            return None

    def _choose(self) -> RealtimeMessage:
        good, agency = self._good, self._client.agency
        if good is not None and self._clock() - good.timestamp <= self.table.max_age:
            return good
        if self._problem is not None:
            raise self._problem
        if good is None:
            raise AgencyTimeout(agency, "the first message of a real-time feed did not arrive before the deadline")
        raise AgencyMalformed(agency, f"the newest message of a real-time feed is of {good.as_of.isoformat()}")

    async def _look(self, path: str, request_id: str) -> None:
        """Fetch a message. One that fails is tried again only when the next is due."""
        try:
            call = Call(deadline=monotonic() + _FETCH_SECONDS, request_id=request_id)
            message = await self._client.fetch_message(path, call)
            now = self._clock()
            timestamp = min(float(message.header.timestamp or now), now)
            if self._good is None or timestamp >= self._good.timestamp:
                self._good = RealtimeMessage(timestamp, await self._index(message.entity))
            self._problem = None
        except AgencyFailure as failure:
            self._problem = failure
        except Exception as error:  # noqa: BLE001 - see below
            # A bug, or a value that the library cannot give: the feed fails, and no other field.
            _log.exception("A real-time feed of the agency '%s' failed", self._client.agency)
            self._problem = AgencyMalformed(self._client.agency, type(error).__name__)
        finally:
            self._looked_at = monotonic()
            self._task = None

    async def _index(self, entities: Sequence[Any]) -> Mapping[Hashable, Sequence[Any]]:
        found: dict[Hashable, list[Any]] = {}

        def add(entity: Any) -> None:  # noqa: ANN401 - an entity of the library
            if not entity.is_deleted:
                for key in self._list_keys(entity):
                    found.setdefault(key, []).append(entity)

        await self._map_items(entities, add)
        return found

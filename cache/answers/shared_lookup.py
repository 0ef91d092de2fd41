"""Looks slots up in the shared tier, and waits for those that another process is fetching."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from cache.answers.process_tier import CachedAnswer
from cache.answers.shared_tier import CacheKey, Lookup, SharedEntry, SharedTier
from cache.answers.slots import Slot

_FIRST_POLL_DELAY: Final = 0.015
_MAX_POLL_DELAY: Final = 0.12
"""Seconds between polls for an answer that another process is fetching."""

DecodeEntry = Callable[[Slot, SharedEntry, CacheKey], CachedAnswer | None]
"""Decodes an entry of the shared tier; None if it cannot be read."""


class SharedLookup:
    """The lookup of one fetch, and the leases of what it does not find. `end` it, also after a cancellation."""

    def __init__(
        self,
        shared: SharedTier,
        keys: Mapping[Slot, CacheKey],
        *,
        max_age: float,
        decode: DecodeEntry,
        on_found: Callable[[Slot, CachedAnswer], object],
        clock: Callable[[], float],
    ) -> None:
        """`on_found` takes each answer that is fresh and at most `max_age` seconds old, as soon as it is found."""
        self._shared = shared
        self._keys = keys
        self._max_age = max_age
        self._decode = decode
        self._on_found = on_found
        self._clock = clock
        self._leases: list[str] = []
        self.found: dict[Slot, CachedAnswer] = {}
        """What `on_found` took."""
        self.stale: dict[Slot, CachedAnswer] = {}
        """Older answers of slots that were not found."""

    async def run(self) -> Lookup | None:
        """Polls until each slot is found or leased to this process. Returns the last lookup; None without the tier."""
        pause = _FIRST_POLL_DELAY
        to_lease: list[str] = []
        while True:
            missing = {slot: each for slot, each in self._keys.items() if slot not in self.found}
            # One process fetches a slot and the others poll for its answer. A lease expires, so a process that dies
            # holds up the others only for that time. Leased names are looked up once more, after the lease: between a
            # first lookup and the lease, another process may have stored its answer and ended its own lease.
            lookup = await self._shared.look_up(list(missing.values()), lease=to_lease)
            if lookup is None:
                self._leases += to_lease  # the tier may have granted them before it was lost
                return None  # the tier does not answer, so this process asks the agency itself
            self._leases += lookup.leased
            self._take_found(lookup, missing)
            for slot in missing:
                slot.kind.hits.count_shared(is_first=not to_lease, is_there=slot in self.found)
            unleased = [
                each.name for slot, each in missing.items() if slot not in self.found and each.name not in self._leases
            ]
            # With a maximum age of 0, the fetch must begin after the read, so a fetch of another process does not help.
            if not self._max_age or not unleased:
                return lookup
            if to_lease:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _MAX_POLL_DELAY)
            to_lease = unleased

    async def end(self) -> None:
        """Ends the leases."""
        if self._leases:
            await self._shared.release_lease(self._leases)

    def _take_found(self, lookup: Lookup, missing: Mapping[Slot, CacheKey]) -> None:
        for slot, key in missing.items():
            entry = lookup.found.get(key.name)
            cached = None if entry is None else self._decode(slot, entry, key)
            if cached is None:
                continue
            now = self._clock()
            if cached.fresh_until > now and now - cached.fetched_at < self._max_age:
                self.found[slot] = cached
                self._on_found(slot, cached)
            else:
                self.stale[slot] = cached

"""Reading through what is kept: the process, then what all processes share, then the agency, which is asked once.

Who asks for what somebody else is asking for waits for the same answer, unless it was invalidated in between: an answer
that was begun before an invalidation is given to nobody who asked after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from time import time
from typing import Any, NamedTuple, Protocol

from cache.clock import steady
from cache.fences import NEVER, Fences, Mark
from cache.neighbours import Neighbours
from cache.process_tier import Kept, ProcessTier
from cache.shared_tier import Found, Looked, SharedTier, Stored, Wanted
from cache.slots import Given, Slot
from records.failures import AgencyFailure, AgencyTimeout
from records.freshness import Staleness
from records.spans import Span

REVALIDATING = "revalidating"
_SKEW = 1.0
"""Seconds by which an answer of another process may seem to come from the future. A larger difference means that the
shared clock was set back: the age of the answer is then unknown."""
_FIRST_LOOK = 0.015
_LONGEST_PAUSE = 0.12
"""Seconds between looks for what another process is fetching."""

Fetch = Callable[[Sequence[Slot], bool], Awaitable[Mapping[Slot, Any]]]
"""Asks the agency for slots, for who waits or (True) in the background: an answer or an exception each; a slot that is
left out is one of which the agency knows nothing. Raises where the whole call failed."""


class Names(Protocol):
    """How slots and tags are called: opaque, for they leave this process."""

    def of(self, slot: Slot) -> Wanted:
        """Name and tags."""

    def of_tags(self, tags: Sequence[str]) -> Sequence[str]:
        """Tags alone."""


class Seals(Protocol):
    """Seals answers with personal data wherever they leave the process."""

    def seal(self, body: bytes, name: str) -> bytes:
        """The sealed body, bound to its name."""

    def open(self, sealed: bytes, name: str) -> bytes:
        """The body; raises `ValueError` where it was sealed otherwise."""


class _Way(NamedTuple):
    """What is known of a fetch when it is begun."""

    wanted: Mapping[Slot, Wanted]
    tags: tuple[str, ...]
    mark: Mark
    fetch: Fetch
    in_background: bool
    at_most_old: float
    span: Span | None
    """What it is a part of, as traces tell of it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Flight:
    """Slots that are being fetched together."""

    way: _Way
    task: asyncio.Task[Mapping[Slot, Given]]


class ReadThrough:
    """Keeps answers, and asks for those that are not kept."""

    def __init__(
        self,
        *,
        most_bytes: int,
        names: Names,
        seals: Seals,
        shared: SharedTier | None = None,
        neighbours: Neighbours | None = None,
        now: Callable[[], float] = steady,
        wall: Callable[[], float] = time,
    ) -> None:
        """Start empty. All times are on the monotonic clock `now`.

        `wall` is the time of day, in seconds since 1970-01-01 UTC: answers to callers use it for dates.
        Without a tier that all processes share, `neighbours` are those who keep answers of their own.
        """
        self.fences = Fences()
        self.tier = ProcessTier(self.fences, most_bytes=most_bytes)
        self._names = names
        self._seals = seals
        self._shared = shared
        self._neighbours = neighbours
        self.now = now
        self._wall = wall
        self._flights: dict[Slot, _Flight] = {}
        self._running: set[asyncio.Task[Any]] = set()

    async def read(
        self, slots: Sequence[Slot], fetch: Fetch, *, at_most_old: float = inf, span: Span | None = None
    ) -> Mapping[Slot, Given]:
        """What each slot holds.

        Nothing older than `at_most_old` seconds is used, unless the agency fails: 0 is to ask anew. What is waited for
        and was begun for others is told of `span`.
        """
        if self._neighbours is not None and self._neighbours.invalidated():
            self.fences.invalidate_everything()
        found, missing = self._at_hand(slots, fetch, at_most_old=at_most_old)
        if missing:
            found.update(await self._fetched(missing, fetch, at_most_old=at_most_old, span=span))
        return found

    async def invalidate(self, tags: Sequence[str]) -> bool:
        """Let nothing with these tags be used any more; False where other processes could not be told."""
        opaque = self._names.of_tags(tags)
        self.fences.invalidate(opaque)
        if self._neighbours is not None:
            self._neighbours.tell()
        return self._shared is None or await self._shared.invalidate(opaque)

    async def close(self) -> None:
        """Stop what is under way."""
        running = tuple(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    def _at_hand(
        self, slots: Sequence[Slot], fetch: Fetch, *, at_most_old: float
    ) -> tuple[dict[Slot, Given], dict[Slot, Kept | None]]:
        """What can be given at once; and what has to be fetched, with what may be given where that fails."""
        now, find, deaf = self.now(), self.tier.find, self._deaf
        found, behind = dict[Slot, Given](), list[Slot]()
        missing: dict[Slot, Kept | None] = {}
        for slot in slots:  # what a deaf process keeps counts only where everybody may know it
            kept = None if deaf and slot.kind.freshness.personal else find(slot, now)
            if kept is None or now - kept.at >= at_most_old:
                missing[slot] = kept
            elif kept.fresh_until > now:
                found[slot] = Given(kept.value, kept.at, kept.fresh_until)
                slot.kind.hits.process += 1
            elif kept.fresh_until + slot.kind.freshness.revalidating > now:
                found[slot] = self._stale(kept, REVALIDATING, now)
                slot.kind.hits.process += 1
                slot.kind.hits.revalidating += 1
                behind.append(slot)
            else:
                missing[slot] = kept
        for slot in missing:
            slot.kind.hits.process_missed += 1
        if behind:
            self._joined(behind, fetch, in_background=True)
        return found, missing

    @property
    def _deaf(self) -> bool:
        """Whether others may have invalidated something of which this process did not hear."""
        return self._shared is not None and not self._shared.following

    async def _fetched(
        self, missing: Mapping[Slot, Kept | None], fetch: Fetch, *, at_most_old: float, span: Span | None
    ) -> Mapping[Slot, Given]:
        joined, own = self._joined(list(missing), fetch, at_most_old=at_most_old, span=span)
        given = await _brought(joined)
        late = [slot for slot in missing if slot not in own and type(given[slot].value) is AgencyTimeout]
        if late:  # whoever asked first had less time left than we may have
            again, _ = self._joined(late, fetch, at_most_old=at_most_old, span=span)
            given.update(await _brought(again))
        now = self.now()
        for slot in missing:
            if slot not in own:
                slot.kind.hits.joined += 1
        told = {slot: self._or_kept(given[slot], kept, slot, now) for slot, kept in missing.items()}
        for slot, each in told.items():
            if each.staleness is not None:
                slot.kind.hits.failing += 1
                slot.kind.hits.ages.add(now - each.at)
        return told

    def _joined(
        self,
        slots: Sequence[Slot],
        fetch: Fetch,
        *,
        in_background: bool = False,
        at_most_old: float = inf,
        span: Span | None = None,
    ) -> tuple[dict[Slot, _Flight], set[Slot]]:
        """The flight of each slot, and for which of them it was begun here and now."""
        joined: dict[Slot, _Flight] = {}
        for slot in slots:
            flight = self._flights.get(slot)
            if flight is not None and self._may_join(flight, at_most_old=at_most_old):
                joined[slot] = flight
        if joined and span is not None:
            _tell(span, joined)
        own = [slot for slot in slots if slot not in joined]
        if own:
            wanted = {slot: self._names.of(slot) for slot in own}
            tags = tuple(dict.fromkeys(tag for each in wanted.values() for tag in each.tags))
            way = _Way(wanted, tags, self.fences.mark(tags), fetch, in_background, at_most_old, span)
            flight = _Flight(way, asyncio.get_running_loop().create_task(self._flown(way)))
            self._running.add(flight.task)
            flight.task.add_done_callback(self._running.discard)
            for slot in own:
                self._flights[slot] = joined[slot] = flight
        return joined, set(own)

    def _may_join(self, flight: _Flight, *, at_most_old: float) -> bool:
        """Whether what it brings is for who comes now: nothing of it was invalidated since it was begun."""
        way = flight.way
        if self._deaf and any(slot.kind.freshness.personal for slot in way.wanted):
            return False
        return not flight.task.done() and way.at_most_old <= at_most_old and self.fences.holds(way.tags, way.mark)

    async def _flown(self, way: _Way) -> Mapping[Slot, Given]:
        """Look where all processes keep answers, then ask the agency. Never raises but for a cancellation."""
        flight = asyncio.current_task()
        try:
            return (
                (await self._asked(way, way.wanted))[0]
                if self._shared is None
                else await self._by_all(self._shared, way)
            )
        finally:
            for slot in way.wanted:
                known = self._flights.get(slot)
                if known is not None and known.task is flight:
                    del self._flights[slot]

    async def _by_all(self, shared: SharedTier, way: _Way) -> Mapping[Slot, Given]:
        """What all processes keep, or one of them is fetching; else what the agency says, for all of them."""
        given: dict[Slot, Given] = {}
        older: dict[Slot, Kept] = {}
        led: list[str] = []
        try:
            looked = await self._looked(shared, way, given, older, led)
            missing = {slot: each for slot, each in way.wanted.items() if slot not in given}
            if missing:
                now = self.now()
                asked, bodies = await self._asked(way, missing)
                given.update({slot: self._or_kept(each, older.get(slot), slot, now) for slot, each in asked.items()})
                if looked is not None:
                    await shared.store(list(self._entries(bodies, way)), looked)
        finally:
            if led:
                await shared.led(led)
        return given

    async def _looked(
        self, shared: SharedTier, way: _Way, given: dict[Slot, Given], older: dict[Slot, Kept], led: list[str]
    ) -> Looked | None:
        """Look until everything is given or ours to fetch; what is found and no longer fresh goes to `older`."""
        pause = _FIRST_LOOK
        while True:
            missing = {slot: each for slot, each in way.wanted.items() if slot not in given}
            looked = await shared.look(list(missing.values()))
            if looked is None:
                return None
            for slot, wanted in missing.items():
                found = looked.found.get(wanted.name)
                kept = None if found is None else self._opened(slot, found, wanted, way)
                if kept is None:
                    continue
                now = self.now()
                if kept.fresh_until > now and now - kept.at < way.at_most_old:
                    given[slot] = Given(kept.value, kept.at, kept.fresh_until)
                    self.tier.keep(slot, kept)
                else:
                    older[slot] = kept
            for slot in missing:
                _count_shared(slot, is_first=pause == _FIRST_LOOK, is_there=slot in given)
            missing = {slot: each for slot, each in missing.items() if slot not in given}
            if not way.at_most_old or not missing:
                return looked
            led += await shared.lead([each.name for each in missing.values() if each.name not in led])
            if all(each.name in led for each in missing.values()):
                return looked
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _asked(
        self, way: _Way, missing: Mapping[Slot, Wanted]
    ) -> tuple[Mapping[Slot, Given], Mapping[Slot, bytes]]:
        """What the agency says, and the bytes of what of it may be kept; this process keeps it."""
        try:
            answers = await way.fetch(list(missing), way.in_background)
        except Exception as failure:  # noqa: BLE001 - a whole call that failed is the failure of each of its slots
            now = self.now()
            return dict.fromkeys(missing, Given(failure, now, now)), {}
        now = self.now()
        given = {slot: _just_given(slot, answers.get(slot), now) for slot in missing}
        flight = asyncio.current_task()
        bodies = {
            slot: b"" if each.value is None else slot.kind.codec.encode(each.value)
            for slot, each in given.items()
            if self._is_kept(slot, each.value) and self._is_newest(slot, flight)
        }
        if self.fences.holds(way.tags, way.mark):  # else something was invalidated on its way: ask again, once
            for slot, body in bodies.items():
                self.tier.keep(slot, self._entry(slot, given[slot].value, len(body), now, missing[slot].tags))
        return given, bodies

    def _entries(self, bodies: Mapping[Slot, bytes], way: _Way) -> Iterator[Stored]:
        """What all processes are to keep, sealed where it is personal."""
        now = self.now()
        for slot, body in bodies.items():
            wanted, freshness = way.wanted[slot], slot.kind.freshness
            sealed = self._seals.seal(body, wanted.name) if freshness.personal else body
            yield Stored(wanted, now, sealed, freshness.lasts if body else freshness.absent)

    def _is_kept(self, slot: Slot, value: object) -> bool:
        return not isinstance(value, Exception) and (value is not None or slot.kind.freshness.absent > 0)

    def _is_newest(self, slot: Slot, flight: asyncio.Task[Any] | None) -> bool:
        """Whether nobody began to ask after this flight did, who wanted it anew: what they know must stay known."""
        known = self._flights.get(slot)
        return known is not None and known.task is flight

    def _opened(self, slot: Slot, found: Found, wanted: Wanted, way: _Way) -> Kept | None:
        """An entry that all processes keep; None where it cannot be read."""
        try:
            body = self._seals.open(found.body, wanted.name) if slot.kind.freshness.personal else found.body
            value = slot.kind.codec.decode(body) if body else None
        except ValueError:  # written by another version of the hub, or by nobody whom we know
            return None
        if found.at > self.now() + _SKEW:
            return None
        kept = self._entry(slot, value, len(body), found.at, wanted.tags)
        return kept if self.fences.holds(way.tags, way.mark) else kept._replace(mark=NEVER)

    def _entry(self, slot: Slot, value: Any, size: int, at: float, tags: tuple[str, ...]) -> Kept:  # noqa: ANN401 - any answer
        freshness = slot.kind.freshness
        lasts = freshness.absent if value is None else freshness.lasts
        return Kept(value, size, at, at + _fresh(slot, value), at + lasts, tags, self.fences.mark(tags))

    def _or_kept(self, given: Given, kept: Kept | None, slot: Slot, now: float) -> Given:
        """The answer; in place of an agency's failure what was kept, where it may still be used for that."""
        failure = given.value
        if kept is None or not isinstance(failure, AgencyFailure):
            return given
        if kept.at + slot.kind.freshness.fresh + slot.kind.freshness.failing <= now:
            return given
        return self._stale(kept, failure.code, now)

    def _stale(self, kept: Kept, reason: str, now: float) -> Given:
        """What is kept, with the time of day at which it was said, by its age."""
        as_of = datetime.fromtimestamp(self._wall() - (now - kept.at), UTC)
        return Given(kept.value, kept.at, kept.fresh_until, Staleness(as_of=as_of, reason=reason))

    def __repr__(self) -> str:
        """What is kept and under way."""
        return f"<ReadThrough {self.tier!r}, {len(self._flights)} slots under way>"


async def _brought(joined: Mapping[Slot, _Flight]) -> dict[Slot, Given]:
    """What flights bring, each once; they go on where we leave."""
    given: dict[Slot, Given] = {}
    for flight in dict.fromkeys(joined.values()):
        given.update(await asyncio.shield(flight.task))
    return given


def _tell(span: Span, joined: Mapping[Slot, _Flight]) -> None:
    """Tell traces that what is waited for was begun for others: it is no part of this."""
    span.note("simpul.joined", len(joined))
    for flight in dict.fromkeys(joined.values()):
        if flight.way.span is not None:
            span.link(flight.way.span)


def _fresh(slot: Slot, value: object) -> float:
    """How many seconds an answer is fresh."""
    return slot.kind.freshness.absent if value is None else slot.kind.freshness.fresh


def _just_given(slot: Slot, value: object, now: float) -> Given:
    return Given(value, now, now if isinstance(value, Exception) else now + _fresh(slot, value))


def _count_shared(slot: Slot, *, is_first: bool, is_there: bool) -> None:
    """Count one look where all keep answers; what turns up at a later look was fetched by another process."""
    hits = slot.kind.hits
    if not is_first:
        hits.joined += is_there
    elif is_there:
        hits.shared += 1
    else:
        hits.shared_missed += 1

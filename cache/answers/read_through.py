"""A read-through cache: first this process, then the tier that all processes share, then one call to the agency.

A read joins a fetch of the same slot that is in flight, unless an invalidation came in between. An answer whose fetch
began before an invalidation is never given to a caller that came after it.

A fetch continues when all of its callers have left, because its answer is cached. A shared run of an operation
(`engine/sharing/single_flight.py`) is cancelled then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import inf
from typing import Any, NamedTuple

from cache.answers.invalidation_epochs import NEVER_CURRENT, EpochSnapshot, InvalidationEpochs
from cache.answers.monotonic_clock import get_monotonic_seconds
from cache.answers.process_invalidation import NO_PROCESS_INVALIDATION, NoProcessInvalidation, ProcessInvalidation
from cache.answers.process_tier import CachedAnswer, ProcessTier
from cache.answers.shared_lookup import SharedLookup
from cache.answers.shared_tier import AnswerSealer, CacheKey, KeyBuilder, SharedEntry, SharedTier, build_shared_entry
from cache.answers.slots import CacheResult, Slot
from records.calls.failures import AgencyFailure, AgencyTimeout
from records.calls.freshness import Staleness
from records.calls.spans import Span
from records.clocks import Clocks

REVALIDATING = "revalidating"

Fetch = Callable[[Sequence[Slot], bool], Awaitable[Mapping[Slot, Any]]]
"""Calls the agency for some slots, for a waiting caller or (True) in the background. Returns an answer or an
exception for each slot; an absent slot is unknown to the agency. Raises if the whole call failed."""


CACHE_CLOCKS = Clocks(monotonic=get_monotonic_seconds)


class _FetchContext(NamedTuple):
    """The parameters of a fetch."""

    keys: Mapping[Slot, CacheKey]
    tags: tuple[str, ...]
    snapshot: EpochSnapshot
    fetch: Fetch
    in_background: bool
    max_age: float
    span: Span | None
    """The span that the fetch is part of."""


@dataclass(frozen=True, slots=True, eq=False)
class _Flight:
    """A fetch in flight, for one or more slots."""

    context: _FetchContext
    task: asyncio.Task[Mapping[Slot, CacheResult]]


class ReadThroughCache:
    """Caches answers, and fetches those that are missing."""

    def __init__(
        self,
        *,
        max_bytes: int,
        key_builder: KeyBuilder,
        sealer: AnswerSealer,
        shared: SharedTier | None = None,
        process_invalidation: ProcessInvalidation | NoProcessInvalidation = NO_PROCESS_INVALIDATION,
        clocks: Clocks = CACHE_CLOCKS,
    ) -> None:
        """Starts empty. All times are on the monotonic clock; the wall clock dates stale answers for callers.

        Without a `shared` tier, `process_invalidation` carries invalidations between the processes.
        """
        self.epochs = InvalidationEpochs()
        self.tier = ProcessTier(self.epochs, max_bytes=max_bytes)
        self._key_builder = key_builder
        self._sealer = sealer
        self._shared = shared
        self._process_invalidation = process_invalidation
        self.clock = clocks.monotonic
        self._wall_clock = clocks.wall
        self._flights: dict[Slot, _Flight] = {}
        self._running: set[asyncio.Task[Any]] = set()

    async def read(
        self, slots: Sequence[Slot], fetch: Fetch, *, max_age: float = inf, span: Span | None = None
    ) -> Mapping[Slot, CacheResult]:
        """Returns the result of each slot.

        Ignores answers older than `max_age` seconds, unless the agency fails; 0 always asks the agency. `span` gets a
        link to each fetch that it joins.
        """
        self.count_invalidations()
        results, fallback_by_missing_slot = self._read_process_tier(slots, fetch, max_age=max_age)
        if fallback_by_missing_slot:
            results.update(await self._fetch_missing(fallback_by_missing_slot, fetch, max_age=max_age, span=span))
        return results

    def count_invalidations(self) -> int:
        """The number of invalidations so far, with those of other processes."""
        if self._process_invalidation.poll():
            self.epochs.invalidate_everything()
        return self.epochs.invalidation_count

    async def invalidate(self, tags: Sequence[str]) -> bool:
        """Invalidates all answers with these tags. Returns False if other processes could not be informed."""
        hashed_tags = self._key_builder.hash_tags(tags)
        self.epochs.invalidate(hashed_tags)
        self._process_invalidation.publish()
        return self._shared is None or await self._shared.invalidate(hashed_tags)

    async def close(self) -> None:
        """Cancels the running fetches."""
        running = tuple(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    def _read_process_tier(
        self, slots: Sequence[Slot], fetch: Fetch, *, max_age: float
    ) -> tuple[dict[Slot, CacheResult], dict[Slot, CachedAnswer | None]]:
        """Returns the results to serve immediately, and the slots to fetch, each with the answer to fall back to."""
        now, find = self.clock(), self.tier.find
        misses = self.may_miss_invalidations
        results: dict[Slot, CacheResult] = {}
        to_revalidate: list[Slot] = []
        fallback_by_missing_slot: dict[Slot, CachedAnswer | None] = {}
        # While unsubscribed, a personal answer in this process may be invalidated elsewhere: it is not used.
        for slot in slots:
            cached = None if misses and slot.kind.freshness.is_personal else find(slot, now)
            if cached is None or now - cached.fetched_at >= max_age:
                # Too old for this caller, but still better than an agency's failure.
                fallback_by_missing_slot[slot] = cached
            elif cached.fresh_until > now:
                results[slot] = CacheResult(cached.value, cached.fetched_at, cached.fresh_until)
                slot.kind.hits.process += 1
            elif cached.fresh_until + slot.kind.freshness.stale_while_revalidate > now:
                # The caller does not wait for the agency: a fetch in the background renews the answer for later reads.
                results[slot] = self._build_stale_result(cached, REVALIDATING, now)
                slot.kind.hits.process += 1
                slot.kind.hits.revalidating += 1
                to_revalidate.append(slot)
            else:
                fallback_by_missing_slot[slot] = cached
        for slot in fallback_by_missing_slot:
            slot.kind.hits.process_missed += 1
        if to_revalidate:
            self._join_or_start(to_revalidate, fetch, in_background=True)
        return results, fallback_by_missing_slot

    @property
    def may_miss_invalidations(self) -> bool:
        """Whether this process may have missed invalidations of other processes."""
        return self._shared is not None and not self._shared.is_subscribed

    async def _fetch_missing(
        self,
        fallback_by_missing_slot: Mapping[Slot, CachedAnswer | None],
        fetch: Fetch,
        *,
        max_age: float,
        span: Span | None,
    ) -> Mapping[Slot, CacheResult]:
        flights, started = self._join_or_start(list(fallback_by_missing_slot), fetch, max_age=max_age, span=span)
        fetched = await _await_flights(flights)
        # A joined flight ends at the deadline of the caller that started it. This caller may have more time left.
        joined = [slot for slot in fallback_by_missing_slot if slot not in started]
        timed_out = [slot for slot in joined if type(fetched[slot].value) is AgencyTimeout]
        if timed_out:
            retried, _ = self._join_or_start(timed_out, fetch, max_age=max_age, span=span)
            fetched.update(await _await_flights(retried))
        now = self.clock()
        for slot in joined:
            slot.kind.hits.joined += 1
        # Callers that share a flight may have found different answers to fall back to.
        results = {
            slot: self._fall_back_to_cached(fetched[slot], fallback, slot, now)
            for slot, fallback in fallback_by_missing_slot.items()
        }
        for slot, each in results.items():
            if each.staleness is not None:
                slot.kind.hits.failing += 1
                slot.kind.hits.ages.add(now - each.fetched_at)
        return results

    def _join_or_start(
        self,
        slots: Sequence[Slot],
        fetch: Fetch,
        *,
        in_background: bool = False,
        max_age: float = inf,
        span: Span | None = None,
    ) -> tuple[dict[Slot, _Flight], set[Slot]]:
        """Returns the flight of each slot, and the slots whose flight started here."""
        flights: dict[Slot, _Flight] = {}
        for slot in slots:
            flight = self._flights.get(slot)
            if flight is not None and self._can_join(flight, max_age=max_age):
                flights[slot] = flight
        if flights and span is not None:
            _link_spans(span, flights)
        started = [slot for slot in slots if slot not in flights]
        if started:
            # One flight for all of them, because the agency answers many keys in one call. The epochs are read before
            # the fetch starts, so that any later invalidation makes its answers outdated.
            keys = {slot: self._key_builder.build_key(slot) for slot in started}
            tags = tuple(dict.fromkeys(tag for each in keys.values() for tag in each.tags))
            context = _FetchContext(keys, tags, self.epochs.snapshot(tags), fetch, in_background, max_age, span)
            flight = _Flight(context, asyncio.get_running_loop().create_task(self._run_flight(context)))
            self._running.add(flight.task)  # the event loop itself keeps only a weak reference
            flight.task.add_done_callback(self._running.discard)
            # An older flight that could not be joined is replaced here. Its own callers still await it.
            for slot in started:
                self._flights[slot] = flights[slot] = flight
        return flights, set(started)

    def _can_join(self, flight: _Flight, *, max_age: float) -> bool:
        """Whether the flight's answers are valid for a new caller: nothing in it was invalidated since its start."""
        context = flight.context
        # While unsubscribed, this process does not know of invalidations elsewhere since the flight started.
        if self.may_miss_invalidations and any(slot.kind.freshness.is_personal for slot in context.keys):
            return False
        return (
            not flight.task.done()
            and context.max_age <= max_age  # otherwise it may return an answer of the shared tier that is too old
            and self.epochs.is_current(context.tags, context.snapshot)
        )

    async def _run_flight(self, context: _FetchContext) -> Mapping[Slot, CacheResult]:
        """Reads the shared tier, then calls the agency. Raises only on cancellation."""
        flight = asyncio.current_task()
        try:
            return (
                (await self._fetch_from_agency(context, context.keys))[0]
                if self._shared is None
                else await self._fetch_shared(self._shared, context)
            )
        finally:
            for slot in context.keys:
                current = self._flights.get(slot)
                if current is not None and current.task is flight:  # a newer flight may have replaced it
                    del self._flights[slot]

    async def _fetch_shared(self, shared: SharedTier, context: _FetchContext) -> Mapping[Slot, CacheResult]:
        """Returns what the shared tier holds or another process fetches; fetches and shares the rest."""
        lookup = SharedLookup(
            shared,
            context.keys,
            max_age=context.max_age,
            decode=partial(self._decode_entry, context),
            on_found=self.tier.put,
            clock=self.clock,
        )
        try:
            looked_up = await lookup.run()
            results = {
                slot: CacheResult(each.value, each.fetched_at, each.fresh_until) for slot, each in lookup.found.items()
            }
            missing = {slot: each for slot, each in context.keys.items() if slot not in results}
            if missing:
                now = self.clock()
                fetched, bodies = await self._fetch_from_agency(context, missing)
                results |= {
                    slot: self._fall_back_to_cached(each, lookup.stale.get(slot), slot, now)
                    for slot, each in fetched.items()
                }
                # The tier compares its invalidations with those at the lookup, and refuses answers that are outdated.
                if looked_up is not None:
                    entries = [
                        build_shared_entry(slot, context.keys[slot], body, self._sealer, self.clock())
                        for slot, body in bodies.items()
                    ]
                    await shared.store(entries, looked_up)
        finally:
            await lookup.end()
        return results

    async def _fetch_from_agency(
        self, context: _FetchContext, missing: Mapping[Slot, CacheKey]
    ) -> tuple[Mapping[Slot, CacheResult], Mapping[Slot, bytes]]:
        """Calls the agency, and caches its answers in this process.

        Returns the results, and the encoded form of those that may be cached.
        """
        try:
            answers = await context.fetch(list(missing), context.in_background)
        except Exception as failure:  # noqa: BLE001 - the failure of a whole call is the failure of each of its slots
            now = self.clock()
            return dict.fromkeys(missing, CacheResult(failure, now, now)), {}
        now = self.clock()
        results = {slot: _build_fresh_result(slot, answers.get(slot), now) for slot in missing}
        flight = asyncio.current_task()
        # A flight that started later, as for a maximum age of 0, has newer answers, which this one must not replace.
        bodies = {
            slot: b"" if each.value is None else slot.kind.codec.encode(each.value)
            for slot, each in results.items()
            if self._is_cacheable(slot, each.value) and self._is_newest_flight(slot, flight)
        }
        # After an invalidation during the fetch, its own callers get the answers, but the next read asks again.
        if self.epochs.is_current(context.tags, context.snapshot):
            for slot, body in bodies.items():
                self.tier.put(
                    slot, self._build_cached_answer(slot, results[slot].value, len(body), now, missing[slot].tags)
                )
        return results, bodies

    def _is_cacheable(self, slot: Slot, value: object) -> bool:
        if value is None:
            return slot.kind.freshness.unknown_key_seconds > 0
        return not isinstance(value, Exception) and slot.kind.is_lasting(value)

    def _is_newest_flight(self, slot: Slot, flight: asyncio.Task[Any] | None) -> bool:
        """Whether no later flight for the slot has started, whose newer answer must stay cached."""
        newest = self._flights.get(slot)
        return newest is not None and newest.task is flight

    def _decode_entry(
        self, context: _FetchContext, slot: Slot, entry: SharedEntry, key: CacheKey
    ) -> CachedAnswer | None:
        """Decodes an entry of the shared tier; None if it cannot be read."""
        try:
            body = self._sealer.open(entry.body, key.name) if slot.kind.freshness.is_personal else entry.body
            value = slot.kind.codec.decode(body) if body else None
        except ValueError:  # written by another version of the hub, or with another key
            return None
        if entry.is_from_future(self.clock()):
            return None
        cached = self._build_cached_answer(slot, value, len(body), entry.fetched_at, key.tags)
        is_current = self.epochs.is_current(context.tags, context.snapshot)
        return cached if is_current else cached._replace(snapshot=NEVER_CURRENT)

    def _build_cached_answer(
        self,
        slot: Slot,
        value: Any,  # noqa: ANN401 - any answer
        size: int,
        fetched_at: float,
        tags: tuple[str, ...],
    ) -> CachedAnswer:
        freshness = slot.kind.freshness
        lifetime = freshness.unknown_key_seconds if value is None else freshness.max_lifetime
        return CachedAnswer(
            value,
            size,
            fetched_at,
            fetched_at + slot.kind.get_fresh_seconds(value),
            fetched_at + lifetime,
            tags,
            self.epochs.snapshot(tags),
        )

    def _fall_back_to_cached(
        self, result: CacheResult, cached: CachedAnswer | None, slot: Slot, now: float
    ) -> CacheResult:
        """Returns the result; in place of an agency's failure the cached answer, while `stale_if_error` allows it."""
        failure = result.value
        if cached is None or not isinstance(failure, AgencyFailure):
            return result
        if cached.fetched_at + slot.kind.freshness.fresh + slot.kind.freshness.stale_if_error <= now:
            return result
        return self._build_stale_result(cached, failure.code, now)

    def _build_stale_result(self, cached: CachedAnswer, reason: str, now: float) -> CacheResult:
        """Returns a stale answer, with the time of day of its fetch computed from its age."""
        as_of = datetime.fromtimestamp(self._wall_clock() - (now - cached.fetched_at), UTC)
        return CacheResult(cached.value, cached.fetched_at, cached.fresh_until, Staleness(as_of=as_of, reason=reason))

    def __repr__(self) -> str:
        """The content of the tier, and the slots in flight."""
        return f"<ReadThroughCache {self.tier!r}, {len(self._flights)} slots in flight>"


async def _await_flights(flights: Mapping[Slot, _Flight]) -> dict[Slot, CacheResult]:
    """Returns the results of the flights, awaiting each once. A cancelled caller does not cancel them."""
    results: dict[Slot, CacheResult] = {}
    for flight in dict.fromkeys(flights.values()):
        results.update(await asyncio.shield(flight.task))
    return results


def _link_spans(span: Span, flights: Mapping[Slot, _Flight]) -> None:
    """Links the span to the flights that it joined: they began for other requests, so they are not its children."""
    span.set_attribute("simpul.joined", len(flights))
    for flight in dict.fromkeys(flights.values()):
        if flight.context.span is not None:
            span.add_link(flight.context.span)


def _build_fresh_result(slot: Slot, value: object, now: float) -> CacheResult:
    return CacheResult(value, now, now if isinstance(value, Exception) else now + slot.kind.get_fresh_seconds(value))

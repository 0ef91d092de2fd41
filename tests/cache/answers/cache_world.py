"""A simulated cache: an agency with versioned answers, processes, and their shared tier.

Everything runs on virtual time, and every wait comes from one seed: a failed interleaving can be repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from random import Random
from typing import Any

from cache.answers.read_through import ReadThroughCache
from cache.answers.shared_tier import CacheKey, Lookup, NewSharedEntry, SharedEntry
from cache.answers.slots import AnswerKind, Slot
from records.calls.failures import AgencyUnavailable
from records.calls.freshness import Freshness
from records.clocks import Clocks
from tests.fakes.virtual_loop import virtual_loop

NO_EPOCH = b""


def seeded_random(seed: int) -> Random:
    """Draws the same values for the same seed."""
    return Random(seed)  # noqa: S311 - no secret depends on it


class NumberCodec:
    """Encodes numbers as text."""

    def encode(self, value: Any) -> bytes:  # noqa: ANN401 - a number
        return str(value).encode()

    def decode(self, body: bytes) -> Any:  # noqa: ANN401 - a number
        return int(body)


class PlainKeyBuilder:
    """Readable names, for tests that read them."""

    def build_key(self, slot: Slot) -> CacheKey:
        tags = slot.kind.freshness.tags
        return CacheKey(f"{slot.kind.name}:{slot.key}", tuple(tags(slot.key)) if tags else ())

    def hash_tags(self, tags: Sequence[str]) -> Sequence[str]:
        return tuple(tags)


class PlainSealer:
    """Hides nothing, but binds a body to its name."""

    def seal(self, body: bytes, name: str) -> bytes:
        return name.encode() + b"\0" + body

    def open(self, sealed: bytes, name: str) -> bytes:
        if not sealed.startswith(name.encode() + b"\0"):
            raise ValueError("sealed for another name")
        return sealed.partition(b"\0")[2]


def build_kind(name: str = "things", **given: Any) -> AnswerKind:  # noqa: ANN401 - members of Freshness
    """A kind of answers, fresh for a minute by default."""
    known: dict[str, Any] = {"fresh": 60.0, "tags": lambda key: (f"thing:{key}",), "is_personal": True, **given}
    return AnswerKind(name, Freshness(**known), NumberCodec())


@dataclass
class VersionedAgency:
    """Answers with the version that a key has at the time of the call, after a delay."""

    random: Random
    versions: dict[int, int] = field(default_factory=dict)
    asked: list[tuple[int, ...]] = field(default_factory=list)
    down: bool = False
    slowest: float = 0.05
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, slots: Sequence[Slot], _in_background: bool) -> Mapping[Slot, Any]:  # noqa: FBT001 - see `Fetch`
        keys = tuple(int(str(slot.key)) for slot in slots)
        self.asked.append(keys)
        self.was_asked.set()
        await asyncio.sleep(self.random.uniform(0, self.slowest))
        if self.down:
            raise AgencyUnavailable("agency", "down")
        found = {slot: self.versions.get(key, 0) for slot, key in zip(slots, keys, strict=True)}
        await asyncio.sleep(self.random.uniform(0, self.slowest))
        return found


@dataclass
class FakeSharedStore:
    """The shared tier, like Redis: entries, epochs, a channel. It can crash, and restore an old snapshot."""

    random: Random
    life: int = 0
    entries: dict[str, tuple[float, bytes, float, tuple[bytes, ...]]] = field(default_factory=dict)
    epochs: dict[str, bytes] = field(default_factory=dict)
    leases: dict[str, tuple[object, float]] = field(default_factory=dict)
    members: list[FakeSharedTier] = field(default_factory=list)
    down: bool = False
    count: int = 0
    saved: Any = None

    def save(self) -> None:
        """Takes a snapshot, as on a disk."""
        self.saved = (dict(self.entries), dict(self.epochs))

    def crash(self) -> None:
        """Crashes and closes every channel; after a restart it holds the last snapshot, with a new run id."""
        self.down = True
        for each in self.members:
            each.unsubscribe()

    def restart(self) -> None:
        entries, epochs = self.saved or ({}, {})
        self.entries, self.epochs, self.leases = dict(entries), dict(epochs), {}
        self.life += 1
        self.down = False


@dataclass(eq=False)
class FakeSharedTier:
    """The tier as one process sees it."""

    shared: FakeSharedStore
    cache: ReadThroughCache | None = None
    is_subscribed: bool = True
    place: int = 0

    def unsubscribe(self) -> None:
        """Loses the channel; the process notices."""
        self.is_subscribed = False
        if self.cache is not None:
            self.cache.epochs.invalidate_everything()

    def subscribe(self) -> None:
        """Restores the channel."""
        if self.shared.down:
            return
        if self.cache is not None:
            self.cache.epochs.invalidate_everything()
        self.place = self.shared.life
        self.is_subscribed = True

    async def _reach_store(self) -> bool:
        await asyncio.sleep(self.shared.random.uniform(0, 0.01))
        return self.is_subscribed and not self.shared.down and self.place == self.shared.life

    def _name(self, name: str) -> str:
        return f"{self.place}:{name}"

    async def look_up(self, keys: Sequence[CacheKey], *, lease: Sequence[str] = ()) -> Lookup | None:
        if not await self._reach_store():
            return None
        leased = self._acquire_lease(lease)
        await asyncio.sleep(self.shared.random.uniform(0, 0.01))  # commands of other processes may come in between
        now = asyncio.get_running_loop().time()
        tags = {tag for each in keys for tag in each.tags}
        epochs = {tag: self.shared.epochs.get(self._name(tag), NO_EPOCH) for tag in tags}
        found: dict[str, SharedEntry] = {}
        for each in keys:
            entry = self.shared.entries.get(self._name(each.name))
            if entry is not None and entry[2] > now and entry[3] == tuple(epochs[tag] for tag in each.tags):
                found[each.name] = SharedEntry(entry[0], entry[1])
        lookup = Lookup(found, epochs, str(self.place), leased)
        return lookup if await self._reach_store() else None

    async def store(self, entries: Sequence[NewSharedEntry], lookup: Lookup) -> None:
        if not await self._reach_store() or lookup.run_id != str(self.place):
            return
        now = asyncio.get_running_loop().time()
        for each in entries:
            epochs = tuple(lookup.epochs[tag] for tag in each.key.tags)
            self.shared.entries[self._name(each.key.name)] = (each.fetched_at, each.body, now + each.lifetime, epochs)

    def _acquire_lease(self, names: Sequence[str]) -> Collection[str]:
        now, acquired = asyncio.get_running_loop().time(), []
        for name in names:
            holder = self.shared.leases.get(self._name(name))
            if holder is None or holder[1] <= now:
                self.shared.leases[self._name(name)] = (self, now + 6.0)
                acquired.append(name)
        return acquired

    async def release_lease(self, names: Sequence[str]) -> None:
        if not await self._reach_store():
            return
        for name in names:
            holder = self.shared.leases.get(self._name(name))
            if holder is not None and holder[0] is self:
                del self.shared.leases[self._name(name)]

    async def invalidate(self, tags: Sequence[str]) -> bool:
        if not await self._reach_store():
            return False
        for tag in tags:
            self.shared.count += 1
            self.shared.epochs[self._name(tag)] = b"%d" % self.shared.count
        for each in self.shared.members:
            if each.is_subscribed and each.cache is not None:
                each.cache.epochs.invalidate(tags)
        return True


def build_cache(shared: FakeSharedStore | None = None, **given: Any) -> ReadThroughCache:  # noqa: ANN401 - arguments of ReadThroughCache
    """A process of the hub."""
    member = None if shared is None else FakeSharedTier(shared)
    known: dict[str, Any] = {
        "max_bytes": 1_000_000,
        "key_builder": PlainKeyBuilder(),
        "sealer": PlainSealer(),
        "clocks": Clocks(
            monotonic=lambda: asyncio.get_running_loop().time(), wall=lambda: asyncio.get_running_loop().time()
        ),
        **given,
    }
    through = ReadThroughCache(shared=member, **known)
    if shared is not None and member is not None:
        member.cache = through
        shared.members.append(member)
    return through


THINGS = build_kind()
ONE, TWO, THREE = (Slot(THINGS, key) for key in (1, 2, 3))

Scenario = Callable[[], Coroutine[Any, Any, None]]


def run_scenario(scenario: Scenario) -> None:
    with virtual_loop() as loop:
        loop.run(scenario())


def build_agency(**given: Any) -> VersionedAgency:  # noqa: ANN401 - members of Agency
    return VersionedAgency(seeded_random(1), **given)


async def read_values(through: ReadThroughCache, by: VersionedAgency, *slots: Slot, max_age: float = inf) -> list[Any]:
    given = await through.read(slots, by.answer, max_age=max_age)
    return [given[slot].value for slot in slots]

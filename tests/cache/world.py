"""A small world for what is kept: an agency whose answers have versions, processes, and what they share.

Everything runs on virtual time, and every wait is drawn from one seed: an interleaving that failed fails again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from cache.read_through import ReadThrough
from cache.shared_tier import Found, Looked, Stored, Wanted
from cache.slots import Kind, Slot
from records.failures import AgencyUnavailable
from records.freshness import Freshness

NO_TOKEN = b""


def chance(seed: int) -> Random:
    """The same chances again for the same seed."""
    return Random(seed)  # noqa: S311 - nothing depends on nobody guessing it


class Plain:
    """Numbers as text."""

    def encode(self, value: Any) -> bytes:  # noqa: ANN401 - a number
        return str(value).encode()

    def decode(self, body: bytes) -> Any:  # noqa: ANN401 - a number
        return int(body)


class PlainNames:
    """Names that can be read, for tests that have to."""

    def of(self, slot: Slot) -> Wanted:
        tags = slot.kind.freshness.tags
        return Wanted(f"{slot.kind.name}:{slot.key}", tuple(tags(slot.key)) if tags else ())

    def of_tags(self, tags: Sequence[str]) -> Sequence[str]:
        return tuple(tags)


class Unsealed:
    """Seals that hide nothing but bind a body to its name."""

    def seal(self, body: bytes, name: str) -> bytes:
        return name.encode() + b"\0" + body

    def open(self, sealed: bytes, name: str) -> bytes:
        if not sealed.startswith(name.encode() + b"\0"):
            raise ValueError("sealed for another name")
        return sealed.partition(b"\0")[2]


def kind(name: str = "things", **given: Any) -> Kind:  # noqa: ANN401 - members of Freshness
    """A kind of answers, fresh for a minute unless it is said otherwise."""
    known: dict[str, Any] = {"fresh": 60.0, "tags": lambda key: (f"thing:{key}",), "personal": True, **given}
    return Kind(name, Freshness(**known), Plain())


@dataclass
class Agency:
    """Answers with the version that a key has when it is asked, some time later."""

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
class Shared:
    """What all processes share, as Redis would: entries, tokens, a channel. It can be killed, and restored from old."""

    random: Random
    life: int = 0
    entries: dict[str, tuple[float, bytes, float, tuple[bytes, ...]]] = field(default_factory=dict)
    tokens: dict[str, bytes] = field(default_factory=dict)
    leases: dict[str, tuple[object, float]] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)
    down: bool = False
    count: int = 0
    saved: Any = None

    def save(self) -> None:
        """As a snapshot on a disk."""
        self.saved = (dict(self.entries), dict(self.tokens))

    def crash(self) -> None:
        """Be gone, and every channel with it; what comes back is the last snapshot, in a life of its own."""
        self.down = True
        for each in self.members:
            each.lose()

    def come_back(self) -> None:
        entries, tokens = self.saved or ({}, {})
        self.entries, self.tokens, self.leases = dict(entries), dict(tokens), {}
        self.life += 1
        self.down = False


@dataclass(eq=False)
class Member:
    """One process's way to what is shared."""

    shared: Shared
    through: ReadThrough | None = None
    following: bool = True
    place: int = 0

    def lose(self) -> None:
        """The channel is gone; the process notices."""
        self.following = False
        if self.through is not None:
            self.through.fences.invalidate_everything()

    def follow(self) -> None:
        """The channel is there again."""
        if self.shared.down:
            return
        if self.through is not None:
            self.through.fences.invalidate_everything()
        self.place = self.shared.life
        self.following = True

    async def _way(self) -> bool:
        await asyncio.sleep(self.shared.random.uniform(0, 0.01))
        return self.following and not self.shared.down and self.place == self.shared.life

    def _name(self, name: str) -> str:
        return f"{self.place}:{name}"

    async def look(self, wanted: Sequence[Wanted]) -> Looked | None:
        if not await self._way():
            return None
        now = asyncio.get_running_loop().time()
        tags = {tag for each in wanted for tag in each.tags}
        tokens = {tag: self.shared.tokens.get(self._name(tag), NO_TOKEN) for tag in tags}
        found: dict[str, Found] = {}
        for each in wanted:
            entry = self.shared.entries.get(self._name(each.name))
            if entry is not None and entry[2] > now and entry[3] == tuple(tokens[tag] for tag in each.tags):
                found[each.name] = Found(entry[0], entry[1])
        looked = Looked(found, tokens, str(self.place))
        return looked if await self._way() else None

    async def store(self, entries: Sequence[Stored], looked: Looked) -> None:
        if not await self._way() or looked.place != str(self.place):
            return
        now = asyncio.get_running_loop().time()
        for each in entries:
            tokens = tuple(looked.tokens[tag] for tag in each.wanted.tags)
            self.shared.entries[self._name(each.wanted.name)] = (each.at, each.body, now + each.seconds, tokens)

    async def lead(self, names: Sequence[str]) -> Collection[str]:
        if not await self._way():
            return names
        now, led = asyncio.get_running_loop().time(), []
        for name in names:
            holder = self.shared.leases.get(self._name(name))
            if holder is None or holder[1] <= now:
                self.shared.leases[self._name(name)] = (self, now + 6.0)
                led.append(name)
        return led

    async def led(self, names: Sequence[str]) -> None:
        if not await self._way():
            return
        for name in names:
            holder = self.shared.leases.get(self._name(name))
            if holder is not None and holder[0] is self:
                del self.shared.leases[self._name(name)]

    async def invalidate(self, tags: Sequence[str]) -> bool:
        if not await self._way():
            return False
        for tag in tags:
            self.shared.count += 1
            self.shared.tokens[self._name(tag)] = b"%d" % self.shared.count
        for each in self.shared.members:
            if each.following and each.through is not None:
                each.through.fences.invalidate(tags)
        return True


def process(shared: Shared | None = None, **given: Any) -> ReadThrough:  # noqa: ANN401 - arguments of ReadThrough
    """A process of the hub."""
    member = None if shared is None else Member(shared)
    known: dict[str, Any] = {
        "most_bytes": 1_000_000,
        "names": PlainNames(),
        "seals": Unsealed(),
        "now": lambda: asyncio.get_running_loop().time(),
        "wall": lambda: asyncio.get_running_loop().time(),
        **given,
    }
    through = ReadThrough(shared=member, **known)
    if shared is not None and member is not None:
        member.through = through
        shared.members.append(member)
    return through

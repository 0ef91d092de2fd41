"""Counts the different people that each reader read, in the last hour and in the last day.

A person counts once an hour and once a day per reader, independent of the number of reads. Both windows slide: counts
do not reset on the hour. If processes share Redis, its sorted set per reader decides, by the clock of Redis. This
process keeps a part of that set. It uses its part to answer without Redis if all people are known or the budget is
spent, to continue while Redis is away, and to restore what Redis lost.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import inf
from time import monotonic
from typing import Final, NamedTuple, Protocol

HOUR: Final = 3_600.0
DAY: Final = 86_400.0
MAX_PEOPLE = 500_000
"""People that one process remembers for all readers together, about 200 bytes each. Beyond that, it evicts the least
recently active readers; with Redis, that loses nothing."""
_OUTAGE_GRACE_SECONDS = 2.0
"""Seconds to wait for a lost Redis before this process counts alone. A reader that makes Redis busy for a moment must
not get a budget from each process."""
_CATCH_UP_SECONDS = 10.0
"""Seconds after Redis comes back in which a process grants only its share: other processes may not have restored their
people yet."""
_MAX_RESTORED = 2_000
"""People that one call restores in Redis."""


@dataclass(frozen=True, slots=True)
class PeopleBudget:
    """The number of different people that a reader may read."""

    hour: int
    day: int

    def split_between(self, processes: int) -> PeopleBudget:
        """The share of one of several processes that do not communicate."""
        return PeopleBudget(max(1, self.hour // processes), max(1, self.day // processes))


class OverBudget(NamedTuple):
    """A charge that was refused as a whole."""

    people: frozenset[bytes]
    """People that were not counted. People of the same charge that were counted before may be read."""
    window: float
    """Length in seconds of the window whose budget is exceeded."""
    limit: int
    wait: float
    """Seconds until the same charge fits; infinity if it exceeds the whole budget."""


class Charge(NamedTuple):
    """The result of a charge."""

    counted: int = 0
    """Newly counted people; people that were counted before are free."""
    over_budget: OverBudget | None = None


_NO_CHARGE: Final = Charge()


class PeopleRequest(NamedTuple):
    """A call to Redis about one reader."""

    budget: PeopleBudget
    known_count: int
    """Number of people of the last day in this process: if Redis has fewer, it lost some."""
    restored: Mapping[str, float]
    """People to restore in Redis, with their age in seconds."""
    people: Sequence[str]
    """People to count: all or none."""


class PeopleReply(NamedTuple):
    """The reply of Redis."""

    lost: bool = False
    """Whether Redis has fewer people than this process, and so counted none."""
    window: float | None = None
    """The exceeded window of a refusal, in seconds; None if all people were counted."""
    wait: float = 0.0
    refused: Sequence[int] = ()
    """Indexes in `people` of those that were not counted before."""
    hour: int = 0
    """If all people were counted: their number in the last hour."""
    day: int = 0


class SharedPeopleStore(Protocol):
    """Counts for all processes together."""

    @property
    def is_up(self) -> bool:
        """Whether the store answered the last call."""

    @property
    def on_reconnect(self) -> list[Callable[[], None]]:
        """Callbacks that run when the store answers again."""

    async def wait_until_up(self, seconds: float) -> bool:
        """Whether the store answers, or comes back before it was away for `seconds`."""

    async def charge_people(self, reader: str, request: PeopleRequest) -> PeopleReply | None:
        """Count people of one reader; None if the store does not answer in time."""


@dataclass(slots=True)
class _ReaderPeople:
    """The people of one reader that this process knows; each mapping is ordered by time."""

    hour: dict[bytes, float] = field(default_factory=dict)
    day: dict[bytes, float] = field(default_factory=dict)
    unsent: dict[bytes, float] = field(default_factory=dict)
    """People counted while Redis did not answer."""
    local_budget: PeopleBudget | None = None
    """The budget of this process without Redis, computed from the last reply of Redis."""
    synced_at: float = 0.0

    def forget_old(self, now: float) -> None:
        for counted, window in ((self.hour, HOUR), (self.day, DAY), (self.unsent, DAY)):
            while counted and next(iter(counted.values())) <= now - window:
                del counted[next(iter(counted))]
        if self.synced_at <= now - HOUR:
            self.local_budget = None

    def apply_reply(self, budget: PeopleBudget, reply: PeopleReply, processes: int, now: float) -> None:
        """Store the rest of the shared budget: without Redis, each process may grant its share of it."""
        spare = PeopleBudget(budget.hour - reply.hour, budget.day - reply.day)
        if reply.window is not None:
            spare = PeopleBudget(0, 0)
        own_hour, own_day = len(self.hour), len(self.day)
        self.local_budget = PeopleBudget(own_hour + spare.hour // processes, own_day + spare.day // processes)
        self.synced_at = now

    def find_uncounted(self, people: Iterable[bytes]) -> list[bytes]:
        return [each for each in dict.fromkeys(people) if each not in self.hour]

    def check_budget(self, budget: PeopleBudget, new: Sequence[bytes], now: float) -> OverBudget | None:
        """Why this process cannot count these people; of two reasons, the one that lasts longer."""
        found = [
            OverBudget(frozenset(new), window, most, wait)
            for counted, window, most in ((self.hour, HOUR, budget.hour), (self.day, DAY, budget.day))
            if (wait := _compute_wait(counted, sum(each not in counted for each in new), most, window, now)) > 0
        ]
        return max(found, key=lambda each: each.wait) if found else None

    def count(self, new: Iterable[bytes], now: float) -> None:
        for each in new:
            for counted in (self.hour, self.day):
                counted.pop(each, None)
                counted[each] = now


def _compute_wait(counted: Mapping[bytes, float], added: int, most: int, window: float, now: float) -> float:
    """Seconds until `added` more people fit; 0 for now, infinity for never."""
    excess = len(counted) + added - most
    if excess <= 0 or not added:
        return 0.0
    if added > most:
        return inf
    return next(islice(counted.values(), excess - 1, None)) + window - now


class PeopleCounts:
    """Counts people by reader: for all processes if their shared store answers, else in this process."""

    def __init__(
        self,
        shared: SharedPeopleStore | None,
        *,
        make_key: Callable[..., str],
        processes: int = 1,
        clock: Callable[[], float] = monotonic,
        max_people: int = MAX_PEOPLE,
    ) -> None:
        """Take the optional store, the function that makes its keys, and the number of processes.

        Without the store, each process grants its share of a budget, so that together they never grant more.
        """
        self._shared = shared
        self._make_key = make_key
        self._processes = processes
        self._clock = clock
        self._max_people = max_people
        self._readers: OrderedDict[str, _ReaderPeople] = OrderedDict()
        self._people = 0
        self._catching_up: asyncio.Task[None] | None = None
        self._reconnected_at = -inf
        if shared is not None:
            shared.on_reconnect.append(self._catch_up)

    async def charge(self, reader: str, budget: PeopleBudget, people: Sequence[bytes]) -> Charge:
        """Count the new people of one reader, all or none."""
        now = self._clock()
        known = self._get_reader(reader, now)
        new = known.find_uncounted(people)
        if not new:
            return _NO_CHARGE
        if self._shared is None:
            return self._charge_locally(known, budget, new, now)
        if not self._shared.is_up and not await self._shared.wait_until_up(_OUTAGE_GRACE_SECONDS):
            now = self._clock()
            known = self._get_reader(reader, now)
            new = known.find_uncounted(new)  # others counted meanwhile
            return self._charge_locally(known, budget, new, now) if new else _NO_CHARGE
        over = known.check_budget(budget, new, now)
        if over is None and now < self._reconnected_at + _CATCH_UP_SECONDS:
            over = self._check_locally(known, budget, new, now)
        return Charge(over_budget=over) if over else await self._charge_shared(self._shared, reader, budget, new)

    def _charge_locally(self, known: _ReaderPeople, budget: PeopleBudget, new: Sequence[bytes], now: float) -> Charge:
        """Counts in this process, without giving up control to the event loop."""
        over = self._check_locally(known, budget, new, now)
        if over is not None:
            return Charge(over_budget=over)
        self._count(known, new, now)
        if self._shared is not None:
            known.unsent.update(dict.fromkeys(new, now))
        return Charge(len(new))

    def _check_locally(
        self, known: _ReaderPeople, budget: PeopleBudget, new: Sequence[bytes], now: float
    ) -> OverBudget | None:
        """Why this process may not count these alone. The error shows the whole budget, not the share."""
        over = known.check_budget(known.local_budget or budget.split_between(self._processes), new, now)
        return over and over._replace(limit=budget.hour if over.window == HOUR else budget.day)

    async def _charge_shared(
        self, shared: SharedPeopleStore, reader: str, budget: PeopleBudget, new: Sequence[bytes]
    ) -> Charge:
        """Count in the store. First restore what it lost, so that its restart does not reset budgets."""
        now = self._clock()  # before the call: this process must not remember a person longer than the store
        reply = await self._ask_store(shared, reader, budget, new)
        if reply is None and await shared.wait_until_up(_OUTAGE_GRACE_SECONDS):
            now = self._clock()
            reply = await self._ask_store(shared, reader, budget, new)
        while reply is not None and reply.lost:
            known = self._get_reader(reader, now := self._clock())
            known.unsent = dict(known.day)
            reply = await self._ask_store(shared, reader, budget, new)
        if reply is None:
            now = self._clock()
            known = self._get_reader(reader, now)
            new = known.find_uncounted(new)  # others counted meanwhile
            return self._charge_locally(known, budget, new, now) if new else _NO_CHARGE
        known = self._get_reader(reader, now)
        if reply.window is not None:
            known.apply_reply(budget, reply, self._processes, now)
            most = budget.hour if reply.window == HOUR else budget.day
            refused = frozenset(new[place] for place in reply.refused)
            return Charge(over_budget=OverBudget(refused, reply.window, most, reply.wait))
        self._count(known, new, now)
        known.apply_reply(budget, reply, self._processes, now)
        return Charge(len(new))

    async def _ask_store(
        self, shared: SharedPeopleStore, reader: str, budget: PeopleBudget, new: Sequence[bytes]
    ) -> PeopleReply | None:
        """The store's reply, after it received all people that it does not know."""
        while True:
            now = self._clock()
            known = self._get_reader(reader, now)
            restored = dict(islice(known.unsent.items(), _MAX_RESTORED))
            is_last = len(restored) == len(known.unsent)
            request = PeopleRequest(
                budget=budget,
                known_count=len(known.day) if is_last else 0,
                restored={self._hash_member(reader, each): now - at for each, at in restored.items()},
                people=[self._hash_member(reader, each) for each in new] if is_last else [],
            )
            reply = await shared.charge_people(reader, request)
            if reply is None:
                return None
            for each, at in restored.items():
                if known.unsent.get(each) == at:
                    del known.unsent[each]
            if is_last:
                return reply

    def _hash_member(self, reader: str, person: bytes) -> str:
        return self._make_key("person", reader, person.hex())

    def _count(self, known: _ReaderPeople, new: Sequence[bytes], now: float) -> None:
        before = len(known.day)
        known.count(new, now)
        self._people += len(known.day) - before
        while self._people > self._max_people and len(self._readers) > 1:
            _, evicted = self._readers.popitem(last=False)
            self._people -= len(evicted.day)

    def _get_reader(self, reader: str, now: float) -> _ReaderPeople:
        known = self._readers.get(reader)
        if known is None:
            known = self._readers[reader] = _ReaderPeople()
            return known
        self._readers.move_to_end(reader)
        before = len(known.day)
        known.forget_old(now)
        self._people -= before - len(known.day)
        return known

    def _catch_up(self) -> None:
        """Send the store all people that it may have lost or never received, before the next read."""
        self._reconnected_at = self._clock()
        for known in self._readers.values():
            known.unsent = dict(known.day)
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.get_running_loop().create_task(self._restore_all())

    async def _restore_all(self) -> None:
        shared = self._shared
        for reader in [name for name, known in self._readers.items() if known.unsent]:
            if shared is None or await self._ask_store(shared, reader, PeopleBudget(0, 0), ()) is None:
                return

    async def close(self) -> None:
        """Cancels the restore of people in the store."""
        if self._catching_up is not None:
            self._catching_up.cancel()
            await asyncio.gather(self._catching_up, return_exceptions=True)

    def __repr__(self) -> str:
        """The number of readers, never their names."""
        return f"<PeopleCounts of {len(self._readers)} readers>"

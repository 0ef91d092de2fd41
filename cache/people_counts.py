"""How many different people each reader read about, in the last hour and in the last day.

A person counts once an hour and once a day for one reader, however often they are read. Both times trail: there is no
full hour at which counting begins again. Where processes share Redis, its sorted set of one reader is what counts, by
the clock of Redis. What this process knows is a part of that: it answers without a question where everybody is known or
it is too much already, it goes on where Redis goes, and it gives back what Redis lost.
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
MOST_PEOPLE = 500_000
"""People that one process remembers for all readers together, some 200 bytes each. Beyond, it forgets the readers who
were quiet longest; where processes share Redis, that loses nothing."""
_BUSY_MOMENT = 2.0
"""Seconds for which people are not counted without Redis after it was lost: who makes a process or Redis busy for a
moment must not be granted a budget by each process."""
_CAUGHT_UP = 10.0
"""Seconds after Redis came back for which a process grants no more than without it: others may not have given it back
yet whom it lost."""
_MOST_GIVEN = 2_000
"""People whom Redis is given back in one question."""


@dataclass(frozen=True, slots=True)
class PeopleBudget:
    """About how many different people a reader may read."""

    hour: int
    day: int

    def shared_by(self, processes: int) -> PeopleBudget:
        """What one of several processes may grant that do not know of each other."""
        return PeopleBudget(max(1, self.hour // processes), max(1, self.day // processes))


class OverBudget(NamedTuple):
    """A charge that was refused as a whole."""

    people: frozenset[bytes]
    """Those who were not counted. People of the same charge who were counted before may be read."""
    window: float
    """Seconds of the time in which there were too many."""
    most: int
    wait: float
    """Seconds until the same charge fits; infinity where it never does."""


class Charge(NamedTuple):
    """What became of a charge."""

    counted: int = 0
    """People who were counted now; those who were counted before cost nothing."""
    over: OverBudget | None = None


_FREE: Final = Charge()


class PeopleQuestion(NamedTuple):
    """What Redis is asked about one reader."""

    budget: PeopleBudget
    known: int
    """How many people of the last day this process knows: where Redis knows fewer, it lost some."""
    given: Mapping[str, float]
    """People whom Redis does not know yet, and how many seconds ago they were counted."""
    people: Sequence[str]
    """Those to be counted: all or none."""


class PeopleReply(NamedTuple):
    """What Redis says."""

    lost: bool = False
    """Whether it knows fewer than it was told, and counted nobody."""
    window: float | None = None
    """Of a refusal: in which time there were too many; None where all were counted."""
    wait: float = 0.0
    refused: Sequence[int] = ()
    """Places, among those who were to be counted, of those who were not counted before."""
    hour: int = 0
    """Where all were counted: how many now are in the hour."""
    day: int = 0


class SharedPeople(Protocol):
    """Counts for all processes together."""

    @property
    def up(self) -> bool:
        """Whether it is worth asking."""

    @property
    def when_back(self) -> list[Callable[[], None]]:
        """Who is told when it answers again."""

    async def back_within(self, seconds: float) -> bool:
        """Whether it answers, or does so again before it was away for so long."""

    async def charge_people(self, reader: str, question: PeopleQuestion) -> PeopleReply | None:
        """Count people of one reader; None where nobody answers in time."""


@dataclass(slots=True)
class _Reader:
    """Whom one reader read about, as far as this process knows; each mapping is in the order of its times."""

    hour: dict[bytes, float] = field(default_factory=dict)
    day: dict[bytes, float] = field(default_factory=dict)
    unsent: dict[bytes, float] = field(default_factory=dict)
    """People counted while Redis did not answer."""
    alone: PeopleBudget | None = None
    """How many of its own this process may have counted without Redis, by what Redis last said of all processes."""
    heard_at: float = 0.0

    def forget_old(self, now: float) -> None:
        for counted, window in ((self.hour, HOUR), (self.day, DAY), (self.unsent, DAY)):
            while counted and next(iter(counted.values())) <= now - window:
                del counted[next(iter(counted))]
        if self.heard_at <= now - HOUR:
            self.alone = None

    def hear(self, budget: PeopleBudget, reply: PeopleReply, processes: int, now: float) -> None:
        """Note what is left of a budget for all processes: without Redis, each may grant its part of that."""
        spare = PeopleBudget(budget.hour - reply.hour, budget.day - reply.day)
        if reply.window is not None:
            spare = PeopleBudget(0, 0)
        own_hour, own_day = len(self.hour), len(self.day)
        self.alone = PeopleBudget(own_hour + spare.hour // processes, own_day + spare.day // processes)
        self.heard_at = now

    def uncounted(self, people: Iterable[bytes]) -> list[bytes]:
        return [each for each in dict.fromkeys(people) if each not in self.hour]

    def over(self, budget: PeopleBudget, new: Sequence[bytes], now: float) -> OverBudget | None:
        """Why these cannot be counted, by what this process knows; of two reasons, the one that lasts longer."""
        found = [
            OverBudget(frozenset(new), window, most, wait)
            for counted, window, most in ((self.hour, HOUR, budget.hour), (self.day, DAY, budget.day))
            if (wait := _wait(counted, sum(each not in counted for each in new), most, window, now)) > 0
        ]
        return max(found, key=lambda each: each.wait) if found else None

    def count(self, new: Iterable[bytes], now: float) -> None:
        for each in new:
            for counted in (self.hour, self.day):
                counted.pop(each, None)
                counted[each] = now


def _wait(counted: Mapping[bytes, float], added: int, most: int, window: float, now: float) -> float:
    """Seconds until so many more fit; 0 for now, infinity for never."""
    excess = len(counted) + added - most
    if excess <= 0 or not added:
        return 0.0
    if added > most:
        return inf
    return next(islice(counted.values(), excess - 1, None)) + window - now


class PeopleCounts:
    """Counts people by reader: for all processes where they share a store that answers, else in this one."""

    def __init__(
        self,
        shared: SharedPeople | None,
        *,
        keyed: Callable[..., str],
        processes: int = 1,
        clock: Callable[[], float] = monotonic,
        most_people: int = MOST_PEOPLE,
    ) -> None:
        """Take the store, if there is one; what makes keys of names for it; and how many processes there are.

        Without the store, each process grants its part of a budget, so that together they never grant more.
        """
        self._shared = shared
        self._keyed = keyed
        self._processes = processes
        self._clock = clock
        self._most_people = most_people
        self._readers: OrderedDict[str, _Reader] = OrderedDict()
        self._people = 0
        self._catching_up: asyncio.Task[None] | None = None
        self._back_at = -inf
        if shared is not None:
            shared.when_back.append(self._catch_up)

    async def charge(self, reader: str, budget: PeopleBudget, people: Sequence[bytes]) -> Charge:
        """Count people of one reader, all or none of those who are new."""
        now = self._clock()
        known = self._reader(reader, now)
        new = known.uncounted(people)
        if not new:
            return _FREE
        if self._shared is None:
            return self._alone(known, budget, new, now)
        if not self._shared.up and not await self._shared.back_within(_BUSY_MOMENT):
            now = self._clock()
            known = self._reader(reader, now)
            new = known.uncounted(new)  # others counted meanwhile
            return self._alone(known, budget, new, now) if new else _FREE
        over = known.over(budget, new, now)
        if over is None and now < self._back_at + _CAUGHT_UP:
            over = self._over_alone(known, budget, new, now)
        return Charge(over=over) if over else await self._together(self._shared, reader, budget, new)

    def _alone(self, known: _Reader, budget: PeopleBudget, new: Sequence[bytes], now: float) -> Charge:
        """Count in this process, in one turn of the event loop."""
        over = self._over_alone(known, budget, new, now)
        if over is not None:
            return Charge(over=over)
        self._count(known, new, now)
        if self._shared is not None:
            known.unsent.update(dict.fromkeys(new, now))
        return Charge(len(new))

    def _over_alone(self, known: _Reader, budget: PeopleBudget, new: Sequence[bytes], now: float) -> OverBudget | None:
        """Why this process may not count these by itself; a caller is told the whole budget, not this part of it."""
        over = known.over(known.alone or budget.shared_by(self._processes), new, now)
        return over and over._replace(most=budget.hour if over.window == HOUR else budget.day)

    async def _together(self, shared: SharedPeople, reader: str, budget: PeopleBudget, new: Sequence[bytes]) -> Charge:
        """Count in the store. What it lost is given back before, so that a restart of it grants nothing anew."""
        now = self._clock()  # before it is asked: this process must not remember anybody longer than the store
        reply = await self._asked(shared, reader, budget, new)
        if reply is None and await shared.back_within(_BUSY_MOMENT):
            now = self._clock()
            reply = await self._asked(shared, reader, budget, new)
        while reply is not None and reply.lost:
            known = self._reader(reader, now := self._clock())
            known.unsent = dict(known.day)
            reply = await self._asked(shared, reader, budget, new)
        if reply is None:
            now = self._clock()
            known = self._reader(reader, now)
            new = known.uncounted(new)  # others counted meanwhile
            return self._alone(known, budget, new, now) if new else _FREE
        known = self._reader(reader, now)
        if reply.window is not None:
            known.hear(budget, reply, self._processes, now)
            most = budget.hour if reply.window == HOUR else budget.day
            refused = frozenset(new[place] for place in reply.refused)
            return Charge(over=OverBudget(refused, reply.window, most, reply.wait))
        self._count(known, new, now)
        known.hear(budget, reply, self._processes, now)
        return Charge(len(new))

    async def _asked(
        self, shared: SharedPeople, reader: str, budget: PeopleBudget, new: Sequence[bytes]
    ) -> PeopleReply | None:
        """The store's answer, once it has been given everybody it does not know."""
        while True:
            now = self._clock()
            known = self._reader(reader, now)
            given = dict(islice(known.unsent.items(), _MOST_GIVEN))
            is_last = len(given) == len(known.unsent)
            question = PeopleQuestion(
                budget=budget,
                known=len(known.day) if is_last else 0,
                given={self._member(reader, each): now - at for each, at in given.items()},
                people=[self._member(reader, each) for each in new] if is_last else [],
            )
            reply = await shared.charge_people(reader, question)
            if reply is None:
                return None
            for each, at in given.items():
                if known.unsent.get(each) == at:
                    del known.unsent[each]
            if is_last:
                return reply

    def _member(self, reader: str, person: bytes) -> str:
        return self._keyed("person", reader, person.hex())

    def _count(self, known: _Reader, new: Sequence[bytes], now: float) -> None:
        before = len(known.day)
        known.count(new, now)
        self._people += len(known.day) - before
        while self._people > self._most_people and len(self._readers) > 1:
            _, quiet = self._readers.popitem(last=False)
            self._people -= len(quiet.day)

    def _reader(self, reader: str, now: float) -> _Reader:
        known = self._readers.get(reader)
        if known is None:
            known = self._readers[reader] = _Reader()
            return known
        self._readers.move_to_end(reader)
        before = len(known.day)
        known.forget_old(now)
        self._people -= before - len(known.day)
        return known

    def _catch_up(self) -> None:
        """Give the store everybody it may have lost or never heard of, whichever process is asked next."""
        self._back_at = self._clock()
        for known in self._readers.values():
            known.unsent = dict(known.day)
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.get_running_loop().create_task(self._give_all())

    async def _give_all(self) -> None:
        shared = self._shared
        for reader in [name for name, known in self._readers.items() if known.unsent]:
            if shared is None or await self._asked(shared, reader, PeopleBudget(0, 0), ()) is None:
                return

    async def close(self) -> None:
        """Stop giving back."""
        if self._catching_up is not None:
            self._catching_up.cancel()
            await asyncio.gather(self._catching_up, return_exceptions=True)

    def __repr__(self) -> str:
        """How many, never who."""
        return f"<PeopleCounts of {len(self._readers)} readers>"

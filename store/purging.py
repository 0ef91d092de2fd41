"""What goes away when its time is over: how whatever keeps personal data says so (UU PDP 27/2022, articles 42 to 45).

Whoever adds a table of personal data adds a `Purgeable` for it to `store/retained.py`; settings, the daily purge, the
receipts and the command line then know it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

MOST_DAYS = 36_500


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """How many days something is kept: as a rule, and by class of data where that has days of its own."""

    days: int
    of_class: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """As it stands in a receipt: `1825`, or `1825 SPECIFIC:HEALTH:3650`."""
        return " ".join((str(self.days), *(f"{name}:{days}" for name, days in sorted(self.of_class.items()))))

    @property
    def longest(self) -> int:
        """For how many days anything of it may be there."""
        return max((self.days, *self.of_class.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Before which moments it is removed, and by which receipt."""

    now: datetime
    keeping: Keeping
    receipt: int
    sealed: Callable[[bytes], bytes]
    """The hub's keyed hash, for what has to be proven later."""

    def before(self, *classes: str) -> datetime:
        """The moment before which data of these classes is removed: what has several is kept as long as any of them."""
        days = [self.keeping.of_class.get(each, self.keeping.days) for each in classes]
        return self.now - timedelta(days=max(days, default=self.keeping.days))

    @property
    def latest(self) -> datetime:
        """After this moment nothing is removed, whatever its classes."""
        return self.now - timedelta(days=min((self.keeping.days, *self.keeping.of_class.values())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What a purge removed."""

    rows: int
    of_class: Mapping[str, int] = field(default_factory=dict)
    """Rows that held data of a class; one that held several counts for each."""
    with_it: Mapping[str, int] = field(default_factory=dict)
    """By table: rows that went with those, because they tell of nothing else."""
    oldest: datetime | None = None
    newest: datetime | None = None

    def __str__(self) -> str:
        """As it stands in a receipt: `rows=12 PERSONAL=12 SPECIFIC:HEALTH=3`, or `rows=2 consent_events=9`."""
        counts = sorted({**self.of_class, **self.with_it}.items())
        return " ".join((f"rows={self.rows}", *(f"{name}={rows}" for name, rows in counts)))


class Purgeable(Protocol):
    """Something that is kept for a time. It holds no state: it is given the connection."""

    @property
    def name(self) -> str:
        """As settings call it: `ledger`."""

    @property
    def days(self) -> int:
        """How long it is kept unless settings say otherwise."""

    @property
    def classes(self) -> Sequence[str]:
        """Classes of data that may have days of their own; none where all of it is kept alike."""

    @property
    def outlives(self) -> Sequence[str]:
        """Names of what it proves something about: it is kept at least as long as any of that."""

    async def purge(self, connection: AsyncConnection, bounds: Bounds) -> Removed:
        """Remove what is over; the transaction is the caller's, who may take it back."""


def keeping_from(words: Sequence[str], known: Sequence[Purgeable]) -> Mapping[str, Keeping]:
    """How long each of the known is kept: out of `name:days` and `name/CLASS:days`, by default what it says itself.

    What has to outlive something that is kept longer than its default is kept as long as that. Raises `ValueError` for
    a word that says something else, or that keeps a proof for less time than what it proves.
    """
    by_name = {each.name: each for each in known}
    days: dict[str, int] = {}
    of_class: dict[str, dict[str, int]] = {each.name: {} for each in known}
    for word in words:
        name, class_, number = _said(word, by_name)
        if class_:
            of_class[name][class_] = number
        else:
            days[name] = number
    told = {each.name: Keeping(days=days.get(each.name, each.days), of_class=of_class[each.name]) for each in known}
    return {each.name: _outliving(each, told, said=each.name in days) for each in known}


def _said(word: str, by_name: Mapping[str, Purgeable]) -> tuple[str, str, int]:
    """Name, class or nothing, and days; raises `ValueError`."""
    what, _, number = word.rpartition(":")
    name, _, class_ = what.partition("/")
    if name not in by_name or not (number.isdecimal() and number.isascii() and 1 <= int(number) <= MOST_DAYS):
        raise ValueError(
            f"'{word}' does not say how long something is kept: write name:days or name/CLASS:days, "
            f"1 to {MOST_DAYS} days, of {', '.join(by_name)}"
        )
    if "/" in what and class_ not in by_name[name].classes:
        raise ValueError(f"'{word}' names no class of '{name}'; it has {', '.join(by_name[name].classes) or 'none'}")
    return name, class_, int(number)


def _outliving(what: Purgeable, told: Mapping[str, Keeping], *, said: bool) -> Keeping:
    """How long it is kept, which is not less than what it has to outlive."""
    keeping = told[what.name]
    for other in what.outlives:
        least = told[other].longest
        if said and keeping.days < least:
            raise ValueError(
                f"'{what.name}:{keeping.days}' would remove proofs before what they prove: '{other}' is kept for "
                f"{least} days; keep '{what.name}' for {least} or more, or '{other}' for less"
            )
        keeping = replace(keeping, days=max(keeping.days, least))
    return keeping

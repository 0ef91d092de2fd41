"""What goes away when its time is over: how whatever keeps personal data says so (UU PDP 27/2022, articles 42 to 45).

Whoever adds a table of personal data adds a `Purgeable` for it to `store/retained.py`; settings, the daily purge, the
receipts and the command line then know it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
    oldest: datetime | None = None
    newest: datetime | None = None

    def __str__(self) -> str:
        """As it stands in a receipt: `rows=12 PERSONAL=12 SPECIFIC:HEALTH=3`."""
        return " ".join((f"rows={self.rows}", *(f"{name}={rows}" for name, rows in sorted(self.of_class.items()))))


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

    async def purge(self, connection: AsyncConnection, bounds: Bounds) -> Removed:
        """Remove what is over; the transaction is the caller's, who may take it back."""


def keeping_from(words: Sequence[str], known: Sequence[Purgeable]) -> Mapping[str, Keeping]:
    """How long each of the known is kept: out of `name:days` and `name/CLASS:days`, by default what it says itself.

    Raises `ValueError` for a word that says something else.
    """
    by_name = {each.name: each for each in known}
    days = {each.name: each.days for each in known}
    of_class: dict[str, dict[str, int]] = {each.name: {} for each in known}
    for word in words:
        what, _, number = word.rpartition(":")
        name, _, class_ = what.partition("/")
        if name not in by_name or not (number.isdecimal() and number.isascii() and 1 <= int(number) <= MOST_DAYS):
            raise ValueError(
                f"'{word}' does not say how long something is kept: write name:days or name/CLASS:days, "
                f"1 to {MOST_DAYS} days, of {', '.join(by_name)}"
            )
        if "/" in what and class_ not in by_name[name].classes:
            raise ValueError(
                f"'{word}' names no class of '{name}'; it has {', '.join(by_name[name].classes) or 'none'}"
            )
        if class_:
            of_class[name][class_] = int(number)
        else:
            days[name] = int(number)
    return {name: Keeping(days=days[name], of_class=of_class[name]) for name in by_name}

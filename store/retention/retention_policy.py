"""What goes away when its time is over: how whatever keeps personal data says so (UU PDP 27/2022, articles 42 to 45).

Whoever adds a table of personal data adds a `Purgeable` for it to `store/retention/retention_rules.py`; settings, the
daily purge, the receipts and the command line then know it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

MAX_DAYS = 36_500


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPolicy:
    """How many days something is kept: as a rule, and by class of data where that has days of its own."""

    days: int
    days_by_class: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """As it stands in a receipt: `1825`, or `1825 SPECIFIC:HEALTH:3650`."""
        return " ".join((str(self.days), *(f"{name}:{days}" for name, days in sorted(self.days_by_class.items()))))

    @property
    def max_days(self) -> int:
        """For how many days anything of it may be there."""
        return max((self.days, *self.days_by_class.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeBounds:
    """Before which moments it is removed, and by which receipt."""

    now: datetime
    policy: RetentionPolicy
    receipt: int
    seal: Callable[[bytes], bytes]
    """The hub's keyed hash, for what has to be proven later."""

    def compute_cutoff(self, *classes: str) -> datetime:
        """The moment before which data of these classes is removed: what has several is kept as long as any of them."""
        days = [self.policy.days_by_class.get(each, self.policy.days) for each in classes]
        return self.now - timedelta(days=max(days, default=self.policy.days))

    @property
    def latest_cutoff(self) -> datetime:
        """After this moment nothing is removed, whatever its classes."""
        return self.now - timedelta(days=min((self.policy.days, *self.policy.days_by_class.values())))


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeResult:
    """What a purge removed."""

    rows: int
    rows_by_class: Mapping[str, int] = field(default_factory=dict)
    """Rows that held data of a class; one that held several counts for each."""
    dependent_rows: Mapping[str, int] = field(default_factory=dict)
    """By table: rows that went with those, because they tell of nothing else."""
    oldest: datetime | None = None
    newest: datetime | None = None

    def __str__(self) -> str:
        """As it stands in a receipt: `rows=12 PERSONAL=12 SPECIFIC:HEALTH=3`, or `rows=2 consent_events=9`."""
        counts = sorted({**self.rows_by_class, **self.dependent_rows}.items())
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
    def must_outlive(self) -> Sequence[str]:
        """Names of what it proves something about: it is kept at least as long as any of that."""

    async def purge(self, connection: AsyncConnection, bounds: PurgeBounds) -> PurgeResult:
        """Remove what is over; the transaction is the caller's, who may take it back."""


def parse_retention_policies(words: Sequence[str], purgeables: Sequence[Purgeable]) -> Mapping[str, RetentionPolicy]:
    """How long each of the known is kept: out of `name:days` and `name/CLASS:days`, by default what it says itself.

    What has to outlive something that is kept longer than its default is kept as long as that. Raises `ValueError` for
    a word that says something else, or that keeps a proof for less time than what it proves.
    """
    by_name = {each.name: each for each in purgeables}
    days: dict[str, int] = {}
    of_class: dict[str, dict[str, int]] = {each.name: {} for each in purgeables}
    for word in words:
        name, class_, number = _parse_word(word, by_name)
        if class_:
            of_class[name][class_] = number
        else:
            days[name] = number
    policies = {
        each.name: RetentionPolicy(days=days.get(each.name, each.days), days_by_class=of_class[each.name])
        for each in purgeables
    }
    return {each.name: _extend_to_outlive(each, policies, is_explicit=each.name in days) for each in purgeables}


class _RetentionWord(NamedTuple):
    name: str
    data_class: str
    """Empty for all of them."""
    days: int


def _parse_word(word: str, by_name: Mapping[str, Purgeable]) -> _RetentionWord:
    """What a word says; raises `ValueError`."""
    what, _, number = word.rpartition(":")
    name, _, class_ = what.partition("/")
    if name not in by_name or not (number.isdecimal() and number.isascii() and 1 <= int(number) <= MAX_DAYS):
        raise ValueError(
            f"'{word}' does not say how long something is kept: write name:days or name/CLASS:days, "
            f"1 to {MAX_DAYS} days, of {', '.join(by_name)}"
        )
    if "/" in what and class_ not in by_name[name].classes:
        raise ValueError(f"'{word}' names no class of '{name}'; it has {', '.join(by_name[name].classes) or 'none'}")
    return _RetentionWord(name, class_, int(number))


def _extend_to_outlive(
    purgeable: Purgeable, policies: Mapping[str, RetentionPolicy], *, is_explicit: bool
) -> RetentionPolicy:
    """How long it is kept, which is not less than what it has to outlive."""
    policy = policies[purgeable.name]
    for other in purgeable.must_outlive:
        least = policies[other].max_days
        if is_explicit and policy.days < least:
            raise ValueError(
                f"'{purgeable.name}:{policy.days}' would remove proofs before what they prove: '{other}' is kept for "
                f"{least} days; keep '{purgeable.name}' for {least} or more, or '{other}' for less"
            )
        policy = replace(policy, days=max(policy.days, least))
    return policy

"""Retention: the interface of data that is deleted after a time (UU PDP 27/2022, articles 42 to 45).

A new table with personal data needs a `Purgeable` in `store/retention/retention_rules.py`. Settings, the daily purge,
the receipts and the command line read that list.
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
    """The retention in days: a default, and exceptions by data class."""

    days: int
    days_by_class: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """As in a receipt: `1825`, or `1825 SPECIFIC:HEALTH:3650`."""
        return " ".join((str(self.days), *(f"{name}:{days}" for name, days in sorted(self.days_by_class.items()))))

    @property
    def max_days(self) -> int:
        """The longest retention of any of its data."""
        return max((self.days, *self.days_by_class.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeBounds:
    """The cutoffs of a purge, and its receipt."""

    now: datetime
    policy: RetentionPolicy
    receipt: int
    seal: Callable[[bytes], bytes]
    """The hub's keyed hash, for evidence of the purge."""

    def compute_cutoff(self, *classes: str) -> datetime:
        """Returns the cutoff for data of these classes; the class with the longest retention decides."""
        days = [self.policy.days_by_class.get(each, self.policy.days) for each in classes]
        return self.now - timedelta(days=max(days, default=self.policy.days))

    @property
    def latest_cutoff(self) -> datetime:
        """The moment after which nothing is deleted, whatever its classes."""
        return self.now - timedelta(days=min((self.policy.days, *self.policy.days_by_class.values())))


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeResult:
    """The result of a purge."""

    rows: int
    rows_by_class: Mapping[str, int] = field(default_factory=dict)
    """Rows by data class; a row with several classes counts for each."""
    dependent_rows: Mapping[str, int] = field(default_factory=dict)
    """By table: rows that were deleted with those, because they describe nothing else."""
    oldest: datetime | None = None
    newest: datetime | None = None

    def __str__(self) -> str:
        """As in a receipt: `rows=12 PERSONAL=12 SPECIFIC:HEALTH=3`, or `rows=2 consent_events=9`."""
        counts = sorted({**self.rows_by_class, **self.dependent_rows}.items())
        return " ".join((f"rows={self.rows}", *(f"{name}={rows}" for name, rows in counts)))


class Purgeable(Protocol):
    """Data with a retention. It is stateless: the connection is a parameter."""

    @property
    def name(self) -> str:
        """The name in settings: `ledger`."""

    @property
    def days(self) -> int:
        """The default retention in days."""

    @property
    def classes(self) -> Sequence[str]:
        """Data classes that may have their own retention; empty if all data has the same."""

    @property
    def must_outlive(self) -> Sequence[str]:
        """Names of the data that this data proves something about; its retention is at least as long as theirs."""

    async def purge(self, connection: AsyncConnection, bounds: PurgeBounds) -> PurgeResult:
        """Deletes expired rows. The caller owns the transaction, and may roll it back."""


def parse_retention_policies(words: Sequence[str], purgeables: Sequence[Purgeable]) -> Mapping[str, RetentionPolicy]:
    """Parses retention policies from `name:days` and `name/CLASS:days`; missing ones are the defaults.

    A default is extended to what the data must outlive. Raises `ValueError` for invalid text, and for a proof with a
    shorter retention than the data that it proves something about.
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
    """Empty for all classes."""
    days: int


def _parse_word(word: str, by_name: Mapping[str, Purgeable]) -> _RetentionWord:
    """Parse one word. Raises `ValueError`."""
    what, _, number = word.rpartition(":")
    name, _, class_ = what.partition("/")
    if name not in by_name or not (number.isdecimal() and number.isascii() and 1 <= int(number) <= MAX_DAYS):
        raise ValueError(
            f"'{word}' is not a retention: write name:days or name/CLASS:days, "
            f"1 to {MAX_DAYS} days, of {', '.join(by_name)}"
        )
    if "/" in what and class_ not in by_name[name].classes:
        raise ValueError(f"'{word}' names no class of '{name}'; it has {', '.join(by_name[name].classes) or 'none'}")
    return _RetentionWord(name, class_, int(number))


def _extend_to_outlive(
    purgeable: Purgeable, policies: Mapping[str, RetentionPolicy], *, is_explicit: bool
) -> RetentionPolicy:
    """Returns the policy, extended to the retention of what it must outlive."""
    policy = policies[purgeable.name]
    for other in purgeable.must_outlive:
        least = policies[other].max_days
        if is_explicit and policy.days < least:
            raise ValueError(
                f"'{purgeable.name}:{policy.days}' would delete proofs before what they prove: '{other}' is kept for "
                f"{least} days; keep '{purgeable.name}' for {least} or more, or '{other}' for less"
            )
        policy = replace(policy, days=max(policy.days, least))
    return policy

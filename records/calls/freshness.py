"""How long an answer may be used, and what is said of one that is no longer fresh."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from records.record import record


def seconds(count: float) -> float:
    """So many seconds."""
    return float(count)


def minutes(count: float) -> float:
    """So many minutes, in seconds."""
    return 60.0 * count


def hours(count: float) -> float:
    """So many hours, in seconds."""
    return 3_600.0 * count


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How long the answers of a batch may be used; all in seconds."""

    fresh: float
    """As long, nobody is asked again."""
    stale_while_revalidate: float = 0.0
    """After that as long, an answer is still given at once while it is asked for anew (RFC 5861, section 3)."""
    stale_if_error: float = 0.0
    """After `fresh` as long, an answer is still given where the agency fails (RFC 5861, section 4)."""
    absent: float = 0.0
    """How long it is kept that the agency knows nothing of a key; not at all where it is 0."""
    max_age_for_purpose: float | None = None
    """Who states a purpose (an official, a system, a partner) gets nothing older than that; None: as everybody else."""
    tags: Callable[[Any], Sequence[str]] | None = None
    """From a key to what it is about, in words by which its answer can be made to go away: `citizen:...`."""
    is_personal: bool = True
    """Whether answers hold personal data: then they are sealed wherever they leave the process."""

    def __post_init__(self) -> None:
        """Refuse times that contradict each other."""
        if min(self.fresh, self.stale_while_revalidate, self.stale_if_error, self.absent) < 0:
            raise ValueError("Times of freshness are seconds, 0 or more.")
        if self.absent > self.max_lifetime:
            raise ValueError(
                f"'absent' is {self.absent:g} s; it cannot be longer than answers last, {self.max_lifetime:g} s."
            )

    @property
    def max_lifetime(self) -> float:
        """Seconds after which an answer is used for nothing any more."""
        return self.fresh + max(self.stale_while_revalidate, self.stale_if_error)


class AnswerLifetime(NamedTuple):
    """How long an answer may be used by whoever is given it now: never longer than any part of it; all in seconds."""

    age: float
    """How long ago the oldest part was said by its agency; 0 where all was asked just now."""
    fresh: float
    """As long it may be used as it is; infinity for what does not change while the hub runs."""
    stale_while_revalidate: float
    """After that as long, while it is asked for anew (RFC 5861, section 3); infinity where no part says it."""
    stale_if_error: float
    """After `fresh` as long, where the hub fails (RFC 5861, section 4); infinity where no part says it."""


@record
class Staleness:
    """What is said of an answer that is no longer fresh."""

    as_of: datetime
    """When the agency gave it."""
    reason: str
    """`stale_while_revalidate`: it is being asked for anew; else the code of the agency's failure."""

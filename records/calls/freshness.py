"""How long an answer may be used, and the notice for an answer that is stale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from records.record import record


@dataclass(frozen=True, kw_only=True)
class ReadLifetimes:
    """How long the answers of a read may be used, as its manifest says. All durations are in seconds."""

    fresh: float
    """Seconds during which the hub does not ask the agency again."""
    stale_while_revalidate: float = 0.0
    """Seconds after `fresh` in which a stale answer is served while it is refreshed (RFC 5861, section 3)."""
    stale_if_error: float = 0.0
    """Seconds after `fresh` in which a stale answer is served if the agency fails (RFC 5861, section 4)."""
    unknown_key_seconds: float = 0.0
    """Seconds for which the hub caches that the agency does not know a key; 0 does not cache it."""
    searched_field: str | None = None
    """The field of the records in which the text `search` of a query is looked for, if one list answers all queries.
    Only that list, which the empty text gives, is cached: else each text would cost a call and memory."""

    def __post_init__(self) -> None:
        """Raises ValueError if the durations contradict each other."""
        if min(self.fresh, self.stale_while_revalidate, self.stale_if_error, self.unknown_key_seconds) < 0:
            raise ValueError("Times of freshness are seconds, 0 or more.")
        if self.unknown_key_seconds > self.max_lifetime:
            raise ValueError(
                f"an absent record is cached for {self.unknown_key_seconds:g} s; "
                f"it cannot be longer than answers last, {self.max_lifetime:g} s"
            )

    @property
    def max_lifetime(self) -> float:
        """Seconds after which an answer is no longer used for anything."""
        return self.fresh + max(self.stale_while_revalidate, self.stale_if_error)


@dataclass(frozen=True, kw_only=True)  # no slots: two bases of `Freshness` cannot both have them
class BatchCaching:
    """How the answers of a batch are cached, whatever agency gives them."""

    max_age_for_purpose: float | None = None
    """Maximum age for a caller that states a purpose (an official, a system, a partner); None sets no other limit."""
    tags: Callable[[Any], Sequence[str]] | None = None
    """Returns the tags of a key, by which its answer is invalidated: `citizen:...`."""
    is_lasting: Callable[[Any], bool] | None = None
    """Whether an answer may be used again; None if each may."""
    is_for_reader: bool = False
    """Whether only the person who is the key gets a cached answer, which they have seen themself."""
    is_personal: bool = True
    """Whether answers hold personal data. Such answers are sealed before they leave the process."""


@dataclass(frozen=True, kw_only=True)
class Freshness(ReadLifetimes, BatchCaching):
    """How the answers of a batch are cached, and for how long."""

    @classmethod
    def join(cls, policy: BatchCaching, lifetimes: ReadLifetimes) -> Self:
        """The policy of a batch with the lifetimes of the agency that answers it."""
        return cls(**vars(policy), **vars(lifetimes))


class AnswerLifetime(NamedTuple):
    """How long a whole answer may be used: never longer than any of its parts. All durations are in seconds."""

    age: float
    """Age of the oldest part; 0 if the agencies gave all parts just now."""
    fresh: float
    """Seconds during which it is fresh; infinity for data that does not change while the hub runs."""
    stale_while_revalidate: float
    """Seconds after `fresh` to use it while it is refreshed (RFC 5861, section 3); infinity if no part limits this."""
    stale_if_error: float
    """Seconds after `fresh` to use it if the hub fails (RFC 5861, section 4); infinity if no part limits this."""


@record
class Staleness:
    """The notice for an answer that is no longer fresh, or comes from a copy of the agency's data."""

    as_of: datetime
    """When the agency gave the answer."""
    reason: str
    """`revalidating` while the hub refreshes the answer; `copy` or `overdue` for one from a copy of the agency's data;
    otherwise the code of the agency's failure."""
    agency: str | None = None
    """The code of that agency."""
    is_stale: bool = True
    """False for an answer from a copy that is not overdue: only its date is of interest."""

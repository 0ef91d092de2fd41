"""Rate limits by the generic cell rate algorithm (GCRA; ITU-T I.371, annex A).

A full bucket allows its whole amount as a burst, and refills evenly. One number is its state: the moment at which it
will be full again.

This process runs its own implementation. throttled-py's in-memory store takes 1.6 microseconds for a check, and two
checks per request are 4 % of a small request. This code takes a fifth of that, and tests compare it with the library.
For all processes together the library's script decides (`cache/limits/redis_counters.py`), and the local buckets follow
its replies: if Redis fails, counting continues from the last known state.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from math import ceil, inf
from time import monotonic
from typing import Generic, NamedTuple, Protocol, TypeVar

MAX_OWNERS = 50_000
"""The maximum number of owners with buckets, about 600 bytes each: 30 MB at most for one kind of caller."""
_EVICTION_TRIES = 4
_EPSILON = 1e-9
"""Tolerance for equal times and shares, so that rounding does not reduce the rest of a rate by one."""


class BucketOwner(Protocol):
    """The owner of buckets."""

    def is_full(self) -> bool:
        """Whether its buckets are full, so that evicting it loses nothing."""


T = TypeVar("T", bound=BucketOwner)


@dataclass(frozen=True, slots=True)
class Rate:
    """An amount per number of seconds."""

    amount: int
    seconds: float = 60.0
    interval: float = field(init=False)
    """Seconds until one more unit is available."""

    def __post_init__(self) -> None:
        """Raises ValueError for a rate that allows nothing."""
        if self.amount < 1 or self.seconds <= 0:
            raise ValueError(f"A rate of {self.amount} in {self.seconds:g} s gives nothing. Write 1 or more.")
        object.__setattr__(self, "interval", self.seconds / self.amount)


class Bucket:
    """The state of one rate for one owner."""

    __slots__ = ("full_at", "key", "rate")

    def __init__(self, key: str, rate: Rate) -> None:
        """Starts full. `key` is the name for all processes; it does not reveal the owner."""
        self.key = key
        self.rate = rate
        self.full_at = 0.0
        """When the bucket is full again, on the clock of the limiter."""

    def compute_wait(self, cost: int, now: float) -> float:
        """Returns the seconds until `cost` can be taken; 0 for now, infinity for never."""
        rate = self.rate
        if cost > rate.amount:
            return inf
        wait = max(self.full_at, now) + cost * rate.interval - now - rate.seconds
        return wait if wait > _EPSILON else 0.0

    def take(self, cost: int, now: float) -> float:
        """Takes `cost`, and returns 0; otherwise takes nothing, and returns the wait as `compute_wait` does."""
        rate = self.rate
        full_at = self.full_at
        if full_at < now:  # noqa: PLR1730 - each request comes here twice, and `max` takes a fifth of it
            full_at = now
        full_at += cost * rate.interval
        wait = full_at - now - rate.seconds
        if wait > _EPSILON:
            return wait if cost <= rate.amount else inf
        self.full_at = full_at
        return 0.0

    def compute_remaining(self, now: float) -> tuple[int, int]:
        """Returns the amount that can be taken now, and the whole seconds until the bucket is full."""
        full_in = self.full_at - now
        if full_in <= 0:
            return self.rate.amount, 0
        return int((self.rate.seconds - full_in) / self.rate.interval + _EPSILON), ceil(full_in)

    def __repr__(self) -> str:
        """The rate, never the owner."""
        return f"<Bucket of {self.rate.amount} in {self.rate.seconds:g} s>"


def take_from_both(single: Bucket, charged: Bucket, cost: int, now: float) -> bool:
    """Takes one from the first bucket and `cost` from the second; False, and nothing, if one of them has too little.

    As `Bucket.take` of both in one call, because each repeated request takes from both.
    """
    single_rate, charged_rate = single.rate, charged.rate
    single_full_at, charged_full_at = single.full_at, charged.full_at
    if single_full_at < now:  # noqa: PLR1730 - as in `take`
        single_full_at = now
    if charged_full_at < now:  # noqa: PLR1730
        charged_full_at = now
    single_full_at += single_rate.interval
    charged_full_at += cost * charged_rate.interval
    if single_full_at - now - single_rate.seconds > _EPSILON or charged_full_at - now - charged_rate.seconds > _EPSILON:
        return False
    single.full_at, charged.full_at = single_full_at, charged_full_at
    return True


class OwnerRegistry(Generic[T]):
    """A bounded registry of bucket owners.

    At the limit, an owner with full buckets is evicted first, otherwise the oldest. So a caller with ever new addresses
    can only reset the limits of similar callers: each kind of caller has a separate registry.
    """

    def __init__(self, factory: Callable[[str], T], *, max_owners: int = MAX_OWNERS) -> None:
        """Takes the function that builds an owner from a name."""
        self._factory = factory
        self._max_owners = max_owners
        self._owners: dict[str, T] = {}

    def get_or_create(self, name: str) -> T:
        """Returns the owner of this name, and creates it if it is missing."""
        found = self._owners.get(name)
        if found is None:
            self._make_room()
            found = self._owners[name] = self._factory(name)
        return found

    def find(self, name: str) -> T | None:
        """Returns the owner of this name; None if it is not in the registry."""
        return self._owners.get(name)

    def _make_room(self) -> None:
        """Evicts an owner. Checks only a few of the oldest, so that no request waits for thousands of checks."""
        for _ in range(_EVICTION_TRIES):
            if len(self._owners) < self._max_owners:
                return
            name = next(iter(self._owners))
            owner = self._owners.pop(name)
            if not owner.is_full():
                self._owners[name] = owner  # to the end of the queue
        while len(self._owners) >= self._max_owners:
            del self._owners[next(iter(self._owners))]

    def __len__(self) -> int:
        return len(self._owners)

    def __repr__(self) -> str:
        """The number of owners, never their names."""
        return f"<OwnerRegistry {len(self._owners)}>"


class RateResult(NamedTuple):
    """The reply of the shared store."""

    is_refused: bool
    full_in: float
    """Seconds until the bucket is full."""
    wait: float
    """Seconds to wait; 0 if the cost was taken."""


class SharedRateStore(Protocol):
    """Counts for all processes together."""

    @property
    def is_up(self) -> bool:
        """Whether the store answered last time."""

    async def take(self, key: str, rate: Rate, cost: int) -> RateResult | None:
        """Takes `cost` from a rate; None if the store does not answer in time."""


class RateLimiter:
    """Takes from buckets: for all processes if their shared store answers, otherwise in this process."""

    def __init__(self, shared: SharedRateStore | None = None, *, clock: Callable[[], float] = monotonic) -> None:
        """Takes the optional store, and a clock in seconds that is never set back."""
        self._shared = shared
        self.is_local = shared is None
        """Whether this process always counts alone, so that no store is asked."""
        self.clock = clock

    def take(self, bucket: Bucket, cost: int) -> float | Awaitable[float]:
        """Takes `cost` from a bucket: 0 if it was taken, otherwise the seconds to wait, infinity for never.

        Refuses without a call what exceeds the limit in this process alone: other processes can only have taken more.
        """
        now = self.clock()
        if self._shared is None or not self._shared.is_up:
            return bucket.take(cost, now)
        return bucket.compute_wait(cost, now) or self._take_shared(self._shared, bucket, cost)

    async def _take_shared(self, shared: SharedRateStore, bucket: Bucket, cost: int) -> float:
        taken = await shared.take(bucket.key, bucket.rate, cost)
        now = self.clock()
        if taken is None:
            return bucket.take(cost, now)
        bucket.full_at = now + taken.full_in
        return max(taken.wait, _EPSILON) if taken.is_refused else 0.0

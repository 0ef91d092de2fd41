"""Rates: how much may be taken in how long, by the generic cell rate algorithm (GCRA; ITU-T I.371, annex A).

What is full gives all at once and fills evenly. One number says how full: the moment at which it will be full again.

In this process the algorithm is written out here. throttled-py's own store takes 1.6 microseconds a look, and two looks
a request are 4 % of a small one; this takes a fifth of that, and tests hold it to the library's answers. For all
processes together the library's script is what counts (`cache/limits/redis_counters.py`), and the buckets here follow
what it says: where Redis goes, counting goes on from what was known last.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from math import ceil, inf
from time import monotonic
from typing import Generic, NamedTuple, Protocol, TypeVar

MAX_OWNERS = 50_000
"""Owners whose buckets are remembered, some 600 bytes each: 30 MB at most for one kind of caller."""
_EVICTION_TRIES = 4
_EPSILON = 1e-9
"""Below this, times and shares are the same: what is left of a rate must not be one less for a rounding."""


class BucketOwner(Protocol):
    """Owns buckets."""

    def is_full(self) -> bool:
        """Whether they are full, so that nothing is lost with them."""


T = TypeVar("T", bound=BucketOwner)


@dataclass(frozen=True, slots=True)
class Rate:
    """So much in so many seconds."""

    amount: int
    seconds: float = 60.0
    interval: float = field(init=False)
    """Seconds in which one fills in."""

    def __post_init__(self) -> None:
        """Refuse what gives nothing."""
        if self.amount < 1 or self.seconds <= 0:
            raise ValueError(f"A rate of {self.amount} in {self.seconds:g} s gives nothing. Write 1 or more.")
        object.__setattr__(self, "interval", self.seconds / self.amount)


class Bucket:
    """What one owner has left of one rate."""

    __slots__ = ("full_at", "key", "rate")

    def __init__(self, key: str, rate: Rate) -> None:
        """Be full. `key` is what all processes call it; it tells nobody who the owner is."""
        self.key = key
        self.rate = rate
        self.full_at = 0.0
        """On the clock of whoever asks."""

    def compute_wait(self, cost: int, now: float) -> float:
        """Seconds until so much can be taken; 0 for at once, infinity for never."""
        rate = self.rate
        if cost > rate.amount:
            return inf
        wait = max(self.full_at, now) + cost * rate.interval - now - rate.seconds
        return wait if wait > _EPSILON else 0.0

    def take(self, cost: int, now: float) -> float:
        """Take so much; as `compute_wait`, and nothing is taken where it is not 0."""
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
        """How much could be taken at once, and whole seconds until it is full."""
        full_in = self.full_at - now
        if full_in <= 0:
            return self.rate.amount, 0
        return int((self.rate.seconds - full_in) / self.rate.interval + _EPSILON), ceil(full_in)

    def __repr__(self) -> str:
        """The rate, never whose."""
        return f"<Bucket of {self.rate.amount} in {self.rate.seconds:g} s>"


class OwnerRegistry(Generic[T]):
    """What is known of many owners of buckets, as many as fit.

    Where more come, whose buckets are full again is forgotten first; where nobody's are, the oldest are. So who comes
    from ever new addresses can make the hub forget what others like them have taken, and never more than that: each
    kind of caller has owners of its own.
    """

    def __init__(self, factory: Callable[[str], T], *, max_owners: int = MAX_OWNERS) -> None:
        """Take what makes an owner out of a name."""
        self._factory = factory
        self._max_owners = max_owners
        self._owners: dict[str, T] = {}

    def get_or_create(self, name: str) -> T:
        """The owner of this name."""
        found = self._owners.get(name)
        if found is None:
            self._make_room()
            found = self._owners[name] = self._factory(name)
        return found

    def find(self, name: str) -> T | None:
        """The owner of this name, where anything is known of it."""
        return self._owners.get(name)

    def _make_room(self) -> None:
        """Look at a few of the oldest only: no request waits while thousands are looked at."""
        for _ in range(_EVICTION_TRIES):
            if len(self._owners) < self._max_owners:
                return
            name = next(iter(self._owners))
            owner = self._owners.pop(name)
            if not owner.is_full():
                self._owners[name] = owner  # behind all the others
        while len(self._owners) >= self._max_owners:
            del self._owners[next(iter(self._owners))]

    def __len__(self) -> int:
        return len(self._owners)

    def __repr__(self) -> str:
        """How many, never who."""
        return f"<Owners {len(self._owners)}>"


class RateResult(NamedTuple):
    """What all processes together say to somebody who takes."""

    is_refused: bool
    full_in: float
    """Seconds."""
    wait: float
    """Seconds; 0 where it was taken."""


class SharedRateStore(Protocol):
    """Counts for all processes together."""

    @property
    def is_up(self) -> bool:
        """Whether it is worth asking."""

    async def take(self, key: str, rate: Rate, cost: int) -> RateResult | None:
        """Take so much; None where nobody answers in time."""


class RateLimiter:
    """Takes from buckets: for all processes together where they share a store that answers, else in this one."""

    def __init__(self, shared: SharedRateStore | None = None, *, clock: Callable[[], float] = monotonic) -> None:
        """Take the store, if there is one, and a clock in seconds that is never set back."""
        self._shared = shared
        self.is_local = shared is None
        """Whether this process counts alone for good, so that nobody has to be asked."""
        self.clock = clock

    def take(self, bucket: Bucket, cost: int) -> float | Awaitable[float]:
        """Take so much of it: 0 where it was taken, else the seconds to wait for it, infinity for never.

        What this process knows to be too much is refused without a question: the others can only have taken more.
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

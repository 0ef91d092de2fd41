"""What each caller has left of their rates: asked for with every request, told with every answer.

Callers are limited by who they are: people by their number, applications by their client, nobody in particular by the
address. The header fields are those of draft-ietf-httpapi-ratelimit-headers-10; `w` and `t` are seconds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from functools import cache
from math import ceil, isinf
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Scope

from auth.caller import Caller, CallerKind
from auth.rate_keys import RateKeys
from cache.rates import Bucket, Owners, Rates
from engine.limits import TooLarge
from web.client_address import ClientAddresses
from web.rate_table import CallerRates
from web.refusals import Code, Refusal

FIELDS: Final = ("RateLimit-Policy", "RateLimit")
_APPLICATIONS: Final = frozenset({CallerKind.PARTNER, CallerKind.AGENCY_SYSTEM})


class Allowance:
    """What one caller may take; the engine's purse for each of their requests."""

    __slots__ = ("_asked_fresh", "_asked_points", "_fresh", "_of_kind", "_points", "_rates", "_requests")

    def __init__(self, rates: Rates, of_kind: CallerRates, key: str) -> None:
        """Take who counts, what callers of this kind may do, and what the caller is called where it is counted."""
        self._rates = rates
        self._requests = Bucket(f"{key}:requests", of_kind.requests)
        self._points = Bucket(f"{key}:points", of_kind.points)
        self._fresh = Bucket(f"{key}:fresh", of_kind.fresh)
        self._asked_points = False
        self._asked_fresh = False
        self._of_kind = of_kind

    def enter(self) -> Awaitable[None] | None:
        """Count a request, to be awaited where others are asked; raises `Refusal` where it is one too many."""
        rates = self._rates
        waiting = self._requests.take(1, rates.clock()) if rates.alone else rates.take(self._requests, 1)
        if not isinstance(waiting, float):
            return self._entered(waiting)
        if waiting:
            raise _too_many(self._requests, waiting)
        return None

    def freshen(self) -> Awaitable[None] | None:
        """Count a request that says how old what is used may be, as `enter`: agencies are asked for it anew."""
        self._asked_fresh = True
        rates = self._rates
        waiting = self._fresh.take(1, rates.clock()) if rates.alone else rates.take(self._fresh, 1)
        if not isinstance(waiting, float):
            return self._freshened(waiting)
        if waiting:
            raise _too_fresh(self._fresh, waiting)
        return None

    def spend(self, points: int) -> Awaitable[None] | None:
        """Pay so many points, as `enter`. Raises `TooLarge` for more than there ever are, else `Refusal`."""
        self._asked_points = True
        rates = self._rates
        waiting = self._points.take(points, rates.clock()) if rates.alone else rates.take(self._points, points)
        if not isinstance(waiting, float):
            return self._paid(waiting, points)
        if waiting:
            raise _too_dear(self._points, waiting, points)
        return None

    async def _entered(self, waiting: Awaitable[float]) -> None:
        if seconds := await waiting:
            raise _too_many(self._requests, seconds)

    async def _freshened(self, waiting: Awaitable[float]) -> None:
        if seconds := await waiting:
            raise _too_fresh(self._fresh, seconds)

    async def _paid(self, waiting: Awaitable[float], points: int) -> None:
        if seconds := await waiting:
            raise _too_dear(self._points, seconds, points)

    def fields(self) -> bytes:
        """The header lines that tell the rates and what is left; of what this process was asked for."""
        now = self._rates.clock()
        left: tuple[int, ...] = self._requests.left(now)
        if self._asked_points:
            left += self._points.left(now)
        if self._asked_fresh:
            left += self._fresh.left(now)
        return _fields(self._of_kind, self._asked_points, self._asked_fresh) % left

    def rests(self) -> bool:
        """Whether nothing is taken, so that nothing is lost where it is forgotten."""
        now = self._rates.clock()
        return max(self._requests.full_at, self._points.full_at, self._fresh.full_at) <= now

    def __repr__(self) -> str:
        """The rates, never whose."""
        return f"<Allowance {self._requests!r}, {self._points!r}, {self._fresh!r}>"


class Allowances:
    """The allowances of all callers of this process."""

    def __init__(
        self, table: Mapping[CallerKind, CallerRates], *, rates: Rates, keys: RateKeys, addresses: ClientAddresses
    ) -> None:
        """Take what each kind may do, who counts it, and how callers are called there; who is in no line may all."""

        def owners(kind: CallerKind, of_kind: CallerRates) -> Owners[Allowance]:
            return Owners(lambda name: Allowance(rates, of_kind, keys(kind.value, name)))

        self._addresses = addresses
        self._kinds = {kind: owners(kind, of_kind) for kind, of_kind in table.items()}

    def of(self, caller: Caller, scope: Scope, headers: Headers) -> Allowance | None:
        """What this caller may take; None where nothing limits them."""
        owners = self._kinds.get(caller.kind)
        if owners is None:
            return None
        return owners.of(_owner(caller) or self._addresses.of(scope, headers))

    def of_address(self, scope: Scope, headers: Headers) -> Allowance | None:
        """What whoever comes from there may take, without a look at who they are."""
        owners = self._kinds.get(CallerKind.ANONYMOUS)
        return None if owners is None else owners.of(self._addresses.of(scope, headers))

    def __repr__(self) -> str:
        """Which kinds are limited."""
        return f"<Allowances of {', '.join(each.value for each in self._kinds)}>"


def _owner(caller: Caller) -> str | None:
    """Whose the rates are; None for nobody in particular."""
    if caller.kind in _APPLICATIONS:
        return caller.client
    return caller.nik or caller.nib or caller.subject or caller.client


@cache
def _fields(of_kind: CallerRates, with_points: bool, with_fresh: bool) -> bytes:  # noqa: FBT001 - a key of the cache
    """The header lines, as a form to be filled in."""
    told = {"requests": True, "points": with_points, "fresh": with_fresh}
    rates = {name: rate for name, rate in of_kind._asdict().items() if name == "points" or told[name]}
    policy = ", ".join(f'"{name}";q={rate.amount};w={rate.seconds:.0f}' for name, rate in rates.items())
    left = ", ".join(f'"{name}";r=%d;t=%d' for name in rates if told[name])
    return f"ratelimit-policy: {policy}\r\nratelimit: {left}\r\n".encode("ascii")


def _too_many(bucket: Bucket, seconds: float) -> Refusal:
    rate = bucket.rate
    return rate_limited(f"More than {rate.amount} requests in {rate.seconds:.0f} s.", seconds)


def _too_fresh(bucket: Bucket, seconds: float) -> Refusal:
    rate = bucket.rate
    return rate_limited(
        f"More than {rate.amount} requests for fresh data in {rate.seconds:.0f} s. Ask without"
        f" 'Cache-Control: no-cache' and 'max-age', or later.",
        seconds,
    )


def _too_dear(bucket: Bucket, seconds: float, points: int) -> Refusal | TooLarge:
    rate = bucket.rate
    if isinf(seconds):
        return TooLarge(
            f"The operation is expected to cost {points} points; a caller of this kind never has more than"
            f" {rate.amount}. Ask for shorter lists, or in several operations."
        )
    return rate_limited(
        f"The operation is expected to cost {points} points, more than are left of {rate.amount} in"
        f" {rate.seconds:.0f} s.",
        seconds,
    )


def rate_limited(what: str, seconds: float) -> Refusal:
    """The refusal of whoever has to wait so many seconds."""
    after = max(ceil(seconds), 1)
    return Refusal(Code.RATE_LIMITED, f"{what} Try again in {after} s.", headers={"Retry-After": f"{after}"})

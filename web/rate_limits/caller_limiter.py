"""The rates of each caller: checked with every request, reported with every response.

People are limited by their NIK, applications by their client, and unidentified callers by their address. The header
fields are those of draft-ietf-httpapi-ratelimit-headers-10; `w` and `t` are seconds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from functools import cache
from math import ceil, isinf
from typing import Final, Protocol

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from auth.caller import Caller, CallerKind
from auth.crypto.rate_keys import RateKeys
from cache.limits.rate_limiter import Bucket, OwnerRegistry, RateLimiter, take_from_both
from engine.document.limits import TooLarge
from records.plurals import count_noun
from web.client_address import ClientAddresses
from web.http_error_responses import build_error_response
from web.http_errors import HttpError, HttpErrorCode
from web.rate_limits.rate_table import CallerRates

RATE_LIMIT_HEADERS: Final = ("RateLimit-Policy", "RateLimit")
UNLIMITED_PATHS: Final = ("/health/", "/v2/", "/metrics")
"""Monitoring is never refused. The Data Tracker (`/v2/`) is counted as the client that its token proves."""
_APPLICATIONS: Final = frozenset({CallerKind.PARTNER, CallerKind.AGENCY_SYSTEM})


class CallerLimits(Protocol):
    """The limits of one caller; also the engine's budget for each of their requests."""

    @property
    def is_local(self) -> bool:
        """Whether this process counts alone, so that nothing has to be awaited."""

    def take_request(self) -> Awaitable[None] | None:
        """Count a request; an awaitable if a shared store is asked. Raises `HttpError` if the rate is exceeded."""

    def take_fresh_request(self) -> Awaitable[None] | None:
        """Count a request that sets a maximum age of cached answers, like `take_request`."""

    def spend(self, points: int, /) -> Awaitable[None] | None:
        """Pay points, like `take_request`. Raises `TooLarge` for more than the rate ever allows, else `HttpError`."""

    def pay(self, points: int, /) -> bool:
        """Count a request and pay its points, if this process counts alone; False, with no effect, if one exceeds."""

    def build_header_lines(self) -> bytes:
        """The header lines with the rates and what is left of them."""


class CallerLimiter(Protocol):
    """Finds the limits of each caller."""

    def find_address_key(self, scope: Scope, headers: Headers) -> str:
        """The name of an unidentified caller at this address. Equal for equal heads on one connection."""

    def for_address_key(self, key: str) -> CallerLimits:
        """The limits of an unidentified caller of this name."""

    def for_caller(self, caller: Caller, scope: Scope, headers: Headers) -> CallerLimits:
        """The limits of this caller."""

    def for_address(self, scope: Scope, headers: Headers) -> CallerLimits:
        """The limits of an unidentified caller at this address."""


class NoCallerLimits:
    """The limits of a caller without limits."""

    is_local = True

    def take_request(self) -> None:
        """Count nothing."""

    def take_fresh_request(self) -> None:
        """Count nothing."""

    def spend(self, points: int, /) -> None:
        """Charge nothing."""

    def pay(self, points: int, /) -> bool:  # noqa: ARG002 - as the protocol
        """Charge nothing."""
        return True

    def build_header_lines(self) -> bytes:
        """No header lines."""
        return b""


NO_LIMITS: Final = NoCallerLimits()


class NoCallerLimiter:
    """Sets no limits."""

    def find_address_key(self, scope: Scope, headers: Headers) -> str:  # noqa: ARG002 - as the protocol
        """No name is needed."""
        return ""

    def for_address_key(self, key: str) -> CallerLimits:  # noqa: ARG002 - as the protocol
        """No limits."""
        return NO_LIMITS

    def for_caller(self, caller: Caller, scope: Scope, headers: Headers) -> CallerLimits:  # noqa: ARG002 - as the protocol
        """No limits."""
        return NO_LIMITS

    def for_address(self, scope: Scope, headers: Headers) -> CallerLimits:  # noqa: ARG002 - as the protocol
        """No limits."""
        return NO_LIMITS


NO_LIMITER: Final = NoCallerLimiter()


async def charge_request(limits: CallerLimits) -> None:
    """Count a request against the limits of its caller. Raises `HttpError` (RATE_LIMITED) if the rate is exceeded."""
    if (pending := limits.take_request()) is not None:
        await pending


class BucketCallerLimits:
    """The limits of one caller, as buckets: `CallerLimits`."""

    __slots__ = (
        "_caller_rates",
        "_fresh",
        "_has_spent_points",
        "_has_taken_fresh",
        "_limiter",
        "_points",
        "_requests",
        "_template",
        "is_local",
    )

    def __init__(self, limiter: RateLimiter, caller_rates: CallerRates, key: str) -> None:
        """`key` names the caller in the shared store."""
        self.is_local = limiter.is_local
        self._limiter = limiter
        self._requests = Bucket(f"{key}:requests", caller_rates.requests)
        self._points = Bucket(f"{key}:points", caller_rates.points)
        self._fresh = Bucket(f"{key}:fresh", caller_rates.fresh)
        self._has_spent_points = False
        self._has_taken_fresh = False
        self._caller_rates = caller_rates
        self._template = _build_header_template(caller_rates, with_points=False, with_fresh=False)
        """Of the header lines. It changes twice at most; as a key, the rates would be hashed for each request."""

    def take_request(self) -> Awaitable[None] | None:
        """Count a request; an awaitable if a shared store is asked. Raises `HttpError` if the rate is exceeded."""
        limiter = self._limiter
        wait_seconds = self._requests.take(1, limiter.clock()) if limiter.is_local else limiter.take(self._requests, 1)
        if not isinstance(wait_seconds, float):
            return self._await_request(wait_seconds)
        if wait_seconds:
            raise _build_too_many_requests_error(self._requests, wait_seconds)
        return None

    def take_fresh_request(self) -> Awaitable[None] | None:
        """Count a request that sets a maximum age, like `take_request`: it causes new calls to agencies."""
        if not self._has_taken_fresh:
            self._has_taken_fresh = True
            self._update_template()
        limiter = self._limiter
        wait_seconds = self._fresh.take(1, limiter.clock()) if limiter.is_local else limiter.take(self._fresh, 1)
        if not isinstance(wait_seconds, float):
            return self._await_fresh_request(wait_seconds)
        if wait_seconds:
            raise _build_too_many_fresh_error(self._fresh, wait_seconds)
        return None

    def spend(self, points: int) -> Awaitable[None] | None:
        """Pay points, like `take_request`. Raises `TooLarge` for more than the rate ever allows, else `HttpError`."""
        if not self._has_spent_points:
            self._has_spent_points = True
            self._update_template()
        limiter = self._limiter
        wait_seconds = (
            self._points.take(points, limiter.clock()) if limiter.is_local else limiter.take(self._points, points)
        )
        if not isinstance(wait_seconds, float):
            return self._await_points(wait_seconds, points)
        if wait_seconds:
            raise _build_too_expensive_error(self._points, wait_seconds, points)
        return None

    def pay(self, points: int) -> bool:
        """Count a request and pay its points, if this process counts alone; False, with no effect, if one exceeds."""
        if not take_from_both(self._requests, self._points, points, self._limiter.clock()):
            return False
        if not self._has_spent_points:
            self._has_spent_points = True
            self._update_template()
        return True

    async def _await_request(self, waiting: Awaitable[float]) -> None:
        if seconds := await waiting:
            raise _build_too_many_requests_error(self._requests, seconds)

    async def _await_fresh_request(self, waiting: Awaitable[float]) -> None:
        if seconds := await waiting:
            raise _build_too_many_fresh_error(self._fresh, seconds)

    async def _await_points(self, waiting: Awaitable[float], points: int) -> None:
        if seconds := await waiting:
            raise _build_too_expensive_error(self._points, seconds, points)

    def build_header_lines(self) -> bytes:
        """The header lines with the rates and what is left of them, as this process counts them."""
        now = self._limiter.clock()
        left: tuple[int, ...] = self._requests.compute_remaining(now)
        if self._has_spent_points:
            left += self._points.compute_remaining(now)
        if self._has_taken_fresh:
            left += self._fresh.compute_remaining(now)
        return self._template % left

    def _update_template(self) -> None:
        self._template = _build_header_template(
            self._caller_rates, with_points=self._has_spent_points, with_fresh=self._has_taken_fresh
        )

    def is_full(self) -> bool:
        """Whether nothing is used up, so that this object can be dropped without loss."""
        now = self._limiter.clock()
        return max(self._requests.full_at, self._points.full_at, self._fresh.full_at) <= now

    def __repr__(self) -> str:
        """The rates, without the caller."""
        return f"<BucketCallerLimits {self._requests!r}, {self._points!r}, {self._fresh!r}>"


class BucketCallerLimiter:
    """The buckets of all callers of this process: `CallerLimiter`."""

    def __init__(
        self,
        table: Mapping[CallerKind, CallerRates],
        *,
        limiter: RateLimiter,
        keys: RateKeys,
        addresses: ClientAddresses,
    ) -> None:
        """`table` has the rates of each kind of caller, `keys` name buckets; a kind without rates is unlimited."""

        def owners(kind: CallerKind, of_kind: CallerRates) -> OwnerRegistry[BucketCallerLimits]:
            return OwnerRegistry(lambda name: BucketCallerLimits(limiter, of_kind, keys(kind.value, name)))

        self._addresses = addresses
        self._kinds = {kind: owners(kind, of_kind) for kind, of_kind in table.items()}
        self._unidentified = self._kinds.get(CallerKind.ANONYMOUS)

    def for_caller(self, caller: Caller, scope: Scope, headers: Headers) -> CallerLimits:
        """The limits of this caller."""
        owners = self._kinds.get(caller.kind)
        if owners is None:
            return NO_LIMITS
        if caller.kind in _APPLICATIONS:
            owner: str | None = caller.client
        else:
            owner = caller.nik or caller.nib or caller.subject or caller.client
        return owners.get_or_create(owner or self._addresses.find_limit_key(scope, headers))

    def for_address(self, scope: Scope, headers: Headers) -> CallerLimits:
        """The limits of an unidentified caller at this address."""
        return self.for_address_key(self.find_address_key(scope, headers))

    def find_address_key(self, scope: Scope, headers: Headers) -> str:
        """The name of an unidentified caller at this address. Equal for equal heads on one connection."""
        return self._addresses.find_limit_key(scope, headers)

    def for_address_key(self, key: str) -> CallerLimits:
        """The limits of an unidentified caller of this name."""
        owners = self._unidentified
        return NO_LIMITS if owners is None else owners.get_or_create(key)

    def __repr__(self) -> str:
        """The limited kinds of callers."""
        return f"<BucketCallerLimiter of {', '.join(each.value for each in self._kinds)}>"


class AddressLimitMiddleware:
    """ASGI middleware: counts requests besides `/graphql` (pages, their files, unknown paths) by client address."""

    def __init__(self, app: ASGIApp, *, caller_limiter: CallerLimiter) -> None:
        self._app = app
        self._caller_limiter = caller_limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] == "http" and not scope["path"].startswith(UNLIMITED_PATHS):
            try:
                await charge_request(self._caller_limiter.for_address(scope, Headers(scope=scope)))
            except HttpError as refusal:
                await build_error_response(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)


@cache
def _build_header_template(caller_rates: CallerRates, *, with_points: bool, with_fresh: bool) -> bytes:
    """The header lines, as a template."""
    is_shown = {"requests": True, "points": with_points, "fresh": with_fresh}
    rates = {name: rate for name, rate in caller_rates._asdict().items() if name == "points" or is_shown[name]}
    policy = ", ".join(f'"{name}";q={rate.amount};w={rate.seconds:.0f}' for name, rate in rates.items())
    left = ", ".join(f'"{name}";r=%d;t=%d' for name in rates if is_shown[name])
    return f"ratelimit-policy: {policy}\r\nratelimit: {left}\r\n".encode("ascii")


def _build_too_many_requests_error(bucket: Bucket, seconds: float) -> HttpError:
    rate = bucket.rate
    return build_rate_limited_error(f"More than {count_noun(rate.amount, 'request')} in {rate.seconds:.0f} s.", seconds)


def _build_too_many_fresh_error(bucket: Bucket, seconds: float) -> HttpError:
    rate = bucket.rate
    return build_rate_limited_error(
        f"More than {count_noun(rate.amount, 'request')} for fresh data in {rate.seconds:.0f} s. Send the request"
        " without 'Cache-Control: no-cache' and 'max-age', or later.",
        seconds,
    )


def _build_too_expensive_error(bucket: Bucket, seconds: float, points: int) -> HttpError | TooLarge:
    rate = bucket.rate
    if isinf(seconds):
        return TooLarge(
            f"The operation is expected to cost {count_noun(points, 'point')}; a caller of this kind never has more"
            f" than {rate.amount}. Request shorter lists, or use several operations."
        )
    return build_rate_limited_error(
        f"The operation is expected to cost {count_noun(points, 'point')}, more than are left of {rate.amount} in"
        f" {rate.seconds:.0f} s.",
        seconds,
    )


def build_rate_limited_error(reason: str, seconds: float) -> HttpError:
    """The refusal of a caller, with the seconds until a new attempt."""
    after = max(ceil(seconds), 1)
    return HttpError(
        HttpErrorCode.RATE_LIMITED, f"{reason} Try again in {after} s.", headers={"Retry-After": f"{after}"}
    )

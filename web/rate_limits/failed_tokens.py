"""Failed tokens, counted by the address they came from, so that guessing is slow.

After too many of them, the address may send only tokens that were verified before: if clients share an address, one of
them must not sign the others out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, Protocol

from starlette.datastructures import Headers
from starlette.types import Scope

from auth.crypto.rate_keys import RateKeys
from cache.limits.rate_limiter import Bucket, OwnerRegistry, Rate, RateLimiter
from web.client_address import ClientAddresses
from web.http_errors import HttpError
from web.rate_limits.caller_limiter import build_rate_limited_error

WasVerified = Callable[[str], bool]
"""Whether the value of `Authorization` was verified before."""


class FailedTokenCounter(Protocol):
    """Counts tokens that fail verification, by address."""

    def check(self, authorization: str, scope: Scope, headers: Headers) -> None:
        """Check that a token may be verified; raises `HttpError` if its address sent too many failed ones."""

    def count(self, scope: Scope, headers: Headers) -> Awaitable[None] | None:
        """Count a failed token; an awaitable if a shared store is asked. Raises like `check`."""


class NoFailedTokens:
    """Counts nothing: every token is verified."""

    def check(self, authorization: str, scope: Scope, headers: Headers) -> None:
        """Every token may be verified."""

    def count(self, scope: Scope, headers: Headers) -> None:
        """Count nothing."""


NO_FAILED_TOKENS: Final = NoFailedTokens()


class _AddressFailures(NamedTuple):
    """An address that sent failed tokens."""

    limiter: RateLimiter
    bucket: Bucket

    def is_full(self) -> bool:
        return self.bucket.full_at <= self.limiter.clock()


class FailedTokens:
    """Counts failed tokens."""

    def __init__(
        self, rate: Rate, *, limiter: RateLimiter, keys: RateKeys, addresses: ClientAddresses, was_verified: WasVerified
    ) -> None:
        """Takes the limit of an address, the counters, and the check for tokens that were verified before."""
        self._limiter = limiter
        self._addresses = addresses
        self._was_verified = was_verified
        self._failed = OwnerRegistry(
            lambda address: _AddressFailures(limiter, Bucket(keys("failed-tokens", address), rate))
        )

    def check(self, authorization: str, scope: Scope, headers: Headers) -> None:
        """Check that a token may be verified.

        Raises:
            HttpError: RATE_LIMITED, if the address sent too many failed tokens and this one was never verified.

        """
        if not len(self._failed):
            return
        address = self._failed.find(self._addresses.find_limit_key(scope, headers))
        if address is None or not (seconds := address.bucket.compute_wait(1, self._limiter.clock())):
            return
        if not self._was_verified(authorization):
            raise _build_too_many_tokens_error(address.bucket.rate, seconds)

    def count(self, scope: Scope, headers: Headers) -> Awaitable[None] | None:
        """Count a failed token; an awaitable if a shared store is asked. Raises like `check`."""
        bucket = self._failed.get_or_create(self._addresses.find_limit_key(scope, headers)).bucket
        waiting = self._limiter.take(bucket, 1)
        if not isinstance(waiting, float):
            return self._await_count(waiting, bucket.rate)
        if waiting:
            raise _build_too_many_tokens_error(bucket.rate, waiting)
        return None

    async def _await_count(self, waiting: Awaitable[float], rate: Rate) -> None:
        if seconds := await waiting:
            raise _build_too_many_tokens_error(rate, seconds)


def _build_too_many_tokens_error(rate: Rate, seconds: float) -> HttpError:
    return build_rate_limited_error(
        f"More than {rate.amount} invalid tokens came from this address in {rate.seconds:.0f} s, so new tokens are not"
        " verified.",
        seconds,
    )

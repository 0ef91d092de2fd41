"""Tokens that proved nobody, counted by the address they came from: guessing has to be slow.

From an address that sent too many of them, no token is looked at any more but those that proved somebody before: where
many share an address, one of them must not sign the others out.
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
"""Whether the value of `Authorization` proved somebody before."""


class FailedTokenCounter(Protocol):
    """Counts tokens that fail verification, by address."""

    def check(self, authorization: str, scope: Scope, headers: Headers) -> None:
        """Let pass a token that may be verified; raises `HttpError` where its address sent too many."""

    def count(self, scope: Scope, headers: Headers) -> Awaitable[None] | None:
        """Count one that failed, to be awaited where others are asked; raises as `check`."""


class NoFailedTokens:
    """Counts nothing: every token is verified."""

    def check(self, authorization: str, scope: Scope, headers: Headers) -> None:
        """Every token may be verified."""

    def count(self, scope: Scope, headers: Headers) -> None:
        """Nothing is counted."""


NO_FAILED_TOKENS: Final = NoFailedTokens()


class _AddressFailures(NamedTuple):
    """One address that sent some."""

    rates: RateLimiter
    bucket: Bucket

    def is_full(self) -> bool:
        return self.bucket.full_at <= self.rates.clock()


class FailedTokens:
    """Counts tokens that proved nobody."""

    def __init__(
        self, rate: Rate, *, rates: RateLimiter, keys: RateKeys, addresses: ClientAddresses, was_verified: WasVerified
    ) -> None:
        """Take how many an address may send, who counts, and who knows tokens again."""
        self._rates = rates
        self._addresses = addresses
        self._was_verified = was_verified
        self._failed = OwnerRegistry(
            lambda address: _AddressFailures(rates, Bucket(keys("failed-tokens", address), rate))
        )

    def check(self, authorization: str, scope: Scope, headers: Headers) -> None:
        """Let pass a token that may be looked at.

        Raises:
            Refusal: RATE_LIMITED, where the address sent too many and this one never proved anybody.

        """
        if not len(self._failed):
            return
        address = self._failed.find(self._addresses.find_limit_key(scope, headers))
        if address is None or not (seconds := address.bucket.compute_wait(1, self._rates.clock())):
            return
        if not self._was_verified(authorization):
            raise _build_too_many_tokens_error(address.bucket.rate, seconds)

    def count(self, scope: Scope, headers: Headers) -> Awaitable[None] | None:
        """Count one that proved nobody, to be awaited where others are asked; raises as `check`."""
        bucket = self._failed.get_or_create(self._addresses.find_limit_key(scope, headers)).bucket
        waiting = self._rates.take(bucket, 1)
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
        f"More than {rate.amount} tokens in {rate.seconds:.0f} s from this address proved nobody, so no new one is"
        " looked at.",
        seconds,
    )

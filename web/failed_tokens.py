"""Tokens that proved nobody, counted by the address they came from: guessing has to be slow.

From an address that sent too many of them, no token is looked at any more but those that proved somebody before: where
many share an address, one of them must not sign the others out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.types import Scope

from auth.rate_keys import RateKeys
from cache.rates import Bucket, Owners, Rate, Rates
from web.allowances import rate_limited
from web.client_address import ClientAddresses
from web.refusals import Refusal

Proved = Callable[[str], bool]
"""Whether the value of `Authorization` proved somebody before."""


class _Address(NamedTuple):
    """One address that sent some."""

    rates: Rates
    bucket: Bucket

    def rests(self) -> bool:
        return self.bucket.full_at <= self.rates.clock()


class FailedTokens:
    """Counts tokens that proved nobody."""

    def __init__(self, rate: Rate, *, rates: Rates, keys: RateKeys, addresses: ClientAddresses, proved: Proved) -> None:
        """Take how many an address may send, who counts, and who knows tokens again."""
        self._rates = rates
        self._addresses = addresses
        self._proved = proved
        self._failed = Owners(lambda address: _Address(rates, Bucket(keys("failed-tokens", address), rate)))

    def check(self, authorization: str, scope: Scope, headers: Headers) -> None:
        """Let pass a token that may be looked at.

        Raises:
            Refusal: RATE_LIMITED, where the address sent too many and this one never proved anybody.

        """
        if not len(self._failed):
            return
        address = self._failed.known(self._addresses.of(scope, headers))
        if address is None or not (seconds := address.bucket.wait(1, self._rates.clock())):
            return
        if not self._proved(authorization):
            raise _too_many(address.bucket.rate, seconds)

    def count(self, scope: Scope, headers: Headers) -> Awaitable[None] | None:
        """Count one that proved nobody, to be awaited where others are asked; raises as `check`."""
        bucket = self._failed.of(self._addresses.of(scope, headers)).bucket
        waiting = self._rates.take(bucket, 1)
        if not isinstance(waiting, float):
            return self._counted(waiting, bucket.rate)
        if waiting:
            raise _too_many(bucket.rate, waiting)
        return None

    async def _counted(self, waiting: Awaitable[float], rate: Rate) -> None:
        if seconds := await waiting:
            raise _too_many(rate, seconds)


def _too_many(rate: Rate, seconds: float) -> Refusal:
    return rate_limited(
        f"More than {rate.amount} tokens in {rate.seconds:.0f} s from this address proved nobody, so no new one is"
        " looked at.",
        seconds,
    )

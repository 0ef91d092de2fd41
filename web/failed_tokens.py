"""Tokens that proved nobody, counted by the address they came from: guessing has to be slow.

From an address that sent too many of them, no token is looked at any more but those that proved somebody a moment ago:
where many share an address, one of them must not sign the others out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.types import Scope

from auth.caller import Caller
from auth.rate_keys import RateKeys
from cache.rates import Bucket, Owners, Rate, Rates
from web.allowances import rate_limited
from web.client_address import ClientAddresses
from web.refusals import Refusal

Known = Callable[[str, str | None], Caller | None]
"""From the value of `Authorization` and a certificate's thumbprint to whom they proved a moment ago."""


class _Address(NamedTuple):
    """One address that sent some."""

    rates: Rates
    bucket: Bucket

    def rests(self) -> bool:
        return self.bucket.full_at <= self.rates.clock()


class FailedTokens:
    """Counts tokens that proved nobody."""

    def __init__(
        self, rate: Rate, *, rates: Rates, keys: RateKeys, addresses: ClientAddresses, known: Known | None = None
    ) -> None:
        """Take how many an address may send, who counts, and who knows tokens again."""
        self._rates = rates
        self._addresses = addresses
        self._known = known
        self._failed = Owners(lambda address: _Address(rates, Bucket(keys("failed-tokens", address), rate)))

    def known(self, authorization: str, certificate: str | None, scope: Scope, headers: Headers) -> Caller | None:
        """Whom a token is known to prove, where no other is looked at; None where it may be looked at.

        Raises:
            Refusal: RATE_LIMITED, where it may not and is not known.

        """
        if not len(self._failed):
            return None
        address = self._failed.known(self._addresses.of(scope, headers))
        if address is None or not (seconds := address.bucket.wait(1, self._rates.clock())):
            return None
        caller = None if self._known is None else self._known(authorization, certificate)
        if caller is None:
            raise _too_many(address.bucket.rate, seconds)
        return caller

    def count(self, scope: Scope, headers: Headers) -> Awaitable[None] | None:
        """Count one that proved nobody, to be awaited where others are asked; raises as `known`."""
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

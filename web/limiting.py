"""What limits callers, put together: rates, tokens that prove nobody, and where both are counted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.types import Lifespan

from auth.caller import CallerKind
from auth.rate_keys import RateKeys
from cache.rates import Rate, Rates
from cache.shared import SharedCounts
from web.allowances import Allowances
from web.client_address import ClientAddresses
from web.failed_tokens import FailedTokens, Proved
from web.health import LimitsState
from web.rate_table import CallerRates


@dataclass(frozen=True, slots=True, kw_only=True)
class Limiting:
    """What there is of it."""

    allowances: Allowances | None
    failed_tokens: FailedTokens | None
    shared: SharedCounts | None
    """Where processes count together."""

    @property
    def state(self) -> LimitsState | None:
        """Who counts; None where processes share no store."""
        if self.shared is None:
            return None
        return LimitsState.TOGETHER if self.shared.up else LimitsState.ALONE

    def during(self, lifespan: Lifespan[Starlette]) -> Lifespan[Starlette]:
        """The lifespan, in which processes count together where they share a store."""
        shared = self.shared
        if shared is None:
            return lifespan

        @asynccontextmanager
        async def both(app: Starlette) -> AsyncIterator[None]:
            await shared.start()
            try:
                async with lifespan(app):
                    yield
            finally:
                await shared.close()

        return both


def limiting(
    *,
    table: Mapping[CallerKind, CallerRates],
    failed_tokens: int,
    redis: str | None,
    secret: bytes,
    trusted_proxies: Collection[str],
    proved: Proved,
) -> Limiting:
    """What limits callers. Nothing is opened yet.

    Args:
        table: What each kind of caller may do in a minute; nobody is limited where it is empty.
        failed_tokens: How many tokens that prove nobody an address may send in a minute; 0 for any number.
        redis: Address of the Redis that all processes share, if they do.
        secret: The hub's.
        trusted_proxies: Addresses whose word about clients' addresses counts.
        proved: Who knows tokens again.

    """
    keys = RateKeys(secret)
    shared = None if redis is None else SharedCounts(redis, keyed=lambda client: keys("client", client))
    rates = Rates(shared)
    addresses = ClientAddresses(trusted_proxies)
    counted = None
    if failed_tokens:
        counted = FailedTokens(Rate(failed_tokens), rates=rates, keys=keys, addresses=addresses, proved=proved)
    return Limiting(
        allowances=Allowances(table, rates=rates, keys=keys, addresses=addresses) if table else None,
        failed_tokens=counted,
        shared=shared,
    )

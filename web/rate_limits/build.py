"""Builds the limits of callers: rates, failed tokens, and the store that counts both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.types import Lifespan

from auth.caller import CallerKind
from auth.crypto.rate_keys import RateKeys
from cache.limits.rate_limiter import Rate, RateLimiter
from cache.redis_server import RedisServer
from web.client_address import ClientAddresses
from web.endpoints.health import LimitsState
from web.rate_limits.caller_limiter import BucketCallerLimiter, CallerLimiter, NoCallerLimiter
from web.rate_limits.failed_tokens import FailedTokenCounter, FailedTokens, NoFailedTokens, WasVerified
from web.rate_limits.rate_table import CallerRates

if TYPE_CHECKING:  # `build_rate_limits` imports it
    from cache.limits.redis_counters import RedisCounters


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimitParts:
    """The limits of callers and of failed tokens, and the store that counts both."""

    caller_limiter: CallerLimiter
    failed_tokens: FailedTokenCounter
    shared: RedisCounters | None
    """The counters that all processes share; None if they share no store."""

    @property
    def state(self) -> LimitsState | None:
        """The state of the shared counters; None if processes share no store."""
        if self.shared is None:
            return None
        return LimitsState.SHARED if self.shared.is_up else LimitsState.LOCAL

    def wrap_lifespan(self, lifespan: Lifespan[Starlette]) -> Lifespan[Starlette]:
        """The lifespan, with the shared counters open if there are any."""
        shared = self.shared
        if shared is None:
            return lifespan

        @asynccontextmanager
        async def lifespan_with_shared(app: Starlette) -> AsyncIterator[None]:
            await shared.start()
            try:
                async with lifespan(app):
                    yield
            finally:
                await shared.close()

        return lifespan_with_shared


def build_rate_limits(
    *,
    table: Mapping[CallerKind, CallerRates],
    failed_tokens: int,
    redis: RedisServer | None,
    secret: bytes,
    trusted_proxies: Collection[str],
    was_verified: WasVerified,
) -> RateLimitParts:
    """Build the limits of callers, without opening anything.

    Args:
        table: Rates of each kind of caller per minute; empty for no limits.
        failed_tokens: How many failed tokens an address may send per minute; 0 for no limit.
        redis: The Redis that all processes share, if they do.
        secret: The hub's.
        trusted_proxies: Proxies that are trusted to report clients' addresses.
        was_verified: Whether a token was verified before.

    """
    keys = RateKeys(secret)
    shared = None
    if redis is not None:
        # A hub without Redis does not load its libraries; see `server.import_optional_parts`.
        from cache.limits.redis_counters import RedisCounters  # noqa: PLC0415 - same

        shared = RedisCounters(redis.url, make_key=lambda client: keys("client", client), timeout=redis.timeout)
    limiter = RateLimiter(shared)
    addresses = ClientAddresses(trusted_proxies)
    failed_tokens_limit: FailedTokenCounter = NoFailedTokens()
    if failed_tokens:
        failed_tokens_limit = FailedTokens(
            Rate(failed_tokens), limiter=limiter, keys=keys, addresses=addresses, was_verified=was_verified
        )
    return RateLimitParts(
        caller_limiter=BucketCallerLimiter(table, limiter=limiter, keys=keys, addresses=addresses)
        if table
        else NoCallerLimiter(),
        failed_tokens=failed_tokens_limit,
        shared=shared,
    )

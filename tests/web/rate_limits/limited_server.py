"""A hub with rate limits, served over HTTP; each request of its small graph costs 100 points."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.web.conftest import GraphServer, serve_application
from web.rate_limits.build import RateLimitParts, build_rate_limits
from web.rate_limits.rate_table import parse_rates
from web.settings import WebSettings

SECRET = b"s" * 32
SITI = "Bearer token-of-siti"
BUDI = "Bearer token-of-budi"


def build_limits(*rates: str, failed: int = 0, trusted_proxies: tuple[str, ...] = ()) -> RateLimitParts:
    """The limits of a hub with these rates, and a maximum number of failed tokens per minute."""
    return build_rate_limits(
        table=parse_rates(rates),
        failed_tokens=failed,
        redis=None,
        secret=SECRET,
        trusted_proxies=trusted_proxies,
        was_verified=lambda authorization: authorization == SITI,
    )


@asynccontextmanager
async def serve_with_rates(*rates: str, failed: int = 0, **settings: object) -> AsyncIterator[GraphServer]:
    """A hub with these rates, behind a proxy that forwards client addresses."""
    given = WebSettings(trusted_proxies=("127.0.0.1",), **settings)  # type: ignore[arg-type]  # any setting
    limits = build_limits(*rates, failed=failed, trusted_proxies=given.trusted_proxies)
    async with serve_application(
        given, caller_limiter=limits.caller_limiter, failed_tokens=limits.failed_tokens
    ) as hub:
        yield hub

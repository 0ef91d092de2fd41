"""Builds the parts that depend on callers: tokens, rates, budgets of readers, and load shedding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auth.crypto.pseudonyms import Pseudonyms
from auth.crypto.rate_keys import RateKeys
from auth.tokens.issuer_keys import IssuerKeys
from auth.tokens.token_verifier import TokenVerifier
from auth.tokens.verified_token_cache import VerifiedTokenCache
from cache.limits.people_counts import PeopleCounts
from resolvers.reader_budgets import ReaderBudgets
from services.ledger.refusal_tally import RefusalStore, RefusalTally
from settings import Settings
from web.admission.load_shedder import LoadShedder
from web.rate_limits.build import RateLimitParts, build_rate_limits
from wiring.token_issuers import build_issuer_keys

if TYPE_CHECKING:  # a hub without Redis does not load it
    from cache.limits.redis_counters import RedisCounters


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerParts:
    """The parts that depend on callers."""

    issuers: Sequence[IssuerKeys]
    tokens: TokenVerifier
    rate_limits: RateLimitParts
    budgets: ReaderBudgets
    load_shedder: LoadShedder
    refusals: RefusalTally


def build_caller_parts(settings: Settings, *, cache_tokens: bool, refusals: RefusalStore) -> CallerParts:
    """Build the parts that depend on callers, without opening anything."""
    issuers = build_issuer_keys(settings)
    tokens = TokenVerifier(issuers, cache=VerifiedTokenCache() if cache_tokens else None)
    rate_limits = build_rate_limits(
        table=settings.rate_table,
        failed_tokens=settings.failed_tokens,
        redis=settings.redis,
        secret=settings.secret_bytes,
        trusted_proxies=settings.web.trusted_proxies,
        was_verified=tokens.was_verified,
    )
    budgets = _build_reader_budgets(settings, rate_limits.shared)
    return CallerParts(
        issuers=issuers,
        tokens=tokens,
        rate_limits=rate_limits,
        budgets=budgets,
        load_shedder=LoadShedder(max_lag=settings.shed_after / 1000, lane=settings.lane, tokens=tokens),
        refusals=RefusalTally(budgets.pseudonyms, refusals),
    )


def _build_reader_budgets(settings: Settings, shared: RedisCounters | None) -> ReaderBudgets:
    """Limits on how many people each kind of reader may read; processes count together if they share a store."""
    keys = RateKeys(settings.secret_bytes)
    return ReaderBudgets(
        budgets=settings.reader_budget_table,
        counts=PeopleCounts(shared, make_key=keys, processes=settings.hubs * (settings.workers or 1)),
        pseudonyms=Pseudonyms(settings.secret_bytes),
        keys=keys,
    )

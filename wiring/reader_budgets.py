"""The budgets of readers, made of the settings."""

from __future__ import annotations

from auth.crypto.pseudonyms import Pseudonyms
from auth.crypto.rate_keys import RateKeys
from cache.limits.people_counts import PeopleCounts
from cache.limits.redis_counters import RedisCounters
from resolvers.reader_budgets import ReaderBudgets
from settings import Settings


def build_reader_budgets(settings: Settings, shared: RedisCounters | None) -> ReaderBudgets:
    """How many different people each kind of reader may read; counted where processes count together, if they do."""
    keys = RateKeys(settings.secret_bytes)
    return ReaderBudgets(
        budgets=settings.reader_budget_table,
        counts=PeopleCounts(shared, make_key=keys, processes=settings.workers or 1),
        pseudonyms=Pseudonyms(settings.secret_bytes),
        keys=keys,
    )

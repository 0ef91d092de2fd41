"""The budgets of readers, made of the settings."""

from __future__ import annotations

from auth.pseudonyms import Pseudonyms
from auth.rate_keys import RateKeys
from cache.people_counts import PeopleCounts
from cache.shared import SharedCounts
from resolvers.people_budgets import ReaderBudgets
from settings import Settings


def reader_budgets(settings: Settings, shared: SharedCounts | None) -> ReaderBudgets:
    """How many different people each kind of reader may read; counted where processes count together, if they do."""
    keys = RateKeys(settings.secret_bytes)
    return ReaderBudgets(
        table=settings.reader_budget_table,
        counts=PeopleCounts(shared, keyed=keys, processes=settings.workers or 1),
        pseudonyms=Pseudonyms(settings.secret_bytes),
        keys=keys,
    )

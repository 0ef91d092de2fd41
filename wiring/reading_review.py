"""What the data-protection officer looks at by commands: without a hub that serves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from auth.crypto.entry_tokens import EntryTokens
from auth.crypto.pseudonyms import Pseudonyms
from auth.policy.ledger_entry_builder import LedgerEntryBuilder
from services.ledger.read_recording import build_recorder
from services.ledger.reading_review import ReadingReview
from settings import Settings
from store.database import create_database_engine, migrate
from store.ledger.refusal_counts import RefusalTable
from store.ledger.unusual_reading import ReadingStatistics
from wiring.hub_domains import build_access_ledger


@asynccontextmanager
async def open_reading_review(settings: Settings) -> AsyncIterator[ReadingReview]:
    """Looks at unusual reading and at refusals, for the length of the block."""
    state = create_database_engine(settings.state_url.get_secret_value())
    ledger = build_access_ledger(settings, state)
    try:
        await migrate(state)
        if ledger is not None:
            await ledger.start()
        accesses = LedgerEntryBuilder(Pseudonyms(settings.secret_bytes), hidden_purposes=settings.disclosure_delays)
        yield ReadingReview(
            ReadingStatistics(state),
            RefusalTable(state),
            EntryTokens(settings.secret_bytes),
            None if ledger is None else build_recorder(ledger, accesses),
        )
    finally:
        if ledger is not None:
            await ledger.close()
        await state.dispose()

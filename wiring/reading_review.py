"""What the data-protection officer looks at by commands: without a hub that serves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from auth.accesses import Accesses
from auth.entry_tokens import EntryTokens
from auth.pseudonyms import Pseudonyms
from resolvers.reading_review import ReadingReview
from resolvers.recording import recorder
from settings import Settings
from store.database import database, migrate
from store.refusals import RefusalTable
from store.unusual_reading import ReadingStatistics
from wiring.own_state import access_ledger


@asynccontextmanager
async def reading_review(settings: Settings) -> AsyncIterator[ReadingReview]:
    """Looks at unusual reading and at refusals, for the length of the block."""
    state = database(settings.state_url.get_secret_value())
    ledger = access_ledger(settings, state)
    try:
        await migrate(state)
        if ledger is not None:
            await ledger.start()
        accesses = Accesses(Pseudonyms(settings.secret_bytes), hidden=settings.hidden_for)
        yield ReadingReview(
            ReadingStatistics(state),
            RefusalTable(state),
            EntryTokens(settings.secret_bytes),
            None if ledger is None else recorder(ledger, accesses),
        )
    finally:
        if ledger is not None:
            await ledger.close()
        await state.dispose()

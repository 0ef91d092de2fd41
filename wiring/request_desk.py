"""Where people's requests about their own data are answered, for commands: without a hub that serves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from auth.accesses import Accesses
from resolvers.recording import recorder
from resolvers.request_desk import RequestDesk
from schema.build import build_schema, graphql_schema
from settings import Settings
from store.database import database, migrate
from wiring.own_state import access_ledger, own_state


@asynccontextmanager
async def request_desk(settings: Settings) -> AsyncIterator[RequestDesk]:
    """Where people's requests about their own data are answered, for the length of the block."""
    state = database(settings.state_url.get_secret_value())
    ledger = access_ledger(settings, state)
    try:
        await migrate(state)
        own = own_state(settings, state, graphql_schema(build_schema()))
        if ledger is not None:
            await ledger.start()
        accesses = Accesses(own.pseudonyms, hidden=settings.hidden_for)
        yield RequestDesk(own.data_requests(), None if ledger is None else recorder(ledger, accesses))
    finally:
        if ledger is not None:
            await ledger.close()
        await state.dispose()

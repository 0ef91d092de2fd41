"""Where people's requests about their own data are answered, for commands: without a hub that serves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from auth.policy.ledger_entry_builder import LedgerEntryBuilder
from schema.builder import build_schema, get_graphql_schema
from services.ledger.read_recording import build_recorder
from services.rights.data_request_service import DataRequestService
from settings import Settings
from store.database import create_database_engine, migrate
from wiring.hub_domains import build_access_ledger, build_hub_domains


@asynccontextmanager
async def open_data_request_service(settings: Settings) -> AsyncIterator[DataRequestService]:
    """Where people's requests about their own data are answered, for the length of the block."""
    state = create_database_engine(settings.state_url.get_secret_value())
    ledger = build_access_ledger(settings, state)
    try:
        await migrate(state)
        own = build_hub_domains(settings, state, get_graphql_schema(build_schema()))
        if ledger is not None:
            await ledger.start()
        accesses = LedgerEntryBuilder(own.pseudonyms, hidden_purposes=settings.disclosure_delays)
        yield DataRequestService(
            own.build_data_requests(), None if ledger is None else build_recorder(ledger, accesses)
        )
    finally:
        if ledger is not None:
            await ledger.close()
        await state.dispose()

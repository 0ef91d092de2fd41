"""Services for commands over the hub's own database, without a hub that serves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from auth.crypto.entry_tokens import EntryTokens
from auth.crypto.pseudonyms import Pseudonyms
from auth.crypto.sealed_people import SealedPeople
from auth.policy.legal_basis import LegalBasis
from engine.reporting import ReadRecorder
from schema.builder import build_schema, get_graphql_schema
from services.commands.operator_commands import OperatorCommands
from services.ledger.ledger_entry_builder import LedgerEntryBuilder
from services.ledger.read_recording import build_recorder
from services.ledger.reading_review import ReadingReview
from services.rights.data_request_service import DataRequestService
from settings import Settings
from store.commands.command_outbox import CommandOutbox
from store.database import create_database_engine, migrate
from store.ledger.refusal_counts import RefusalTable
from store.ledger.unusual_reading import ReadingStatistics
from wiring.agencies import build_complaint_links, list_agency_codes
from wiring.hub_domains import build_access_ledger, build_hub_domains

_OPERATOR_TIMEOUT: Final = 30.0
"""Seconds that an operator waits for the database."""


@asynccontextmanager
async def open_data_request_service(settings: Settings) -> AsyncIterator[DataRequestService]:
    """The service for people's requests about their own data, for the length of the block."""
    state = create_database_engine(settings.state_url.get_secret_value())
    ledger = build_access_ledger(settings, state)
    try:
        await migrate(state)
        own = build_hub_domains(settings, state, get_graphql_schema(build_schema(list_agency_codes(settings.city))))
        await ledger.start()
        accesses = LedgerEntryBuilder(own.pseudonyms, hidden_purposes=settings.disclosure_delays)
        yield DataRequestService(own.build_data_requests(), build_recorder(ledger, accesses))
    finally:
        await ledger.close()
        await state.dispose()


@asynccontextmanager
async def open_read_recorder(settings: Settings) -> AsyncIterator[ReadRecorder]:
    """The recorder of an operator's reads outside the graph, for the length of the block.

    Their legal basis is the city's task: they happen for a purpose of the agency's contract.
    """
    state = create_database_engine(settings.state_url.get_secret_value())
    ledger = build_access_ledger(settings, state)
    try:
        await migrate(state)
        await ledger.start()
        accesses = LedgerEntryBuilder(Pseudonyms(settings.secret_bytes), hidden_purposes=settings.disclosure_delays)
        yield build_recorder(ledger, accesses, basis=LegalBasis.PUBLIC_TASK)
    finally:
        await ledger.close()
        await state.dispose()


@asynccontextmanager
async def open_operator_commands(settings: Settings) -> AsyncIterator[OperatorCommands]:
    """The commands to agencies, for the length of the block. The database stays as it is."""
    state = create_database_engine(settings.state_url.get_secret_value())
    people = SealedPeople(settings.secret_bytes, settings.former_secrets_bytes)
    try:
        outbox = CommandOutbox(state, timeout=_OPERATOR_TIMEOUT)
        tables = [each for file in settings.city.agencies.values() for each in file.manifest.commands.values()]
        settle = timedelta(seconds=max((each.settle for each in tables), default=0.0))
        yield OperatorCommands(outbox, people, build_complaint_links(settings, state), settle=settle)
    finally:
        await state.dispose()


@asynccontextmanager
async def open_reading_review(settings: Settings) -> AsyncIterator[ReadingReview]:
    """The review of unusual reading and of refusals, for the length of the block."""
    state = create_database_engine(settings.state_url.get_secret_value())
    ledger = build_access_ledger(settings, state)
    try:
        await migrate(state)
        await ledger.start()
        accesses = LedgerEntryBuilder(Pseudonyms(settings.secret_bytes), hidden_purposes=settings.disclosure_delays)
        yield ReadingReview(
            ReadingStatistics(state),
            RefusalTable(state),
            EntryTokens(settings.secret_bytes),
            build_recorder(ledger, accesses),
        )
    finally:
        await ledger.close()
        await state.dispose()

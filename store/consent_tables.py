"""Every table that concerns consent, over one database."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from store.consent_events import ConsentEvents
from store.consent_requests import ConsentRequestTable
from store.consent_upkeep import ConsentUpkeep
from store.consents import ConsentTable
from store.operations import OperationRegistry
from store.outbox import Outbox
from store.verification_tries import VerificationTries
from store.wishes import WishTable


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentTables:
    """The tables."""

    requests: ConsentRequestTable
    consents: ConsentTable
    wishes: WishTable
    tries: VerificationTries
    upkeep: ConsentUpkeep
    events: ConsentEvents
    outbox: Outbox
    registry: OperationRegistry


def consent_tables(state: AsyncEngine) -> ConsentTables:
    """The tables in the hub's own database."""
    return ConsentTables(
        requests=ConsentRequestTable(state),
        consents=ConsentTable(state),
        wishes=WishTable(state),
        tries=VerificationTries(state),
        upkeep=ConsentUpkeep(state),
        events=ConsentEvents(state),
        outbox=Outbox(state),
        registry=OperationRegistry(state),
    )

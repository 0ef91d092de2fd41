"""The tables about consent, in one database."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from store.consents.consent_events import ConsentEvents
from store.consents.consent_maintenance import ConsentMaintenance
from store.consents.consent_requests import ConsentRequestTable
from store.consents.consent_table import ConsentTable
from store.consents.data_preferences import DataPreferenceTable
from store.consents.verification_tries import VerificationTries
from store.consents.webhook_outbox import WebhookOutbox
from store.operations.operation_registry import OperationRegistry


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentTables:
    """The tables about consent."""

    requests: ConsentRequestTable
    consents: ConsentTable
    preferences: DataPreferenceTable
    tries: VerificationTries
    maintenance: ConsentMaintenance
    events: ConsentEvents
    outbox: WebhookOutbox
    registry: OperationRegistry


def build_consent_tables(state: AsyncEngine) -> ConsentTables:
    """Builds the tables on the hub's own database."""
    return ConsentTables(
        requests=ConsentRequestTable(state),
        consents=ConsentTable(state),
        preferences=DataPreferenceTable(state),
        tries=VerificationTries(state),
        maintenance=ConsentMaintenance(state),
        events=ConsentEvents(state),
        outbox=WebhookOutbox(state),
        registry=OperationRegistry(state),
    )

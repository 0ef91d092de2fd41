"""What the hub knows by itself, who writes down what was read, and what removes it in time: over its own database."""

from __future__ import annotations

from graphql import GraphQLSchema
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.crypto.entry_tokens import EntryTokens
from auth.crypto.pseudonyms import Pseudonyms
from auth.crypto.sealed_people import SealedPeople
from auth.crypto.sealed_texts import SealedTexts
from schema.tools.export_parts import build_export_parts
from schema.tools.holdings import get_holders
from services.consents.consent_services import ConsentServices
from services.hub_domains import HubDomains
from services.rights.exports import FixedExports
from settings import Settings
from store.consents.data_preferences import DataPreferenceTable
from store.ledger.access_history import AccessHistory
from store.ledger.access_ledger import AccessLedger
from store.retention.purge import RetentionPurge
from store.retention.retention_rules import list_retention_rules
from store.rights.data_request_table import DataRequestTable
from web.endpoints.export import PATH as EXPORT_PATH
from wiring.consents import build_consent_parts


def build_hub_domains(
    settings: Settings, state: AsyncEngine, schema: GraphQLSchema, consents: ConsentServices | None = None
) -> HubDomains:
    """What the hub knows by itself, out of its own database."""
    return HubDomains(
        pseudonyms=Pseudonyms(settings.secret_bytes),
        people=SealedPeople(settings.secret_bytes),
        tokens=EntryTokens(settings.secret_bytes),
        log=AccessHistory(state),
        preferences=DataPreferenceTable(state),
        consents=(consents or build_consent_parts(settings, state)).database,
        requests=DataRequestTable(state),
        texts=SealedTexts(settings.secret_bytes),
        holders=get_holders(schema),
        exports=FixedExports(EXPORT_PATH, [each.name for each in build_export_parts(schema)]),
    )


def build_access_ledger(settings: Settings, state: AsyncEngine) -> AccessLedger | None:
    """Where who read what is written down; None where the operator keeps no ledger."""
    return AccessLedger(state, settings.secret_bytes, timeout=settings.ledger_timeout) if settings.ledger else None


def build_retention(settings: Settings, state: AsyncEngine) -> RetentionPurge:
    """What removes from the hub's database whatever is kept for a time."""
    return RetentionPurge(state, settings.secret_bytes, list_retention_rules(), settings.retention_policies)

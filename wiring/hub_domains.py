"""Builds the hub's own domains, the recording of reads and the purge of expired data, over its own database."""

from __future__ import annotations

from datetime import timedelta

from graphql import GraphQLSchema
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.crypto.entry_tokens import EntryTokens
from auth.crypto.pseudonyms import Pseudonyms
from auth.crypto.sealed_people import SealedPeople
from auth.crypto.sealed_texts import SealedTexts
from schema.tools.document_fields import list_coordinates
from schema.tools.export_parts import build_export_parts
from schema.tools.holdings import get_holders
from services.cases.city_agency_names import CityAgencyNames
from services.cases.database_case_marks import DatabaseCaseMarks
from services.consents.consent_services import ConsentServices
from services.consents.partner_directory import ContractDirectory
from services.hub_domains import HubDomains
from services.ledger.entry_text import AgencyNames
from services.rights.exports import FixedExports
from settings import Settings
from store.cases.case_mark_retention import PastCaseMarks
from store.cases.case_mark_table import CaseMarkTable
from store.consents.data_preferences import DataPreferenceTable
from store.ledger.access_history import AccessHistory
from store.ledger.access_ledger import AccessLedger, LedgerWriter, NoLedger
from store.operations.operation_registry import OperationRegistry
from store.retention.purge import RetentionPurge
from store.retention.retention_rules import list_retention_rules
from store.rights.data_request_table import DataRequestTable
from web.endpoints.export import PATH as EXPORT_PATH
from wiring.consents import build_consent_parts


def build_hub_domains(
    settings: Settings, state: AsyncEngine, schema: GraphQLSchema, consents: ConsentServices | None = None
) -> HubDomains:
    """The domains that the hub answers from its own database."""
    return HubDomains(
        pseudonyms=Pseudonyms(settings.secret_bytes),
        people=SealedPeople(settings.secret_bytes),
        tokens=EntryTokens(settings.secret_bytes),
        log=AccessHistory(state),
        names=AgencyNames(settings.city.names["en"]),
        preferences=DataPreferenceTable(state),
        consents=(consents or build_consent_parts(settings, state, list_coordinates(schema))).database,
        requests=DataRequestTable(state),
        texts=SealedTexts(settings.secret_bytes),
        holders=get_holders(schema),
        case_marks=DatabaseCaseMarks(
            CaseMarkTable(state),
            SealedPeople(settings.secret_bytes),
            settings.secret_bytes,
            retention=timedelta(days=settings.retention_policies[PastCaseMarks.name].days),
        ),
        directory=CityAgencyNames(settings.city.names),
        partners=ContractDirectory(OperationRegistry(state)),
        exports=FixedExports(EXPORT_PATH, [each.name for each in build_export_parts(schema)]),
    )


def build_access_ledger(settings: Settings, state: AsyncEngine) -> LedgerWriter:
    """Build the ledger that records reads."""
    if not settings.ledger:
        return NoLedger()
    return AccessLedger(state, settings.secret_bytes, timeout=settings.ledger_timeout)


def build_retention(settings: Settings, state: AsyncEngine) -> RetentionPurge:
    """Build the purge of expired data in the hub's database."""
    return RetentionPurge(state, settings.secret_bytes, list_retention_rules(), settings.retention_policies)

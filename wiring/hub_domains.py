"""Builds what the hub itself answers: over its own database, and of its city folder; and the recording of reads."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta

from graphql import GraphQLSchema
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.crypto.entry_tokens import EntryTokens
from auth.crypto.pseudonyms import Pseudonyms
from auth.crypto.sealed_people import SealedPeople
from auth.crypto.sealed_texts import SealedTexts
from connectors.resilience.breaker import BreakerState
from connectors.resilience.gate import Gate
from records.city_services import ServiceCatalogue, ServiceState
from schema.tools.catalogue_operations import find_marks
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
from services.usage.database_service_uses import DatabaseServiceUses
from services.usage.service_use_tally import ServiceUseStore, ServiceUseTally
from settings import Settings
from settings.city.city_service_tables import build_hours
from store.cases.case_mark_retention import PastCaseMarks
from store.cases.case_mark_table import CaseMarkTable
from store.consents.data_preferences import DataPreferenceTable
from store.ledger.access_history import AccessHistory
from store.ledger.access_ledger import AccessLedger, LedgerWriter, NoLedger
from store.operations.operation_registry import OperationRegistry
from store.retention.purge import RetentionPurge
from store.retention.retention_rules import list_retention_rules
from store.rights.data_request_table import DataRequestTable
from store.usage.service_use_table import ServiceUseTable
from web.endpoints.export import PATH as EXPORT_PATH
from wiring.consents import build_consent_parts

_log = logging.getLogger(__name__)


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
        service_uses=DatabaseServiceUses(ServiceUseTable(state)),
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


def find_service_marks(settings: Settings, schema: GraphQLSchema) -> Mapping[str, frozenset[str]]:
    """The fields that mark a use of each service with an operation; none, and a log line, if the graph lacks one."""
    operations = {code: each.operation for code, each in settings.city.services.services.items()}
    marks = {code: find_marks(schema, each) for code, each in operations.items() if each is not None}
    if left_out := sorted(code for code, found in marks.items() if not found):
        _log.warning("services.toml: the graph does not offer the operation of %s", ", ".join(left_out))
    return marks


def build_service_catalogue(
    settings: Settings, marks: Mapping[str, frozenset[str]], gates: Mapping[str, Gate]
) -> ServiceCatalogue:
    """Build the catalogue. A service whose operation the graph of this hub does not offer is left out."""
    folder, file = settings.city, settings.city.services
    office, zone = folder.city.office, folder.city.time_zone
    offered = {code: each for code, each in file.services.items() if marks.get(code, True)}
    issuer = next((each.url for each in settings.issuers if each.name == settings.sign_in_issuer), None)
    return ServiceCatalogue(
        [each.build_service(code, file, office) for code, each in offered.items()],
        build_hours(offered, office, zone),
        get_agency_state=lambda agency: get_agency_state(gates.get(agency)),
        issuer=issuer,
    )


def build_use_tally(marks: Mapping[str, frozenset[str]], store: ServiceUseStore) -> ServiceUseTally:
    """Build the counter of uses. A field marks the first service in the catalogue whose operation has it."""
    services: dict[str, str] = {}
    for code, fields in marks.items():
        for each in fields:
            services.setdefault(each, code)
    return ServiceUseTally(services, store)


def get_agency_state(gate: Gate | None) -> ServiceState:
    """What the gate of an agency knows in this process; an agency without a gate is not called."""
    if gate is None:
        return ServiceState.UNWATCHED
    if gate.is_closed:
        return ServiceState.CLOSED
    if gate.breaker_state is BreakerState.OPEN:
        return ServiceState.UNAVAILABLE
    return ServiceState.LIMITED if gate.breaker_state is BreakerState.HALF_OPEN else ServiceState.AVAILABLE

"""The domains that the hub answers from its own database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auth.crypto.entry_tokens import EntryTokens
from auth.crypto.pseudonyms import Pseudonyms
from auth.crypto.sealed_people import SealedPeople
from auth.crypto.sealed_texts import SealedTexts
from resolvers.hub.access_entries import AccessEntries
from resolvers.hub.access_history import AccessHistories
from resolvers.hub.agency_directory import AgencyDirectory
from resolvers.hub.case_marks import CaseMarks
from resolvers.hub.consents import Consents
from resolvers.hub.data_preferences import PeoplePreferences
from resolvers.hub.data_requests import DataRequests
from resolvers.hub.exports import Exports
from resolvers.hub.partners import PartnerDirectory
from resolvers.hub.service_uses import ServiceUses
from services.cases.city_agency_names import CityAgencyNames
from services.cases.database_case_marks import DatabaseCaseMarks
from services.consents.database_consents import DatabaseConsents
from services.consents.partner_directory import ContractDirectory
from services.ledger.access_entries import DatabaseAccessEntries
from services.ledger.access_history import DatabaseAccessHistories
from services.ledger.entry_text import AgencyNames
from services.rights.database_data_requests import DatabaseDataRequests
from services.rights.database_preferences import DatabasePreferences
from services.rights.exports import FixedExports
from services.usage.database_service_uses import DatabaseServiceUses
from store.consents.data_preferences import DataPreferenceTable
from store.ledger.access_history import AccessHistory
from store.rights.data_request_table import DataRequestTable


@dataclass(frozen=True, slots=True, kw_only=True)
class HubDomains:
    """The tables and the ways in which they identify people."""

    pseudonyms: Pseudonyms
    people: SealedPeople
    tokens: EntryTokens
    log: AccessHistory
    names: AgencyNames
    preferences: DataPreferenceTable
    consents: DatabaseConsents
    requests: DataRequestTable
    texts: SealedTexts
    holders: Mapping[str, str]
    """Agency that holds each field."""
    exports: FixedExports
    case_marks: DatabaseCaseMarks
    directory: CityAgencyNames
    partners: ContractDirectory
    service_uses: DatabaseServiceUses

    def build_domains(self) -> Mapping[type[Any], Any]:
        """The implementation of each domain protocol; mypy proves that each fits."""
        access_histories: AccessHistories = DatabaseAccessHistories(self.log, self.pseudonyms, self.names)
        access_entries: AccessEntries = DatabaseAccessEntries(self.log, self.pseudonyms, self.tokens)
        preferences: PeoplePreferences = DatabasePreferences(self.preferences, self.people)
        consents: Consents = self.consents
        requests: DataRequests = self.build_data_requests()
        exports: Exports = self.exports
        case_marks: CaseMarks = self.case_marks
        directory: AgencyDirectory = self.directory
        partners: PartnerDirectory = self.partners
        service_uses: ServiceUses = self.service_uses
        return {
            AccessHistories: access_histories,
            AccessEntries: access_entries,
            PeoplePreferences: preferences,
            Consents: consents,
            DataRequests: requests,
            Exports: exports,
            CaseMarks: case_marks,
            AgencyDirectory: directory,
            PartnerDirectory: partners,
            ServiceUses: service_uses,
        }

    def build_data_requests(self) -> DatabaseDataRequests:
        """Data requests, for the people who make them and the officers who answer."""
        return DatabaseDataRequests(self.requests, self.people, self.texts, self.holders, self.names.get)

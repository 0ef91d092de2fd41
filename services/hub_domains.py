"""What the hub knows by itself: the domains whose batches its own database answers."""

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
from resolvers.hub.consents import Consents
from resolvers.hub.data_preferences import PeoplePreferences
from resolvers.hub.data_requests import DataRequests
from resolvers.hub.exports import Exports
from services.consents.database_consents import DatabaseConsents
from services.ledger.access_entries import DatabaseAccessEntries
from services.ledger.access_history import DatabaseAccessHistories
from services.rights.database_data_requests import DatabaseDataRequests
from services.rights.database_preferences import DatabasePreferences
from services.rights.exports import FixedExports
from store.consents.data_preferences import DataPreferenceTable
from store.ledger.access_history import AccessHistory
from store.rights.data_request_table import DataRequestTable


@dataclass(frozen=True, slots=True, kw_only=True)
class HubDomains:
    """The tables, and how people are known in them."""

    pseudonyms: Pseudonyms
    people: SealedPeople
    tokens: EntryTokens
    log: AccessHistory
    preferences: DataPreferenceTable
    consents: DatabaseConsents
    requests: DataRequestTable
    texts: SealedTexts
    holders: Mapping[str, str]
    """By field: the agency that holds it."""
    exports: FixedExports

    def build_domains(self) -> Mapping[type[Any], Any]:
        """What answers each domain; the types prove that each fits."""
        access_logs: AccessHistories = DatabaseAccessHistories(self.log, self.pseudonyms)
        overseen: AccessEntries = DatabaseAccessEntries(self.log, self.pseudonyms, self.tokens)
        wishes: PeoplePreferences = DatabasePreferences(self.preferences, self.people)
        consents: Consents = self.consents
        requests: DataRequests = self.build_data_requests()
        exports: Exports = self.exports
        return {
            AccessHistories: access_logs,
            AccessEntries: overseen,
            PeoplePreferences: wishes,
            Consents: consents,
            DataRequests: requests,
            Exports: exports,
        }

    def build_data_requests(self) -> DatabaseDataRequests:
        """Requests of people about their own data, for those who make them and those who answer them."""
        return DatabaseDataRequests(self.requests, self.people, self.texts, self.holders)

"""What the hub knows by itself: the domains whose batches its own database answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auth.entry_tokens import EntryTokens
from auth.pseudonyms import Pseudonyms
from auth.sealed_people import SealedPeople
from auth.sealed_texts import SealedTexts
from resolvers.access_entries import OverseenAccesses, OverseenLedger
from resolvers.access_log import AccessLogs, OwnAccessLogs
from resolvers.consents import Consents
from resolvers.data_requests import DataRequests
from resolvers.exports import Exports, KnownExports
from resolvers.own_consents import OwnConsents
from resolvers.own_data_requests import OwnDataRequests
from resolvers.own_wishes import OwnWishes
from resolvers.wishes import SaidWishes
from store.access_log import AccessLog
from store.data_requests import DataRequestTable
from store.wishes import WishTable


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnState:
    """The tables, and how people are known in them."""

    pseudonyms: Pseudonyms
    people: SealedPeople
    tokens: EntryTokens
    log: AccessLog
    wishes: WishTable
    consents: OwnConsents
    requests: DataRequestTable
    texts: SealedTexts
    holders: Mapping[str, str]
    """By field: the agency that holds it."""
    exports: KnownExports

    def domains(self) -> Mapping[type[Any], Any]:
        """What answers each domain; the types prove that each fits."""
        access_logs: AccessLogs = OwnAccessLogs(self.log, self.pseudonyms)
        overseen: OverseenAccesses = OverseenLedger(self.log, self.pseudonyms, self.tokens)
        wishes: SaidWishes = OwnWishes(self.wishes, self.people)
        consents: Consents = self.consents
        requests: DataRequests = self.data_requests()
        exports: Exports = self.exports
        return {
            AccessLogs: access_logs,
            OverseenAccesses: overseen,
            SaidWishes: wishes,
            Consents: consents,
            DataRequests: requests,
            Exports: exports,
        }

    def data_requests(self) -> OwnDataRequests:
        """Requests of people about their own data, for those who make them and those who answer them."""
        return OwnDataRequests(self.requests, self.people, self.texts, self.holders)

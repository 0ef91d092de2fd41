"""Consent for partners: request it, read the outcome, give it back.

Nothing here is personal: a partner does not learn who opened its request. It learns only that a consent was given.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta

from auth.caller import Caller
from auth.policy.access_policy import AccessPolicy
from records.calls.call import Call
from records.hub.clients import ClientId
from records.hub.operations import ClientContract, ConsentTerms
from records.hub.partner_addresses import is_development_address
from records.hub.partner_consents import ConsentRequestOutcome, NewConsentRequest, PartnerConsent, PartnerConsentRequest
from records.plurals import count_noun
from records.purposes import Purpose, Scope
from services.consents.database_consents import has_id_form, limit_to_graph
from store.consents.consent_requests import ConsentRequestTable
from store.consents.consent_table import ConsentTable
from store.operations.operation_registry import OperationRegistry

ScopeCheck = Callable[[Scope, Purpose, Collection[str]], bool]
"""Whether a scope opens any field for a purpose, among the fields that the registered operations read."""


class NotInContract(Exception):  # noqa: N818 - reads as what it is
    """The client's contract or the city's policy does not allow the request; the text says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRules:
    """The rules for new consent requests of partners."""

    policy: AccessPolicy
    scope_check: ScopeCheck
    graph_fields: frozenset[str]
    """The coordinates of all fields of this hub's graph."""
    answer_within: timedelta
    development: bool = False
    """Whether loopback addresses are accepted."""


class PartnerConsents:
    """Consent operations for partners. All raise `StateUnavailable` if the database does not answer."""

    def __init__(
        self,
        *,
        requests: ConsentRequestTable,
        consents: ConsentTable,
        registry: OperationRegistry,
        rules: ConsentRules,
    ) -> None:
        """Takes the hub's tables and registry, and the rules for new requests."""
        self._requests = requests
        self._consents = consents
        self._registry = registry
        self._rules = rules

    async def request_consent(
        self, client: ClientId, caller: Caller, wanted: NewConsentRequest, call: Call
    ) -> PartnerConsentRequest:
        """Store a request that a person may answer; raises `NotInContract` and `TooManyConsentRequests`."""
        contract = await self._registry.load_contract(client)
        terms = None if contract is None else contract.consent
        if contract is None or terms is None or contract.name is None:
            raise NotInContract(
                "No contract lets this client ask for consent. Have the city publish one with a name and [consent]."
            )
        self._check_address(terms, wanted.redirect_uri)
        self._check_purpose(terms, caller, wanted)
        await self._check_scopes(contract, wanted)
        return await self._requests.create(
            client, contract.name, wanted, answer_within=self._rules.answer_within, request_id=call.request_id
        )

    async def get_outcome(self, client: ClientId, id_: str) -> ConsentRequestOutcome | None:
        """The outcome of the client's own request; None if it made no such request."""
        return await self._requests.load_outcome(client, id_) if has_id_form(id_) else None

    async def give_back(self, client: ClientId, id_: str, call: Call) -> PartnerConsent | None:
        """End a consent for the partner; None if it was not given to this client. An ended consent stays ended."""
        if not has_id_form(id_):
            return None
        ended = await self._consents.give_back(client, id_, request_id=call.request_id)
        return None if ended is None else ended[0]

    def _check_address(self, terms: ConsentTerms, address: str) -> None:
        if address not in terms.redirect_uris:
            raise NotInContract(
                "'redirect_uri' is not in the contract. Send one of its addresses, character by character."
            )
        if is_development_address(address) and not self._rules.development:
            raise NotInContract("'redirect_uri' leads to a machine under development, and this hub serves people.")

    def _check_purpose(self, terms: ConsentTerms, caller: Caller, wanted: NewConsentRequest) -> None:
        if wanted.purpose not in terms.purposes or wanted.purpose not in self._rules.policy.get_allowed_purposes(
            caller
        ):
            agreed = ", ".join(each.name for each in terms.purposes)
            raise NotInContract(
                f"'purpose' is {wanted.purpose.name}; the contract allows {agreed}, as far as the city does."
            )
        if wanted.days > terms.days:
            raise NotInContract(
                f"'lasts' is {count_noun(wanted.days, 'day')}; the contract allows {terms.days} at most."
            )

    async def _check_scopes(self, contract: ClientContract, wanted: NewConsentRequest) -> None:
        reads = limit_to_graph(await self._registry.load_readable_fields(contract), self._rules.graph_fields)
        for scope in wanted.scopes:
            if scope not in contract.consent_scopes:
                raise NotInContract(f"'scopes' holds '{scope.value}', which the contract does not open.")
            if not self._rules.scope_check(scope, wanted.purpose, reads):
                raise NotInContract(
                    f"'scopes' holds '{scope.value}', of which the client reads nothing for {wanted.purpose.name}."
                    " Publish an operation that does, or ask for less."
                )

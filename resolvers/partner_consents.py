"""What partners do about consent: ask for it, look what became of it, give it back.

Nothing here is personal: a partner does not learn who opened its request, and learns of a consent no more than that it
was given.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta

from auth.caller import Caller
from auth.policy import Policy
from records.asked_consents import AskedConsent, GivenConsent, Outcome, WantedConsent
from records.call import Call
from records.clients import ClientId
from records.operations import ClientContract, ConsentTerms
from records.partner_addresses import for_development
from records.purposes import Purpose, Scope
from resolvers.own_consents import is_id
from store.consent_requests import ConsentRequestTable
from store.consents import ConsentTable
from store.operations import OperationRegistry

Opens = Callable[[Scope, Purpose, Collection[str] | None], bool]
"""Whether a scope opens anything for a purpose, of what the partner's registered operations read."""


class NotAgreed(Exception):  # noqa: N818 - reads as what it is
    """The client's contract, or the city's policy, does not cover what it asks for; the text says what."""


class PartnerConsents:
    """The partners' side. Everything raises `StateUnavailable` where the hub's state does not answer."""

    def __init__(
        self,
        *,
        requests: ConsentRequestTable,
        consents: ConsentTable,
        registry: OperationRegistry,
        policy: Policy,
        opens: Opens,
        answer_within: timedelta,
        development: bool,
    ) -> None:
        """Addresses on this machine itself are taken in `development` alone."""
        self._requests = requests
        self._consents = consents
        self._registry = registry
        self._policy = policy
        self._opens = opens
        self._answer_within = answer_within
        self._development = development

    async def ask(self, client: ClientId, caller: Caller, wanted: WantedConsent, call: Call) -> AskedConsent:
        """Keep a request that somebody may answer; raises `NotAgreed` and `TooManyWaiting`."""
        contract = await self._registry.contract(client)
        terms = None if contract is None else contract.consent
        if contract is None or terms is None or contract.name is None:
            raise NotAgreed(
                "No contract lets this client ask for consent. Have the city publish one with a name and [consent]."
            )
        self._refuse_address(terms, wanted.redirect_uri)
        self._refuse_purpose(terms, caller, wanted)
        await self._refuse_scopes(contract, wanted)
        return await self._requests.ask(
            client, contract.name, wanted, answer_within=self._answer_within, request_id=call.request_id
        )

    async def outcome(self, client: ClientId, id_: str) -> Outcome | None:
        """What became of a client's own request; None where it asked none such."""
        return await self._requests.outcome(client, id_) if is_id(id_) else None

    async def give_back(self, client: ClientId, id_: str, call: Call) -> GivenConsent | None:
        """Give a consent back; None where it was not given to this client. What is no longer in force stays so."""
        if not is_id(id_):
            return None
        ended = await self._consents.give_back(client, id_, request_id=call.request_id)
        return None if ended is None else ended[0]

    def _refuse_address(self, terms: ConsentTerms, address: str) -> None:
        if address not in terms.redirect_uris:
            raise NotAgreed("'redirect_uri' is none of the contract's. Send one of them, sign for sign.")
        if for_development(address) and not self._development:
            raise NotAgreed("'redirect_uri' leads to a machine under development, and this hub serves people.")

    def _refuse_purpose(self, terms: ConsentTerms, caller: Caller, wanted: WantedConsent) -> None:
        if wanted.purpose not in terms.purposes or wanted.purpose not in self._policy.allowed(caller):
            agreed = ", ".join(each.name for each in terms.purposes)
            raise NotAgreed(
                f"'purpose' is {wanted.purpose.name}; the contract allows {agreed}, as far as the city does."
            )
        if wanted.days > terms.days:
            raise NotAgreed(f"'lasts' is {wanted.days} days; the contract allows {terms.days} at most.")

    async def _refuse_scopes(self, contract: ClientContract, wanted: WantedConsent) -> None:
        reads = await self._registry.reads_of(contract)
        for scope in wanted.scopes:
            if scope not in contract.consent_scopes:
                raise NotAgreed(f"'scopes' holds '{scope.value}', which the contract does not open.")
            if not self._opens(scope, wanted.purpose, reads):
                raise NotAgreed(
                    f"'scopes' holds '{scope.value}', of which the client reads nothing for {wanted.purpose.name}."
                    " Publish an operation that does, or ask for less."
                )

"""Consents: the domain protocol and its batches, with the errors that callers see."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from auth.caller import Assurance, Caller
from auth.policy.children import get_city_date, is_child
from auth.policy.rules import DenialReason
from engine.batch import NEVER_ABSENT, batch, forward
from engine.errors import Forbidden, SafeError
from records.calls.answers import Answers
from records.calls.call import Call
from records.hub.clients import ClientId
from records.hub.consenting import Consenting
from records.hub.consents import (
    Consent,
    ConsentAnswer,
    ConsentGrant,
    ConsentPage,
    ConsentQuery,
    ConsentRequest,
    PersonalConsentKey,
)
from records.identifiers import Nik
from resolvers.batch_context import HubBatchContext
from resolvers.reader_budgets import get_budgets


class ConsentsUnavailable(SafeError):  # noqa: N818 - reads as what it is
    """The hub's database does not answer: nothing was read or changed."""

    code = "CONSENTS_UNAVAILABLE"

    def __init__(self) -> None:
        """The message is fixed."""
        super().__init__("Consents cannot be read or changed at the moment. Try again later.")


class UnknownConsent(SafeError):  # noqa: N818 - reads as what it is
    """The person has no such request or consent. The answer does not reveal which of the possible reasons applies."""

    code = "CONSENT_UNKNOWN"


class NotOfAge(SafeError):  # noqa: N818 - reads as what it is
    """A guardian consents for a child (UU PDP 27/2022, article 25), and nobody else does."""

    code = "CONSENT_NOT_OF_AGE"

    def __init__(self) -> None:
        """The message is fixed."""
        super().__init__(
            "A parent or guardian consents for a person under 18, and for no other person. Name the child, or refuse"
            " the request."
        )


class AlreadyAnswered(SafeError):  # noqa: N818 - reads as what it is
    """The person answered this request before, and differently."""

    code = "CONSENT_ANSWERED"

    def __init__(self) -> None:
        """The message is fixed."""
        super().__init__("You answered this request before, with another answer. Look at 'consents'.")


class Consents(Protocol):
    """The domain of consents. The composition root binds the hub's own database to it.

    All raise `ConsentsUnavailable` if the database does not answer.
    """

    async def consent_pages(self, queries: Sequence[ConsentQuery], call: Call) -> Answers[ConsentQuery, ConsentPage]:
        """Pages of people's consents, newest first."""

    async def open_requests(
        self, wanted: Sequence[PersonalConsentKey], call: Call
    ) -> Answers[PersonalConsentKey, ConsentRequest]:
        """Open requests that wait for an answer, which binds each to the first person who opens it."""

    async def waiting_requests_of(self, people: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[ConsentRequest]]:
        """The requests that each person has opened and not answered, newest first."""

    async def load_consenting_people(
        self, consents: Sequence[str], client: ClientId, call: Call
    ) -> Answers[str, Consenting]:
        """The people who consented, by the ids of this client's consents that are in force."""

    async def count_attempts(self, tries: Mapping[str, int], call: Call) -> Collection[str]:
        """Count today's comparisons under each consent; returns the consents that may still be used."""

    async def grant(self, granting: ConsentGrant, caller: Caller, call: Call) -> ConsentAnswer:
        """Grant a request; raises `UnknownConsent`, `AlreadyAnswered`, and `BadInput` for unrequested scopes."""

    async def refuse(self, request: PersonalConsentKey, caller: Caller, call: Call) -> ConsentAnswer:
        """Refuse a request; raises `UnknownConsent` and `AlreadyAnswered`."""

    async def revoke(self, consent: PersonalConsentKey, caller: Caller, call: Call) -> Consent:
        """Revoke a consent; raises `UnknownConsent`."""


consent_pages = forward(Consents, Consents.consent_pages, is_of_hub=True, absent=NEVER_ABSENT)
open_consent_requests = forward(Consents, Consents.open_requests, name="open_consent_requests", is_of_hub=True)
waiting_consent_requests = forward(
    Consents, Consents.waiting_requests_of, name="waiting_consent_requests", is_of_hub=True, absent=()
)


@batch(domain=None, depends_on_caller=True)
async def consenting_people(consents: Sequence[str], context: HubBatchContext) -> Answers[str, Consenting]:
    """The people who consented, and to what; only for consents in force that were given to the calling client."""
    if context.caller.client is None:
        return {}
    found = await context.agencies[Consents].load_consenting_people(consents, context.caller.client, context.call)
    known = {consent: each for consent, each in found.items() if isinstance(each, Consenting)}
    people = tuple(dict.fromkeys(each.subject for each in known.values()))
    refusal = await get_budgets(context).charge(context.caller, people)
    if refusal is None:
        return found
    beyond = {consent: refusal.error for consent, each in known.items() if each.subject in refusal.people}
    return {**found, **beyond}  # type: ignore[dict-item]  # a refusal replaces the person


@batch(domain=None, depends_on_caller=True, absent=NEVER_ABSENT)
async def grant_consents(
    grantings: Sequence[ConsentGrant], context: HubBatchContext
) -> Answers[ConsentGrant, ConsentAnswer]:
    """Grant requests, of people of age or by their guardians.

    The caller must have substantial assurance: the data may be specific personal data.
    """
    if context.caller.assurance < Assurance.SUBSTANTIAL:
        raise Forbidden(DenialReason.ASSURANCE_TOO_LOW.value, DenialReason.ASSURANCE_TOO_LOW.name)
    today = get_city_date()
    for each in grantings:
        is_by_child = each.guardian is not None and is_child(each.guardian, today)
        if is_by_child or is_child(each.subject, today) != (each.guardian is not None):
            raise NotOfAge
    return {each: await context.agencies[Consents].grant(each, context.caller, context.call) for each in grantings}


@batch(domain=None, depends_on_caller=True, absent=NEVER_ABSENT)
async def refuse_consents(
    requests: Sequence[PersonalConsentKey], context: HubBatchContext
) -> Answers[PersonalConsentKey, ConsentAnswer]:
    """Refuse requests."""
    return {each: await context.agencies[Consents].refuse(each, context.caller, context.call) for each in requests}


@batch(domain=None, depends_on_caller=True, absent=NEVER_ABSENT)
async def revoke_consents(
    consents: Sequence[PersonalConsentKey], context: HubBatchContext
) -> Answers[PersonalConsentKey, Consent]:
    """Revoke consents: from the next request on, partners cannot read under them."""
    return {each: await context.agencies[Consents].revoke(each, context.caller, context.call) for each in consents}

"""What people consent to: what can be asked and done, and how it is answered."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from auth.caller import Assurance, Caller
from auth.policy.children import get_city_date, is_child
from auth.policy.rules import DenialReason
from engine.batch import batch
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
from resolvers.batch_context import HubBatchContext
from resolvers.reader_budgets import get_budgets


class ConsentsUnavailable(SafeError):  # noqa: N818 - reads as what it is
    """The hub's own state does not answer: nothing was changed, or nobody can tell."""

    code = "CONSENTS_UNAVAILABLE"

    def __init__(self) -> None:
        """There is one text."""
        super().__init__("Consents cannot be read or changed at the moment. Try again later.")


class UnknownConsent(SafeError):  # noqa: N818 - reads as what it is
    """There is no such request, or no such consent, of this person; which of the many reasons, nobody is told."""

    code = "CONSENT_UNKNOWN"


class NotOfAge(SafeError):  # noqa: N818 - reads as what it is
    """A child consents by its parents (UU PDP 27/2022, article 25), which this hub does not take yet."""

    code = "CONSENT_NOT_OF_AGE"

    def __init__(self) -> None:
        """There is one text."""
        super().__init__("Who is under 18 cannot consent alone. You may refuse the request.")


class AlreadyAnswered(SafeError):  # noqa: N818 - reads as what it is
    """The person answered before, and said something else."""

    code = "CONSENT_ANSWERED"

    def __init__(self) -> None:
        """There is one text."""
        super().__init__("You answered this request before, and said something else. Look at 'consents'.")


class Consents(Protocol):
    """The domain of consents. The composition root binds the hub's own state to it.

    Everything raises `ConsentsUnavailable` where the state does not answer.
    """

    async def consent_pages(self, queries: Sequence[ConsentQuery], call: Call) -> Answers[ConsentQuery, ConsentPage]:
        """Pages of people's consents."""

    async def open_requests(
        self, wanted: Sequence[PersonalConsentKey], call: Call
    ) -> Answers[PersonalConsentKey, ConsentRequest]:
        """Requests that wait for an answer; each is bound to the person who opens it first."""

    async def load_consenting(self, consents: Sequence[str], client: ClientId, call: Call) -> Answers[str, Consenting]:
        """Who consented, by the ids of this client's consents, as far as they are in force."""

    async def count_attempts(self, tries: Mapping[str, int], call: Call) -> Collection[str]:
        """Count how often is compared under each consent today; those under which that may still be done."""

    async def grant(self, granting: ConsentGrant, caller: Caller, call: Call) -> ConsentAnswer:
        """Say yes; raises `UnknownConsent`, `AlreadyAnswered`, and `BadInput` for scopes that nobody asked for."""

    async def refuse(self, request: PersonalConsentKey, caller: Caller, call: Call) -> ConsentAnswer:
        """Say no; raises `UnknownConsent` and `AlreadyAnswered`."""

    async def revoke(self, consent: PersonalConsentKey, caller: Caller, call: Call) -> Consent:
        """Take a consent back; raises `UnknownConsent`."""


@batch(agency=None)
async def consent_pages(
    queries: Sequence[ConsentQuery], context: HubBatchContext
) -> Answers[ConsentQuery, ConsentPage]:
    """What a person consented to, newest first."""
    return await context.agencies[Consents].consent_pages(queries, context.call)


@batch(agency=None)
async def open_consent_requests(
    wanted: Sequence[PersonalConsentKey], context: HubBatchContext
) -> Answers[PersonalConsentKey, ConsentRequest]:
    """Requests that wait for the person's answer."""
    return await context.agencies[Consents].open_requests(wanted, context.call)


@batch(agency=None, depends_on_caller=True)
async def consenting_people(consents: Sequence[str], context: HubBatchContext) -> Answers[str, Consenting]:
    """Who consented, and to what; only consents in force that were given to the client that asks."""
    if context.caller.client is None:
        return {}
    found = await context.agencies[Consents].load_consenting(consents, context.caller.client, context.call)
    known = {consent: each for consent, each in found.items() if isinstance(each, Consenting)}
    people = tuple(dict.fromkeys(each.subject for each in known.values()))
    refusal = await get_budgets(context).charge(context.caller, people)
    if refusal is None:
        return found
    beyond = {consent: refusal.error for consent, each in known.items() if each.subject in refusal.people}
    return {**found, **beyond}  # type: ignore[dict-item]  # a refusal stands in place of the person


@batch(agency=None, depends_on_caller=True)
async def grant_consents(
    grantings: Sequence[ConsentGrant], context: HubBatchContext
) -> Answers[ConsentGrant, ConsentAnswer]:
    """Say yes. Who says so is of age, and surely identified: what is granted may be specific personal data."""
    if context.caller.assurance < Assurance.SUBSTANTIAL:
        raise Forbidden(DenialReason.ASSURANCE_TOO_LOW.value, DenialReason.ASSURANCE_TOO_LOW.name)
    if any(is_child(each.subject, get_city_date()) for each in grantings):
        raise NotOfAge
    return {each: await context.agencies[Consents].grant(each, context.caller, context.call) for each in grantings}


@batch(agency=None, depends_on_caller=True)
async def refuse_consents(
    requests: Sequence[PersonalConsentKey], context: HubBatchContext
) -> Answers[PersonalConsentKey, ConsentAnswer]:
    """Say no."""
    return {each: await context.agencies[Consents].refuse(each, context.caller, context.call) for each in requests}


@batch(agency=None, depends_on_caller=True)
async def revoke_consents(
    consents: Sequence[PersonalConsentKey], context: HubBatchContext
) -> Answers[PersonalConsentKey, Consent]:
    """Take consents back: from the next request on, partners read nothing on their strength."""
    return {each: await context.agencies[Consents].revoke(each, context.caller, context.call) for each in consents}

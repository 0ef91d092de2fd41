"""What people consent to: what can be asked and done, and how it is answered."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from auth.caller import Assurance, Caller
from auth.children import is_child, today_here
from auth.rules import Refusal
from engine.batch import batch
from engine.errors import Forbidden, SafeError
from records.answers import Answers
from records.call import Call
from records.clients import ClientId
from records.consenting import Consenting
from records.consents import (
    Consent,
    ConsentAnswer,
    ConsentPage,
    ConsentQuery,
    ConsentRequest,
    Granting,
    OfPerson,
)
from resolvers.ask import Ask
from resolvers.people_budgets import budgets_of


class ConsentsUnknown(SafeError):  # noqa: N818 - reads as what it is
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

    Everything raises `ConsentsUnknown` where the state does not answer.
    """

    async def consent_pages(self, queries: Sequence[ConsentQuery], call: Call) -> Answers[ConsentQuery, ConsentPage]:
        """Pages of people's consents."""

    async def opened(self, wanted: Sequence[OfPerson], call: Call) -> Answers[OfPerson, ConsentRequest]:
        """Requests that wait for an answer; each is bound to the person who opens it first."""

    async def consenting(self, consents: Sequence[str], client: ClientId, call: Call) -> Answers[str, Consenting]:
        """Who consented, by the ids of this client's consents, as far as they are in force."""

    async def count_tries(self, tries: Mapping[str, int], call: Call) -> Collection[str]:
        """Count how often is compared under each consent today; those under which that may still be done."""

    async def grant(self, granting: Granting, caller: Caller, call: Call) -> ConsentAnswer:
        """Say yes; raises `UnknownConsent`, `AlreadyAnswered`, and `BadInput` for scopes that nobody asked for."""

    async def refuse(self, request: OfPerson, caller: Caller, call: Call) -> ConsentAnswer:
        """Say no; raises `UnknownConsent` and `AlreadyAnswered`."""

    async def revoke(self, consent: OfPerson, caller: Caller, call: Call) -> Consent:
        """Take a consent back; raises `UnknownConsent`."""


@batch(agency=None)
async def consent_pages(queries: Sequence[ConsentQuery], ask: Ask) -> Answers[ConsentQuery, ConsentPage]:
    """What a person consented to, newest first."""
    return await ask.agencies[Consents].consent_pages(queries, ask.call)


@batch(agency=None)
async def opened_requests(wanted: Sequence[OfPerson], ask: Ask) -> Answers[OfPerson, ConsentRequest]:
    """Requests that wait for the person's answer."""
    return await ask.agencies[Consents].opened(wanted, ask.call)


@batch(agency=None, reads_caller=True)
async def consenting(consents: Sequence[str], ask: Ask) -> Answers[str, Consenting]:
    """Who consented, and to what; only consents in force that were given to the client that asks."""
    if ask.caller.client is None:
        return {}
    found = await ask.agencies[Consents].consenting(consents, ask.caller.client, ask.call)
    known = {consent: each for consent, each in found.items() if isinstance(each, Consenting)}
    people = tuple(dict.fromkeys(each.subject for each in known.values()))
    refusal = await budgets_of(ask).charge(ask.caller, people)
    if refusal is None:
        return found
    beyond = {consent: refusal.error for consent, each in known.items() if each.subject in refusal.people}
    return {**found, **beyond}  # type: ignore[dict-item]  # a refusal stands in place of the person


@batch(agency=None, reads_caller=True)
async def granted(grantings: Sequence[Granting], ask: Ask) -> Answers[Granting, ConsentAnswer]:
    """Say yes. Who says so is of age, and surely identified: what is granted may be specific personal data."""
    if ask.caller.assurance < Assurance.SUBSTANTIAL:
        raise Forbidden(Refusal.ASSURANCE_TOO_LOW.value, Refusal.ASSURANCE_TOO_LOW.name)
    if any(is_child(each.subject, today_here()) for each in grantings):
        raise NotOfAge
    return {each: await ask.agencies[Consents].grant(each, ask.caller, ask.call) for each in grantings}


@batch(agency=None, reads_caller=True)
async def refused(requests: Sequence[OfPerson], ask: Ask) -> Answers[OfPerson, ConsentAnswer]:
    """Say no."""
    return {each: await ask.agencies[Consents].refuse(each, ask.caller, ask.call) for each in requests}


@batch(agency=None, reads_caller=True)
async def revoked(consents: Sequence[OfPerson], ask: Ask) -> Answers[OfPerson, Consent]:
    """Take consents back: from the next request on, partners read nothing on their strength."""
    return {each: await ask.agencies[Consents].revoke(each, ask.caller, ask.call) for each in consents}

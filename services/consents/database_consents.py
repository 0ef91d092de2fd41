"""Consents of people, stored in the hub's own tables and looked up by NIK."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from urllib.parse import urlencode

from auth.caller import Caller
from auth.crypto.sealed_people import SealedPeople
from auth.policy.children import find_majority_date, get_city_date
from engine.errors import BadInput
from records.calls.answers import Answers
from records.calls.call import Call
from records.clocks import CITY_TIME_ZONE
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
from records.hub.partner_consents import ConsentEvidence, PartnerConsentRequest
from records.identifiers import Nik
from resolvers.hub.consents import AlreadyAnswered, ConsentsUnavailable, UnknownConsent
from services.consents.consent_purge import ConsentPurger
from services.consents.consent_text import VERSION, AgreementTerms, build_consent_texts, hash_texts
from store.consents.consent_requests import (
    ConsentAlreadyAnswered,
    OpenedConsentRequest,
    ScopeNotRequested,
    UnknownConsentRequest,
    WrongConsentSubject,
)
from store.consents.consent_tables import ConsentTables
from store.consents.data_preferences import SealedPerson
from store.database_timeout import StateUnavailable

_log = logging.getLogger("simpul.consents")
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_UNKNOWN_REQUEST = "No request with this id waits for your answer. It may be answered, expired or another person's."
_UNKNOWN_CONSENT = "You gave no consent of that id."


class DatabaseConsents:
    """Reads and changes consents in the hub's tables, which store sealed people only."""

    def __init__(
        self,
        *,
        tables: ConsentTables,
        people: SealedPeople,
        purger: ConsentPurger,
        graph_fields: frozenset[str],
    ) -> None:
        """`people` seals identities; `purger` deletes what was stored under an ended consent.

        `graph_fields` are the coordinates of all fields of this hub's graph.
        """
        self._requests = tables.requests
        self._consents = tables.consents
        self._preferences = tables.preferences
        self._attempts = tables.tries
        self._outbox = tables.outbox
        self._graph_fields = graph_fields
        self._people = people
        self._purger = purger

    async def consent_pages(
        self,
        queries: Sequence[ConsentQuery],
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Answers[ConsentQuery, ConsentPage]:
        """Pages of each person's consents."""
        async with _translate_errors():
            return {
                query: await self._consents.load_page(self._seal(query.subject), query.first, query.after)
                for query in queries  # each query is about the caller, who alone may read the list
            }

    async def open_requests(
        self, wanted: Sequence[PersonalConsentKey], call: Call
    ) -> Answers[PersonalConsentKey, ConsentRequest]:
        """Open requests that wait for an answer, which binds each to the first person who opens it."""
        ids: dict[Nik, list[str]] = {}
        for each in wanted:
            if has_id_form(each.id):
                ids.setdefault(each.subject, []).append(each.id)
        found: dict[PersonalConsentKey, ConsentRequest] = {}
        async with _translate_errors():
            for nik, own in ids.items():
                for opened in await self._requests.open(self._seal(nik), own, request_id=call.request_id):
                    found[PersonalConsentKey(subject=nik, id=opened.request.id)] = self._build_request(nik, opened)
        return found

    async def waiting_requests_of(
        self,
        people: Sequence[Nik],
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Answers[Nik, Sequence[ConsentRequest]]:
        """The requests that each person has opened and not answered, newest first."""
        async with _translate_errors():
            return {
                nik: [self._build_request(nik, each) for each in await self._requests.list_waiting(self._seal(nik))]
                for nik in people  # each list is for the person, who alone may read it
            }

    async def load_consenting_people(
        self,
        consents: Sequence[str],
        client: ClientId,
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Answers[str, Consenting]:
        """The people who consented, by the ids of this client's consents that are in force."""
        ids = [each for each in consents if has_id_form(each)]
        async with _translate_errors():
            return await self._preferences.load_consenting_people(ids, client, self._people.open) if ids else {}

    async def count_attempts(
        self,
        tries: Mapping[str, int],
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Collection[str]:
        """Count today's comparisons under each consent; returns the consents that may still be used."""
        async with _translate_errors():
            return await self._attempts.count(tries)

    async def grant(self, granting: ConsentGrant, caller: Caller, call: Call) -> ConsentAnswer:
        """Grant a request; raises `UnknownConsent`, `AlreadyAnswered`, and `BadInput` for unrequested scopes."""

        def build_evidence(request: PartnerConsentRequest) -> ConsentEvidence:
            terms = AgreementTerms(
                partner=request.partner,
                scopes=request.scopes,
                purpose=request.purpose,
                lasts=timedelta(days=request.days),
                is_about_child=request.is_about_child,
            )
            texts = build_consent_texts(granting.subject, terms, chosen=granting.scopes)
            return ConsentEvidence(
                assurance=caller.assurance.name.lower(),
                version=VERSION,
                hash=hash_texts(texts),
                texts={each.language.value: each.text for each in texts},
                request_id=call.request_id,
                until=None if granting.guardian is None else _find_majority(granting.subject),
            )

        child = None if granting.guardian is None else self._seal(granting.subject)
        person = self._seal(granting.guardian or granting.subject)
        async with _translate_errors(_UNKNOWN_REQUEST):
            _require_id(granting.request, _UNKNOWN_REQUEST)
            request, consent = await self._requests.grant(
                person, granting.request, granting.scopes, build_evidence, child=child
            )
        self._outbox.announce()
        answer = [("consent", consent.id)]
        return ConsentAnswer(
            subject=granting.subject, consent=consent, return_to=_build_return_address(request, answer)
        )

    async def refuse(
        self,
        request: PersonalConsentKey,
        caller: Caller,  # noqa: ARG002 - refusing needs no assurance
        call: Call,
    ) -> ConsentAnswer:
        """Refuse a request; raises `UnknownConsent` and `AlreadyAnswered`."""
        async with _translate_errors(_UNKNOWN_REQUEST):
            _require_id(request.id, _UNKNOWN_REQUEST)
            answered = await self._requests.refuse(self._seal(request.subject), request.id, request_id=call.request_id)
        self._outbox.announce()
        answer = [("error", "access_denied")]
        return ConsentAnswer(subject=request.subject, consent=None, return_to=_build_return_address(answered, answer))

    async def revoke(
        self,
        consent: PersonalConsentKey,
        caller: Caller,  # noqa: ARG002 - revoking needs no more assurance than granting did
        call: Call,
    ) -> Consent:
        """Revoke a consent; raises `UnknownConsent`."""
        async with _translate_errors():
            _require_id(consent.id, _UNKNOWN_CONSENT)
            found = await self._consents.revoke(self._seal(consent.subject), consent.id, request_id=call.request_id)
        if found is None:
            raise UnknownConsent(_UNKNOWN_CONSENT)
        ended, ended_now = found
        if ended_now:
            self._outbox.announce()
            await self._purger.purge(ended)
        return ended

    def _seal(self, nik: Nik) -> SealedPerson:
        return SealedPerson(nik, self._people.seal(nik))

    def _build_request(self, nik: Nik, opened: OpenedConsentRequest) -> ConsentRequest:
        request, lasts = opened.request, timedelta(days=opened.request.days)
        return ConsentRequest(
            subject=nik,
            id=request.id,
            client=request.client,
            partner=request.partner,
            purpose=request.purpose,
            scopes=request.scopes,
            asked_at=request.asked_at,
            answer_by=request.answer_by,
            would_expire_at=datetime.now(UTC) + lasts,
            is_about_child=request.is_about_child,
            duration=lasts,
            readable_fields=limit_to_graph(opened.readable_fields, self._graph_fields),
        )


def _find_majority(child: Nik) -> datetime | None:
    """When a child comes of age, in the city's time zone; None if the number holds no date."""
    day = find_majority_date(child, get_city_date())
    return None if day is None else datetime.combine(day, time(), CITY_TIME_ZONE)


def has_id_form(text: str) -> bool:
    """Whether the text has the form of a request or consent id. A malformed id is treated as unknown."""
    return _ID.fullmatch(text) is not None


def _require_id(id_: str, message: str) -> None:
    if not has_id_form(id_):
        raise UnknownConsent(message)


def limit_to_graph(reads: frozenset[str] | None, graph_fields: frozenset[str]) -> frozenset[str]:
    """The fields that a client reads, or for None may read, as far as this hub's graph has them."""
    return graph_fields if reads is None else reads & graph_fields


@asynccontextmanager
async def _translate_errors(unknown_message: str = _UNKNOWN_REQUEST) -> AsyncIterator[None]:
    """Translate errors of the tables into errors for the caller."""
    try:
        yield
    except StateUnavailable as failure:
        _log.error("Consents cannot be read or changed: %s", failure)
        raise ConsentsUnavailable from None
    except UnknownConsentRequest:
        raise UnknownConsent(unknown_message) from None
    except ConsentAlreadyAnswered:
        raise AlreadyAnswered from None
    except WrongConsentSubject:
        raise BadInput(
            "Argument 'child' must name your child if the request is about a child ('isAboutChild'), and else be left"
            " out."
        ) from None
    except ScopeNotRequested:
        raise BadInput("Argument 'scopes' holds a scope that was not requested. Grant scopes of the request.") from None


def _build_return_address(request: PartnerConsentRequest, answer: Iterable[tuple[str, str]]) -> str:
    """The partner's redirect address with the answer and the partner's `state` (RFC 6749, section 4.1.2)."""
    parameters = [*answer, *([("state", request.state)] if request.state is not None else [])]
    joint = "&" if "?" in request.redirect_uri else "?"
    return f"{request.redirect_uri}{joint}{urlencode(parameters)}"

"""What people of the small city consent to, in memory: for tests of what stands above the hub's own state."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from auth.caller import Caller
from engine.errors import BadInput
from records.calls.answers import Answers
from records.calls.call import Call
from records.hub.consenting import Consenting
from records.hub.consents import (
    Consent,
    ConsentAnswer,
    ConsentGrant,
    ConsentPage,
    ConsentQuery,
    ConsentRequest,
    ConsentState,
    PersonalConsentKey,
)
from records.identifiers import Nik
from records.purposes import Purpose, Scope
from resolvers.hub.consents import AlreadyAnswered, ConsentsUnavailable, UnknownConsent
from tests.fakes.small_records import SITI

REQUEST = "permintaan-1"
PARTNER = "Kredit <Nusantara> & Rekan"
"""A name that has to be escaped."""
ASKED_AT = datetime(2026, 11, 24, 3, 15, tzinfo=UTC)
NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)


def build_request(
    return_to: str, id_: str = REQUEST, *, reads: frozenset[str] | None = None
) -> tuple[ConsentRequest, str]:
    """A request to Siti, and the partner's address."""
    consent_request = ConsentRequest(
        subject=SITI,
        id=id_,
        client="sandbox/kredit-nusantara",
        partner=PARTNER,
        purpose=Purpose.CREDIT_ASSESSMENT,
        scopes=(Scope.TAX, Scope.MSMES, Scope.IDENTITY),
        asked_at=ASKED_AT,
        answer_by=ASKED_AT + timedelta(days=2),
        would_expire_at=ASKED_AT + timedelta(days=90),
        duration=timedelta(days=90),
        readable_fields=reads,
    )
    return consent_request, return_to


@dataclass
class SmallConsents:
    """Requests and consents. `changes` is what was changed, in order."""

    requests: dict[str, tuple[ConsentRequest, str]] = field(default_factory=dict)
    consents: list[Consent] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    changes: list[tuple[str, str, frozenset[Scope]]] = field(default_factory=list)
    is_down: bool = False
    granted: dict[str, Consent] = field(default_factory=dict)

    def reset(self) -> None:
        """Forget every answer, and be up."""
        for answers in (self.consents, self.refused, self.changes, self.granted):
            answers.clear()
        self.is_down = False

    async def consent_pages(self, queries: Sequence[ConsentQuery], _call: Call) -> Answers[ConsentQuery, ConsentPage]:
        self._check()
        return {each: self._page(each) for each in queries}

    async def open_requests(
        self, wanted: Sequence[PersonalConsentKey], _call: Call
    ) -> Answers[PersonalConsentKey, ConsentRequest]:
        self._check()
        answered = self.refused | self.granted.keys()
        return {each: self.requests[each.id][0] for each in wanted if self._is_for(each) and each.id not in answered}

    async def waiting_requests_of(self, people: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[ConsentRequest]]:
        self._check()
        waiting = [each for each, _ in self.requests.values() if each.id not in {*self.granted, *self.refused}]
        return {nik: [each for each in waiting if each.subject == nik] for nik in people}

    async def load_consenting_people(
        self, consents: Sequence[str], _client: str, _call: Call
    ) -> Answers[str, Consenting]:
        raise NotImplementedError(consents)

    async def count_attempts(self, tries: Mapping[str, int], _call: Call) -> Collection[str]:
        raise NotImplementedError(tries)

    async def grant(self, granting: ConsentGrant, _caller: Caller, _call: Call) -> ConsentAnswer:
        person = granting.guardian or granting.subject
        consent_request, return_to = self._find_open(PersonalConsentKey(subject=person, id=granting.request))
        if not granting.scopes or not granting.scopes <= set(consent_request.scopes):
            raise BadInput("Argument 'scopes' holds a scope that was not requested. Grant scopes of the request.")
        if (given := self.granted.get(consent_request.id)) is not None and set(given.scopes) == granting.scopes:
            return ConsentAnswer(subject=granting.subject, consent=given, return_to=f"{return_to}?consent={given.id}")
        if given is not None or consent_request.id in self.refused:
            raise AlreadyAnswered
        consent = Consent(
            subject=granting.subject,
            id=f"persetujuan-{len(self.consents) + 1}",
            client=consent_request.client,
            partner=consent_request.partner,
            scopes=tuple(scope for scope in consent_request.scopes if scope in granting.scopes),
            purpose=consent_request.purpose,
            state=ConsentState.GRANTED,
            granted_at=NOW,
            expires_at=consent_request.would_expire_at,
            by_guardian=granting.guardian is not None,
        )
        self.consents.append(consent)
        self.granted[consent_request.id] = consent
        self.changes.append(("grant", consent_request.id, granting.scopes))
        return ConsentAnswer(subject=granting.subject, consent=consent, return_to=f"{return_to}?consent={consent.id}")

    async def refuse(self, request: PersonalConsentKey, _caller: Caller, _call: Call) -> ConsentAnswer:
        consent_request, return_to = self._find_open(request)
        if consent_request.id in self.granted:
            raise AlreadyAnswered
        if consent_request.id not in self.refused:
            self.refused.add(consent_request.id)
            self.changes.append(("refuse", consent_request.id, frozenset()))
        return ConsentAnswer(subject=request.subject, consent=None, return_to=f"{return_to}?error=access_denied")

    async def revoke(self, consent: PersonalConsentKey, _caller: Caller, _call: Call) -> Consent:
        self._check()
        for at, each in enumerate(self.consents):
            if (each.subject, each.id) == (consent.subject, consent.id):
                if each.state is ConsentState.REVOKED:
                    return each
                self.consents[at] = replace(each, state=ConsentState.REVOKED, revoked_at=NOW)
                self.changes.append(("revoke", each.id, frozenset()))
                return self.consents[at]
        raise UnknownConsent("There is no such consent of yours.")

    def add_consents(self, count: int, subject: Nik = SITI) -> None:
        """Some consents, given one a day."""
        for number in range(count):
            self.consents.append(
                Consent(
                    subject=subject,
                    id=f"persetujuan-{len(self.consents) + 1}",
                    client="pantau-kota",
                    partner=f"Mitra {number + 1}",
                    scopes=(Scope.MSMES,),
                    purpose=Purpose.CREDIT_ASSESSMENT,
                    state=ConsentState.GRANTED,
                    granted_at=NOW - timedelta(days=number),
                    expires_at=NOW + timedelta(days=30),
                )
            )

    def _is_for(self, wanted: PersonalConsentKey) -> bool:
        return wanted.id in self.requests and self.requests[wanted.id][0].subject == wanted.subject

    def _find_open(self, wanted: PersonalConsentKey) -> tuple[ConsentRequest, str]:
        self._check()
        if not self._is_for(wanted):
            raise UnknownConsent("There is no such request for you.")
        return self.requests[wanted.id]

    def _page(self, query: ConsentQuery) -> ConsentPage:
        own = sorted(
            (each for each in self.consents if each.subject == query.subject),
            key=lambda each: (each.granted_at, each.id),
            reverse=True,
        )
        if query.after is not None:
            own = [each for each in own if (each.granted_at, each.id) < (query.after.at, query.after.id)]
        return ConsentPage(consents=tuple(own[: query.first]), has_more=len(own) > query.first)

    def _check(self) -> None:
        if self.is_down:
            raise ConsentsUnavailable

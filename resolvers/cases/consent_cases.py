"""Consents as cases, from the partner's request on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

from auth.caller import Assurance
from auth.policy.children import get_city_date, is_child
from auth.policy.rules import Rule
from records.cases import Case, CaseActivity, CaseActor, CaseClock, CaseKind, CaseState, CaseStep
from records.hub.consents import Consent, ConsentQuery, ConsentRequest, ConsentState
from resolvers.cases.captions import YOU, Caption
from resolvers.cases.case_source import MAX_OF_KIND, CaseReading, CaseSource
from resolvers.hub.consents import consent_pages, waiting_consent_requests

_ASKED_TITLE: Final = Caption("{partner} asks for your consent", "{partner} meminta persetujuan Anda")
_TITLE: Final = Caption("Your consent to {partner}", "Persetujuan Anda untuk {partner}")
_ANSWER: Final = Caption("Consent or refuse", "Menyetujui atau menolak")
_ASKED: Final = Caption("Asked for your consent", "Meminta persetujuan Anda")
_GRANTED: Final = Caption("Consented", "Menyetujui")
_STATES: Final = {
    ConsentState.GRANTED: CaseState.ACTIVE,
    ConsentState.REVOKED: CaseState.WITHDRAWN,
    ConsentState.RETURNED: CaseState.DONE,
    ConsentState.EXPIRED: CaseState.EXPIRED,
}
_ENDS: Final = {
    ConsentState.REVOKED: Caption("Revoked the consent", "Mencabut persetujuan"),
    ConsentState.RETURNED: Caption("Returned the consent", "Mengembalikan persetujuan"),
    ConsentState.EXPIRED: Caption("The consent expired", "Persetujuan berakhir"),
}
_IS_OVER: Final = Caption("The consent is not in force.", "Persetujuan tidak berlaku.")
_IS_CHILD: Final = Caption(
    "A person under 18 cannot consent alone.", "Orang di bawah 18 tahun tidak dapat menyetujui sendiri."
)
_TOO_LOW: Final = Caption(
    "Sign in with a stronger proof of who you are.", "Masuklah dengan bukti identitas yang lebih kuat."
)


async def _load(reading: CaseReading) -> Sequence[Case]:
    query = ConsentQuery(subject=reading.person, first=MAX_OF_KIND)
    pages, requests = await asyncio.gather(
        reading.read(consent_pages, query), reading.read(waiting_consent_requests, reading.person)
    )
    given = [_build_case(reading, each) for _, page in pages for each in page.consents]
    return [*given, *(_build_waiting_case(reading, each) for _, found in requests for each in found)]


def _build_waiting_case(reading: CaseReading, request: ConsentRequest) -> Case:
    obstacle = _IS_CHILD if is_child(reading.person, get_city_date()) else None
    if obstacle is None and reading.context.caller.assurance < Assurance.SUBSTANTIAL:
        obstacle = _TOO_LOW
    return Case(
        person=reading.person,
        key=reading.build_key("hub", request.id),
        kind=CaseKind.CONSENT,
        title=reading.say(_ASKED_TITLE, partner=request.partner),
        state=CaseState.WAITING_FOR_YOU,
        next_step=CaseStep(what=reading.say(_ANSWER), by=CaseActor.YOU),
        clock=CaseClock(due_at=request.answer_by, is_late=reading.now > request.answer_by),
        changed_at=request.asked_at,
        activities=(CaseActivity(at=request.asked_at, text=reading.say(_ASKED), by=request.partner),),
        actions=(reading.build_action("grantConsent", obstacle), reading.build_action("refuseConsent", None)),
        subject=request,
    )


def _build_case(reading: CaseReading, consent: Consent) -> Case:
    activities = tuple(_list_activities(reading, consent))
    return Case(
        person=reading.person,
        key=reading.build_key("hub", consent.request or consent.id),
        kind=CaseKind.CONSENT,
        title=reading.say(_TITLE, partner=consent.partner),
        state=_STATES[consent.state],
        changed_at=activities[-1].at,
        activities=activities,
        actions=(reading.build_action("revokeConsent", None if consent.state is ConsentState.GRANTED else _IS_OVER),),
        subject=consent,
    )


def _list_activities(reading: CaseReading, consent: Consent) -> Iterator[CaseActivity]:
    if consent.asked_at is not None:
        yield CaseActivity(at=consent.asked_at, text=reading.say(_ASKED), by=consent.partner)
    you = reading.say(YOU)
    yield CaseActivity(at=consent.granted_at, text=reading.say(_GRANTED), by=you)
    if consent.state in _ENDS:
        by = {ConsentState.REVOKED: you, ConsentState.RETURNED: consent.partner}
        yield CaseActivity(
            at=consent.revoked_at or consent.expires_at,
            text=reading.say(_ENDS[consent.state]),
            by=by.get(consent.state) or reading.name("hub"),
        )


CONSENT_CASES: Final = CaseSource(
    kind=CaseKind.CONSENT, rules=Rule.SELF, reads=(consent_pages, waiting_consent_requests), load=_load
)

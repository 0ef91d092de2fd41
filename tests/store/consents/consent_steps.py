"""Consents in the hub's own database, for tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.crypto.sealed_people import SealedPeople
from records.hub.consents import Consent
from records.hub.partner_consents import ConsentEvidence, NewConsentRequest, PartnerConsentRequest
from records.identifiers import Nik
from records.purposes import Purpose, Scope
from store.consents.consent_requests import ConsentRequestTable
from store.consents.data_preferences import SealedPerson
from store.tables import consent_requests, consents
from tests.fakes.clients import build_client

PEOPLE = SealedPeople(b"a secret of thirty-two bytes....")
SITI, BUDI = Nik("3171014506900001"), Nik("3171010101800002")
SEALED_SITI, SEALED_BUDI = SealedPerson(SITI, PEOPLE.seal(SITI)), SealedPerson(BUDI, PEOPLE.seal(BUDI))
HOUR = timedelta(hours=1)
REDIRECT_URI = "https://bank.example/back"


def build_request(**given: Any) -> NewConsentRequest:  # noqa: ANN401 - fields of the record
    """The bank's request."""
    return NewConsentRequest(
        **{
            "scopes": (Scope.TAX, Scope.MSMES),
            "purpose": Purpose.CREDIT_ASSESSMENT,
            "days": 30,
            "redirect_uri": REDIRECT_URI,
            "state": "s-1",
            **given,
        }
    )


def build_evidence(_asked: PartnerConsentRequest) -> ConsentEvidence:
    """The proof of the consent."""
    return ConsentEvidence(
        assurance="substantial", version="1", hash=b"h" * 32, texts={"id": "Saya", "en": "I"}, request_id="r-2"
    )


async def create_request(table: ConsentRequestTable, client: str = "bank", **given: Any) -> str:  # noqa: ANN401 - fields
    """Creates a request; returns its id."""
    kept = await table.create(
        build_client(client), "Bank Betawi", build_request(**given), answer_within=HOUR, request_id="r-0"
    )
    return kept.id


async def open_request(table: ConsentRequestTable, person: SealedPerson, id_: str) -> bool:
    """Whether the person finds the request when they open it."""
    return [each.request.id for each in await table.open(person, [id_], request_id="r-1")] == [id_]


async def grant_consent(
    table: ConsentRequestTable,
    person: SealedPerson = SEALED_SITI,
    *,
    client: str = "bank",
    **given: Any,  # noqa: ANN401 - fields
) -> Consent:
    """Creates a consent: request, opening and grant."""
    id_ = await create_request(table, client, **given)
    assert await open_request(table, person, id_)
    _, consent = await table.grant(person, id_, build_request(**given).scopes, build_evidence)
    return consent


async def expire(engine: AsyncEngine, *, request: str | None = None, consent: str | None = None) -> None:
    """Lets a request, or a consent, have expired a minute ago."""
    async with engine.begin() as connection:
        past = timedelta(minutes=1)
        if request is not None:
            old = update(consent_requests).where(consent_requests.c.id == request)
            await connection.execute(old.values(answer_by=consent_requests.c.asked_at - past))
        if consent is not None:
            old = update(consents).where(consents.c.id == consent)
            await connection.execute(old.values(expires_at=consents.c.granted_at - past))

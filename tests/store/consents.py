"""Consents in the hub's own database, for tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.sealed_people import SealedPeople
from records.asked_consents import AskedConsent, Evidence, WantedConsent
from records.consents import Consent
from records.identifiers import Nik
from records.purposes import Purpose, Scope
from store.consent_requests import ConsentRequestTable
from store.tables import consent_requests, consents
from store.wishes import Sealed
from tests.clients import client_named

PEOPLE = SealedPeople(b"a secret of thirty-two bytes....")
SITI, BUDI = Nik("3171014506900001"), Nik("3171010101800002")
HER, HIM = Sealed(SITI, PEOPLE.seal(SITI)), Sealed(BUDI, PEOPLE.seal(BUDI))
HOUR = timedelta(hours=1)
RETURNS = "https://bank.example/back"


def wanted(**given: Any) -> WantedConsent:  # noqa: ANN401 - fields of the record
    """What the bank wants."""
    return WantedConsent(
        **{
            "scopes": (Scope.TAX, Scope.MSMES),
            "purpose": Purpose.CREDIT_ASSESSMENT,
            "days": 30,
            "redirect_uri": RETURNS,
            "state": "s-1",
            **given,
        }
    )


def evidence(_asked: AskedConsent) -> Evidence:
    """What proves the consent."""
    return Evidence(
        assurance="substantial", version="1", hash=b"h" * 32, texts={"id": "Saya", "en": "I"}, request_id="r-2"
    )


async def asked(table: ConsentRequestTable, client: str = "bank", **given: Any) -> str:  # noqa: ANN401 - fields
    """A request; its id."""
    kept = await table.ask(client_named(client), "Bank Betawi", wanted(**given), answer_within=HOUR, request_id="r-0")
    return kept.id


async def opened(table: ConsentRequestTable, person: Sealed, id_: str) -> bool:
    """Whether the person finds the request when they open it."""
    return [each.request.id for each in await table.open(person, [id_], request_id="r-1")] == [id_]


async def granted(
    table: ConsentRequestTable,
    person: Sealed = HER,
    *,
    client: str = "bank",
    **given: Any,  # noqa: ANN401 - fields
) -> Consent:
    """A consent, from the question to the answer."""
    id_ = await asked(table, client, **given)
    assert await opened(table, person, id_)
    _, consent = await table.grant(person, id_, wanted(**given).scopes, evidence)
    return consent


async def made_old(engine: AsyncEngine, *, request: str | None = None, consent: str | None = None) -> None:
    """Let the time of a request, or of a consent, be over since a minute."""
    async with engine.begin() as connection:
        past = timedelta(minutes=1)
        if request is not None:
            old = update(consent_requests).where(consent_requests.c.id == request)
            await connection.execute(old.values(answer_by=consent_requests.c.asked_at - past))
        if consent is not None:
            old = update(consents).where(consents.c.id == consent)
            await connection.execute(old.values(expires_at=consents.c.granted_at - past))

"""The fake consents of `tests/fakes/small_consents.py` answer like the hub's own tables."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.crypto.sealed_people import SealedPeople
from engine.errors import BadInput
from records.hub.consents import (
    Consent,
    ConsentAnswer,
    ConsentGrant,
    ConsentPosition,
    ConsentQuery,
    ConsentRequest,
    ConsentState,
    PersonalConsentKey,
)
from records.hub.partner_consents import NewConsentRequest
from records.identifiers import Nik
from records.purposes import Purpose, Scope
from resolvers.hub.consents import AlreadyAnswered, Consents, UnknownConsent
from services.consents.consent_purge import ConsentPurger
from services.consents.database_consents import DatabaseConsents
from store.consents.consent_tables import ConsentTables, build_consent_tables
from tests.fakes.clients import build_client
from tests.fakes.small_consents import SmallConsents, build_request
from tests.fakes.small_records import BUDI, CALL, CALLERS, SITI

RETURN_TO = "https://bank.example/back"
SCOPES = (Scope.TAX, Scope.IDENTITY)
NONE = f"{0:032}"
"""A well-formed id that does not exist."""


@dataclass
class Implementation:
    """Consents, and a way to create requests for Siti."""

    consents: Consents
    tables: ConsentTables | None = None

    async def ask_for_consent(self) -> str:
        """Create a request for two scopes, open it as Siti, and return its id."""
        if self.tables is None:
            assert isinstance(self.consents, SmallConsents)
            id_ = f"{len(self.consents.requests) + 1:032}"
            asked, return_to = build_request(RETURN_TO, id_)
            self.consents.requests[id_] = (replace(asked, scopes=SCOPES), return_to)
        else:
            wanted = NewConsentRequest(
                scopes=SCOPES, purpose=Purpose.CREDIT_ASSESSMENT, days=90, redirect_uri=RETURN_TO, state=None
            )
            hour = timedelta(hours=1)
            client = build_client("bank")
            id_ = (await self.tables.requests.create(client, "Bank", wanted, answer_within=hour, request_id="r-0")).id
        assert set(await self.open(id_)) == {id_}
        return id_

    async def open(self, id_: str, subject: Nik = SITI) -> list[str]:
        """The ids that the person finds."""
        found = await self.consents.open_requests([PersonalConsentKey(subject=subject, id=id_)], CALL)
        return [each.id for each in found.values() if isinstance(each, ConsentRequest)]

    async def grant(self, id_: str, *scopes: Scope, subject: Nik = SITI) -> ConsentAnswer:
        granting = ConsentGrant(subject=subject, request=id_, scopes=frozenset(scopes))
        return await self.consents.grant(granting, CALLERS["the person"], CALL)

    async def refuse(self, id_: str, subject: Nik = SITI) -> ConsentAnswer:
        return await self.consents.refuse(PersonalConsentKey(subject=subject, id=id_), CALLERS["the person"], CALL)

    async def revoke(self, id_: str, subject: Nik = SITI) -> Consent:
        return await self.consents.revoke(PersonalConsentKey(subject=subject, id=id_), CALLERS["the person"], CALL)

    async def list(self, first: int, after: ConsentPosition | None = None) -> tuple[list[str], bool]:
        """The ids of a page of Siti's consents, and whether there are more."""
        query = ConsentQuery(subject=SITI, first=first, after=after)
        page = (await self.consents.consent_pages([query], CALL))[query]
        assert not isinstance(page, Exception)
        return [each.id for each in page.consents], page.has_more


@pytest.fixture(params=["fake", "tables"])
def implementation(request: pytest.FixtureRequest, migrated: AsyncEngine) -> Implementation:
    if request.param == "fake":
        return Implementation(SmallConsents())
    return build_implementation(migrated)


def build_implementation(migrated: AsyncEngine) -> Implementation:
    """The hub's own tables."""
    tables, people = build_consent_tables(migrated), SealedPeople(b"a secret of thirty-two bytes....")
    own = DatabaseConsents(
        tables=tables,
        graph_fields=frozenset(),
        people=people,
        purger=ConsentPurger(tables.maintenance, (tables.tries,), people),
    )
    return Implementation(own, tables)


async def test_a_granted_request_gives_a_consent_to_the_ticked_scopes(implementation: Implementation) -> None:
    answer = await implementation.grant(await implementation.ask_for_consent(), Scope.IDENTITY, Scope.TAX)
    assert answer.consent is not None
    assert answer.consent.scopes == (Scope.TAX, Scope.IDENTITY)  # in the order of the request
    assert answer.consent.state is ConsentState.GRANTED
    assert answer.return_to == f"{RETURN_TO}?consent={answer.consent.id}"
    assert await implementation.list(10) == ([answer.consent.id], False)


async def test_the_same_answer_again_changes_nothing(implementation: Implementation) -> None:
    granted, refused = [await implementation.ask_for_consent() for _ in range(2)]
    first = await implementation.grant(granted, Scope.TAX)
    assert await implementation.grant(granted, Scope.TAX) == first
    assert await implementation.refuse(refused) == await implementation.refuse(refused)
    assert first.consent is not None
    assert await implementation.list(10) == ([first.consent.id], False)


async def test_another_answer_is_refused(implementation: Implementation) -> None:
    granted, refused = [await implementation.ask_for_consent() for _ in range(2)]
    await implementation.grant(granted, Scope.TAX)
    await implementation.refuse(refused)
    for again in (
        implementation.grant(granted, Scope.TAX, Scope.IDENTITY),
        implementation.refuse(granted),
        implementation.grant(refused, Scope.TAX),
    ):
        with pytest.raises(AlreadyAnswered):
            await again


@pytest.mark.parametrize("scopes", [(), (Scope.TAX, Scope.MSMES)])
async def test_no_scopes_and_those_that_were_not_requested_are_bad_input(
    implementation: Implementation, scopes: tuple[Scope, ...]
) -> None:
    id_ = await implementation.ask_for_consent()
    with pytest.raises(BadInput):
        await implementation.grant(id_, *scopes)
    assert await implementation.list(10) == ([], False)


async def test_an_answered_request_is_not_found_again(implementation: Implementation) -> None:
    granted, refused = [await implementation.ask_for_consent() for _ in range(2)]
    await implementation.grant(granted, Scope.TAX)
    await implementation.refuse(refused)
    assert await implementation.open(granted) == []
    assert await implementation.open(refused) == []


async def test_requests_and_consents_of_another_person_are_unknown(implementation: Implementation) -> None:
    waiting = await implementation.ask_for_consent()
    consent = (await implementation.grant(await implementation.ask_for_consent(), Scope.TAX)).consent
    assert consent is not None
    assert await implementation.open(waiting, subject=BUDI) == []
    for attempt in (
        implementation.grant(waiting, Scope.TAX, subject=BUDI),
        implementation.refuse(waiting, subject=BUDI),
        implementation.revoke(consent.id, subject=BUDI),
        implementation.grant(NONE, Scope.TAX),
        implementation.refuse(NONE),
        implementation.revoke(NONE),
    ):
        with pytest.raises(UnknownConsent):
            await attempt


async def test_a_revoked_consent_stays_listed_and_keeps_its_first_end(implementation: Implementation) -> None:
    consent = (await implementation.grant(await implementation.ask_for_consent(), Scope.TAX)).consent
    assert consent is not None
    revoked = await implementation.revoke(consent.id)
    assert (revoked.id, revoked.state) == (consent.id, ConsentState.REVOKED)
    assert revoked.revoked_at is not None
    assert (await implementation.revoke(consent.id)).revoked_at == revoked.revoked_at
    assert await implementation.list(10) == ([consent.id], False)


async def test_each_change_wakes_the_delivery_of_webhooks(migrated: AsyncEngine) -> None:
    implementation = build_implementation(migrated)
    assert implementation.tables is not None
    outbox = implementation.tables.outbox
    granted, refused = [await implementation.ask_for_consent() for _ in range(2)]
    consent = ""
    for change in ("grant", "refuse", "revoke"):
        waiting = asyncio.create_task(outbox.wait(60))
        if change == "grant":
            answer = await implementation.grant(granted, Scope.TAX)
            assert answer.consent is not None
            consent = answer.consent.id
        elif change == "refuse":
            await implementation.refuse(refused)
        else:
            await implementation.revoke(consent)
        await asyncio.wait_for(waiting, 5)


async def test_pages_hold_the_newest_first(implementation: Implementation) -> None:
    given = [(await implementation.grant(await implementation.ask_for_consent(), Scope.TAX)).consent for _ in range(3)]
    consents = sorted((each for each in given if each), key=lambda each: (each.granted_at, each.id), reverse=True)
    ids = [each.id for each in consents]
    assert await implementation.list(2) == (ids[:2], True)
    after = ConsentPosition(at=consents[1].granted_at, id=ids[1])
    assert await implementation.list(2, after) == (ids[2:], False)

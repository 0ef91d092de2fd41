"""The fake consents of `tests/small_consents.py` answer as the hub's own tables do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.sealed_people import SealedPeople
from engine.errors import BadInput
from records.asked_consents import WantedConsent
from records.consents import (
    Consent,
    ConsentAnswer,
    ConsentPosition,
    ConsentQuery,
    ConsentRequest,
    ConsentState,
    Granting,
    OfPerson,
)
from records.identifiers import Nik
from records.purposes import Purpose, Scope
from resolvers.consents import AlreadyAnswered, Consents, UnknownConsent
from resolvers.own_consents import OwnConsents
from resolvers.purges import Purging
from store.consent_tables import ConsentTables, consent_tables
from tests.clients import client_named
from tests.small_consents import SmallConsents, request
from tests.small_records import BUDI, CALL, CALLERS, SITI

RETURN_TO = "https://bank.example/back"
SCOPES = (Scope.TAX, Scope.IDENTITY)
NONE = f"{0:032}"
"""An id that nobody has, of the right form."""


@dataclass
class Implementation:
    """Consents, and a way to ask Siti for one."""

    consents: Consents
    tables: ConsentTables | None = None

    async def ask_for_consent(self) -> str:
        """A request for two scopes that Siti opened; its id."""
        if self.tables is None:
            assert isinstance(self.consents, SmallConsents)
            id_ = f"{len(self.consents.requests) + 1:032}"
            asked, return_to = request(RETURN_TO, id_)
            self.consents.requests[id_] = (replace(asked, scopes=SCOPES), return_to)
        else:
            wanted = WantedConsent(
                scopes=SCOPES, purpose=Purpose.CREDIT_ASSESSMENT, days=90, redirect_uri=RETURN_TO, state=None
            )
            hour = timedelta(hours=1)
            client = client_named("bank")
            id_ = (await self.tables.requests.ask(client, "Bank", wanted, answer_within=hour, request_id="r-0")).id
        assert set(await self.open(id_)) == {id_}
        return id_

    async def open(self, id_: str, subject: Nik = SITI) -> list[str]:
        """The ids of what the person finds."""
        found = await self.consents.opened([OfPerson(subject=subject, id=id_)], CALL)
        return [each.id for each in found.values() if isinstance(each, ConsentRequest)]

    async def grant(self, id_: str, *scopes: Scope, subject: Nik = SITI) -> ConsentAnswer:
        granting = Granting(subject=subject, request=id_, scopes=frozenset(scopes))
        return await self.consents.grant(granting, CALLERS["the person"], CALL)

    async def refuse(self, id_: str, subject: Nik = SITI) -> ConsentAnswer:
        return await self.consents.refuse(OfPerson(subject=subject, id=id_), CALLERS["the person"], CALL)

    async def revoke(self, id_: str, subject: Nik = SITI) -> Consent:
        return await self.consents.revoke(OfPerson(subject=subject, id=id_), CALLERS["the person"], CALL)

    async def list(self, first: int, after: ConsentPosition | None = None) -> tuple[list[str], bool]:
        """The ids of a page of Siti's, and whether there are more."""
        query = ConsentQuery(subject=SITI, first=first, after=after)
        page = (await self.consents.consent_pages([query], CALL))[query]
        assert not isinstance(page, Exception)
        return [each.id for each in page.consents], page.has_more


@pytest.fixture(params=["fake", "tables"])
def implementation(request: pytest.FixtureRequest, migrated: AsyncEngine) -> Implementation:
    if request.param == "fake":
        return Implementation(SmallConsents())
    tables, people = consent_tables(migrated), SealedPeople(b"a secret of thirty-two bytes....")
    own = OwnConsents(
        requests=tables.requests,
        consents=tables.consents,
        wishes=tables.wishes,
        tries=tables.tries,
        people=people,
        purging=Purging(tables.upkeep, (tables.tries,), people),
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


async def test_pages_hold_the_newest_first(implementation: Implementation) -> None:
    given = [(await implementation.grant(await implementation.ask_for_consent(), Scope.TAX)).consent for _ in range(3)]
    consents = sorted((each for each in given if each), key=lambda each: (each.granted_at, each.id), reverse=True)
    ids = [each.id for each in consents]
    assert await implementation.list(2) == (ids[:2], True)
    after = ConsentPosition(at=consents[1].granted_at, id=ids[1])
    assert await implementation.list(2, after) == (ids[2:], False)

"""What people said, read out of the hub's tables at the moment it is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.sealed_people import SealedPeople
from records.consents import Consent, ConsentState
from records.identifiers import Nik
from records.purposes import Purpose, Scope
from records.wishes import Restriction, Wishes
from store.database import database
from store.tables import consents, data_requests, restrictions
from store.unavailable import StateUnavailable
from store.wishes import Sealed, WishTable
from tests.city import HOST, free_port
from tests.clients import client_named

SITI, BUDI = Nik("3171014506900001"), Nik("3171010101800002")
PEOPLE = SealedPeople(b"a secret of thirty-two bytes....")
BOTH = [Sealed(nik, PEOPLE.seal(nik)) for nik in (SITI, BUDI)]
YESTERDAY = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
IN_A_YEAR = YESTERDAY + timedelta(days=366)


@pytest.fixture
async def table(migrated: AsyncEngine) -> WishTable:
    return WishTable(migrated)


async def granted(engine: AsyncEngine, id_: str, **given: Any) -> None:  # noqa: ANN401 - any column
    row = {
        "id": id_,
        "subject": PEOPLE.seal(SITI),
        "client": client_named("bank"),
        "partner": "The Bank",
        "scopes": ["tax", "msmes"],
        "purpose": "PAYMENT",
        "granted_at": YESTERDAY,
        "expires_at": IN_A_YEAR,
        "request": f"request of {id_}",
        "assurance": "high",
        "text_version": "1",
        "text_hash": b"-" * 32,
        "texts": {},
        "answered_in": "r-1",
        **given,
    }
    async with engine.begin() as connection:
        await connection.execute(insert(consents).values(**row))


async def restricted(engine: AsyncEngine, id_: str, nik: Nik, *purposes: str) -> None:
    row = {"id": id_, "subject": PEOPLE.seal(nik), "purposes": list(purposes), "since": YESTERDAY}
    async with engine.begin() as connection:
        await connection.execute(insert(restrictions).values(**row))


async def test_a_consent_in_force_is_told_to_the_client_it_was_given_to(
    table: WishTable, migrated: AsyncEngine
) -> None:
    await granted(migrated, "c-1")
    said = await table.said(BOTH, client_named("bank"))
    assert said == {
        SITI: Wishes(
            consents=(
                Consent(
                    subject=SITI,
                    id="c-1",
                    client=client_named("bank"),
                    partner="The Bank",
                    scopes=(Scope.TAX, Scope.MSMES),
                    purpose=Purpose.PAYMENT,
                    state=ConsentState.GRANTED,
                    granted_at=YESTERDAY,
                    expires_at=IN_A_YEAR,
                ),
            )
        ),
        BUDI: Wishes(),
    }
    assert await table.said(BOTH, client_named("shop")) == {SITI: Wishes(), BUDI: Wishes()}
    assert await table.said(BOTH, None) == {SITI: Wishes(), BUDI: Wishes()}


@pytest.mark.parametrize(
    "given", [{"revoked_at": YESTERDAY}, {"expires_at": YESTERDAY}], ids=["taken back", "its time is over"]
)
async def test_a_consent_that_is_no_longer_in_force_is_told_to_nobody(
    table: WishTable, migrated: AsyncEngine, given: dict[str, Any]
) -> None:
    await granted(migrated, "c-1", **given)
    assert await table.said(BOTH, client_named("bank")) == {SITI: Wishes(), BUDI: Wishes()}


async def test_what_is_taken_back_counts_for_the_next_who_asks(table: WishTable, migrated: AsyncEngine) -> None:
    await granted(migrated, "c-1")
    assert len((await table.said(BOTH, client_named("bank")))[SITI].consents) == 1
    async with migrated.begin() as connection:
        await connection.execute(update(consents).values(revoked_at=YESTERDAY))
    assert (await table.said(BOTH, client_named("bank")))[SITI].consents == ()


async def test_restrictions_are_told_whoever_asks_until_they_end(table: WishTable, migrated: AsyncEngine) -> None:
    await restricted(migrated, "r-1", SITI)
    await restricted(migrated, "r-2", BUDI, "HEALTHCARE")
    every = Restriction(subject=SITI, number="r-1", purposes=(), since=YESTERDAY)
    one = Restriction(subject=BUDI, number="r-2", purposes=(Purpose.HEALTHCARE,), since=YESTERDAY)
    expected = {SITI: Wishes(restrictions=(every,)), BUDI: Wishes(restrictions=(one,))}
    assert await table.said(BOTH, None) == await table.said(BOTH, client_named("bank")) == expected
    async with migrated.begin() as connection:
        await connection.execute(update(restrictions).values(ended_at=YESTERDAY))
    assert await table.said(BOTH, None) == {SITI: Wishes(), BUDI: Wishes()}


async def test_a_database_that_does_not_answer_is_no_consent() -> None:
    nowhere = database(f"postgresql://nobody@{HOST}:{free_port()}/none")
    try:
        with pytest.raises(StateUnavailable):
            await WishTable(nowhere).said(BOTH, client_named("bank"))
    finally:
        await nowhere.dispose()


@pytest.mark.parametrize(
    ("state", "covered"),
    [("RECEIVED", True), ("IN_PROGRESS", True), ("DONE", False), ("REFUSED", False), ("WITHDRAWN", False)],
)
async def test_a_data_request_covers_the_person_whose_it_is_as_long_as_it_is_open(
    table: WishTable,
    migrated: AsyncEngine,
    state: str,
    covered: bool,  # noqa: FBT001 - of a table
) -> None:
    row = {
        "number": "HAK-2026-7K3QX9RD",
        "subject": PEOPLE.seal(SITI),
        "key": b"k",
        "kind": "ACCESS",
        "state": state,
        "purposes": [],
        "texts": b"t",
        "due_at": IN_A_YEAR,
    }
    async with migrated.begin() as connection:
        await connection.execute(insert(data_requests).values(**row))
    said = await table.said(BOTH, None, "HAK-2026-7K3QX9RD")
    assert {nik: each.in_case for nik, each in said.items()} == {
        SITI: frozenset({SITI} if covered else ()),
        BUDI: frozenset(),
    }
    other = await table.said(BOTH, None, "HAK-2026-AAAAAAAA")
    assert {each.in_case for each in other.values()} == {frozenset()}
    assert {each.in_case for each in (await table.said(BOTH, None)).values()} == {None}

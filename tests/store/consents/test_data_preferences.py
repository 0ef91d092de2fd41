"""People's data preferences, read from the tables at the time of the call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.crypto.sealed_people import SealedPeople
from records.hub.consents import Consent, ConsentState
from records.hub.data_preferences import DataPreferences, Restriction
from records.identifiers import Nik
from records.purposes import Purpose, Scope
from store.consents.data_preferences import DataPreferenceTable, SealedPerson
from store.database import create_database_engine
from store.database_timeout import StateUnavailable
from store.tables import consents, data_requests, restrictions
from tests.fakes.clients import build_client
from tests.sandbox_agencies import HOST, free_port

SITI, BUDI = Nik("3171014506900001"), Nik("3171010101800002")
PEOPLE = SealedPeople(b"a secret of thirty-two bytes....")
BOTH = [SealedPerson(nik, PEOPLE.seal(nik)) for nik in (SITI, BUDI)]
YESTERDAY = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
IN_A_YEAR = YESTERDAY + timedelta(days=366)


@pytest.fixture
async def table(migrated: AsyncEngine) -> DataPreferenceTable:
    return DataPreferenceTable(migrated, timeout=30)


async def insert_consent(engine: AsyncEngine, id_: str, **given: Any) -> None:  # noqa: ANN401 - any column
    row = {
        "id": id_,
        "subject": PEOPLE.seal(SITI),
        "client": build_client("bank"),
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


async def insert_restriction(engine: AsyncEngine, id_: str, nik: Nik, *purposes: str) -> None:
    row = {"id": id_, "subject": PEOPLE.seal(nik), "purposes": list(purposes), "since": YESTERDAY}
    async with engine.begin() as connection:
        await connection.execute(insert(restrictions).values(**row))


async def test_a_consent_in_force_is_visible_to_its_client(table: DataPreferenceTable, migrated: AsyncEngine) -> None:
    await insert_consent(migrated, "c-1")
    said = await table.load_preferences(BOTH, build_client("bank"))
    assert said == {
        SITI: DataPreferences(
            consents=(
                Consent(
                    subject=SITI,
                    id="c-1",
                    client=build_client("bank"),
                    partner="The Bank",
                    scopes=(Scope.TAX, Scope.MSMES),
                    purpose=Purpose.PAYMENT,
                    state=ConsentState.GRANTED,
                    granted_at=YESTERDAY,
                    expires_at=IN_A_YEAR,
                    request="request of c-1",
                ),
            )
        ),
        BUDI: DataPreferences(),
    }
    assert await table.load_preferences(BOTH, build_client("shop")) == {
        SITI: DataPreferences(),
        BUDI: DataPreferences(),
    }
    assert await table.load_preferences(BOTH, None) == {SITI: DataPreferences(), BUDI: DataPreferences()}


@pytest.mark.parametrize(
    "given", [{"revoked_at": YESTERDAY}, {"expires_at": YESTERDAY}], ids=["taken back", "its time is over"]
)
async def test_a_consent_that_is_no_longer_in_force_is_not_visible(
    table: DataPreferenceTable, migrated: AsyncEngine, given: dict[str, Any]
) -> None:
    await insert_consent(migrated, "c-1", **given)
    assert await table.load_preferences(BOTH, build_client("bank")) == {
        SITI: DataPreferences(),
        BUDI: DataPreferences(),
    }


async def test_a_revocation_counts_for_the_next_request(table: DataPreferenceTable, migrated: AsyncEngine) -> None:
    await insert_consent(migrated, "c-1")
    assert len((await table.load_preferences(BOTH, build_client("bank")))[SITI].consents) == 1
    async with migrated.begin() as connection:
        await connection.execute(update(consents).values(revoked_at=YESTERDAY))
    assert (await table.load_preferences(BOTH, build_client("bank")))[SITI].consents == ()


async def test_restrictions_are_visible_to_every_caller_until_they_end(
    table: DataPreferenceTable, migrated: AsyncEngine
) -> None:
    await insert_restriction(migrated, "r-1", SITI)
    await insert_restriction(migrated, "r-2", BUDI, "HEALTHCARE")
    every = Restriction(subject=SITI, number="r-1", purposes=(), since=YESTERDAY)
    one = Restriction(subject=BUDI, number="r-2", purposes=(Purpose.HEALTHCARE,), since=YESTERDAY)
    expected = {SITI: DataPreferences(restrictions=(every,)), BUDI: DataPreferences(restrictions=(one,))}
    assert (
        await table.load_preferences(BOTH, None) == await table.load_preferences(BOTH, build_client("bank")) == expected
    )
    async with migrated.begin() as connection:
        await connection.execute(update(restrictions).values(ended_at=YESTERDAY))
    assert await table.load_preferences(BOTH, None) == {SITI: DataPreferences(), BUDI: DataPreferences()}


async def test_a_database_that_does_not_answer_grants_no_consent() -> None:
    nowhere = create_database_engine(f"postgresql://nobody@{HOST}:{free_port()}/none")
    try:
        with pytest.raises(StateUnavailable):
            await DataPreferenceTable(nowhere).load_preferences(BOTH, build_client("bank"))
    finally:
        await nowhere.dispose()


@pytest.mark.parametrize(
    ("state", "covered"),
    [("RECEIVED", True), ("IN_PROGRESS", True), ("DONE", False), ("REFUSED", False), ("WITHDRAWN", False)],
)
async def test_an_open_data_request_covers_its_own_person(
    table: DataPreferenceTable,
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
    said = await table.load_preferences(BOTH, None, "HAK-2026-7K3QX9RD")
    assert {nik: each.people_in_case for nik, each in said.items()} == {
        SITI: frozenset({SITI} if covered else ()),
        BUDI: frozenset(),
    }
    other = await table.load_preferences(BOTH, None, "HAK-2026-AAAAAAAA")
    assert {each.people_in_case for each in other.values()} == {frozenset()}
    assert {each.people_in_case for each in (await table.load_preferences(BOTH, None)).values()} == {None}

"""Marks of what people have seen: the version that they saw last, until it is purged."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from store.cases.case_mark_table import CaseMarkTable
from store.database import create_database_engine
from store.database_timeout import StateUnavailable
from tests.sandbox_agencies import HOST, free_port
from tests.store.retention.aging import age_rows, count_rows, purge

SITI, BUDI, LAMP, HOLE, MORNING, NOON = (bytes([each]) * 32 for each in range(6))


@pytest.fixture
def table(migrated: AsyncEngine) -> CaseMarkTable:
    return CaseMarkTable(migrated, timeout=30)


async def test_a_mark_is_of_one_person_and_one_case(table: CaseMarkTable) -> None:
    await table.store({(SITI, LAMP): MORNING, (BUDI, HOLE): NOON})
    wanted = [(SITI, LAMP), (SITI, HOLE), (BUDI, LAMP), (BUDI, HOLE)]
    assert await table.load(wanted) == {(SITI, LAMP): MORNING, (BUDI, HOLE): NOON}


async def test_the_version_that_was_seen_last_counts(table: CaseMarkTable) -> None:
    for version in (MORNING, NOON, NOON):
        await table.store({(SITI, LAMP): version})
    assert await table.load([(SITI, LAMP)]) == {(SITI, LAMP): NOON}


async def test_nothing_is_stored_for_no_case(table: CaseMarkTable) -> None:
    await table.store({})
    assert await table.load([(SITI, LAMP)]) == {}


async def test_marks_are_purged_a_year_after_the_case_was_opened_last(migrated: AsyncEngine) -> None:
    table = CaseMarkTable(migrated, timeout=30)
    await table.store({(SITI, LAMP): MORNING, (SITI, HOLE): MORNING})
    await age_rows(migrated, 366)
    await table.store({(SITI, HOLE): MORNING})
    await purge(migrated)
    assert await count_rows(migrated, "case_marks") == {"case_marks": 1}
    assert (SITI, HOLE) in await table.load([(SITI, HOLE)])


async def test_a_database_that_does_not_answer_is_named() -> None:
    engine = create_database_engine(f"postgresql://simpul@{HOST}:{free_port()}/none?sslmode=disable")
    table = CaseMarkTable(engine, timeout=5)
    with pytest.raises(StateUnavailable):
        await table.load([(SITI, LAMP)])
    with pytest.raises(StateUnavailable):
        await table.store({(SITI, LAMP): MORNING})
    await engine.dispose()

"""What people have seen, in the hub's own database: the table alone names neither the person nor the case."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.crypto.sealed_people import SealedPeople
from records.cases import CaseKey, CaseKind, CaseState
from records.languages import Language
from resolvers.hub.case_marks import CaseMark, CasesUnavailable
from services.cases.city_agency_names import CityAgencyNames
from services.cases.database_case_marks import DatabaseCaseMarks
from store.cases.case_mark_table import CaseMarkTable
from store.database import create_database_engine
from tests.fakes.small_records import BUDI, CALL, NOW, SITI, build_case
from tests.sandbox_agencies import HOST, free_port

SECRET = b"a secret of thirty-two bytes...."
YEAR = timedelta(days=365)
LAMP = CaseKey(person=SITI, kind=CaseKind.COMPLAINT, agency="crm", id="JK2302240123")
THEIRS = CaseKey(person=BUDI, kind=CaseKind.COMPLAINT, agency="crm", id="JK2302240123")


def build_marks(engine: AsyncEngine, timeout: float = 30) -> DatabaseCaseMarks:
    return DatabaseCaseMarks(CaseMarkTable(engine, timeout=timeout), SealedPeople(SECRET), SECRET, retention=YEAR)


SEEN = b"v" * 32


async def test_a_mark_holds_the_version_that_the_person_saw(migrated: AsyncEngine) -> None:
    marks = build_marks(migrated)
    await marks.mark_seen([CaseMark(LAMP, SEEN)], CALL)
    found: dict[CaseKey, Any] = {**await marks.last_seen([LAMP, THEIRS], CALL)}
    assert {key: each.version for key, each in found.items()} == {LAMP: SEEN, THEIRS: None}


async def test_without_a_mark_changes_before_the_retention_count_as_seen(migrated: AsyncEngine) -> None:
    found: Any = (await build_marks(migrated).last_seen([LAMP], CALL))[LAMP]
    old, new = (build_case(changed_at=datetime.now(UTC) - YEAR + timedelta(hours=each)) for each in (-1, 1))
    assert (found.covers(old), found.covers(new)) == (True, False)


def test_a_version_differs_after_any_change_whatever_the_clocks_say() -> None:
    case = build_case()
    earlier = replace(case.activities[0], at=NOW - timedelta(days=30))
    changed = [
        replace(case, state=CaseState.DONE),
        replace(case, activities=(*case.activities, earlier)),
        replace(case, changed_at=NOW + timedelta(seconds=1)),
    ]
    assert len({case.version, *(each.version for each in changed)}) == 4
    assert replace(case, title="Perbaikan data tentang Anda", seen=True).version == case.version


async def test_the_table_alone_names_neither_person_nor_case(migrated: AsyncEngine) -> None:
    await build_marks(migrated).mark_seen([CaseMark(LAMP, SEEN)], CALL)
    async with migrated.connect() as connection:
        rows = str((await connection.execute(text("SELECT * FROM case_marks"))).all())
    assert SITI not in rows
    assert LAMP.id not in rows


async def test_a_database_that_does_not_answer_is_a_typed_failure() -> None:
    engine = create_database_engine(f"postgresql://simpul@{HOST}:{free_port()}/none?sslmode=disable")
    marks = build_marks(engine, timeout=5)
    with pytest.raises(CasesUnavailable):
        await marks.last_seen([LAMP], CALL)
    with pytest.raises(CasesUnavailable):
        await marks.mark_seen([CaseMark(LAMP, SEEN)], CALL)
    assert await marks.last_seen([], CALL) == {}
    await engine.dispose()


def test_an_agency_has_its_name_in_each_language() -> None:
    names = CityAgencyNames({"en": {"crm": "complaint system"}, "id": {"crm": "sistem pengaduan"}})
    assert [names.get_name("crm", each) for each in (Language.ENGLISH, Language.INDONESIAN)] == [
        "Complaint system",
        "Sistem pengaduan",
    ]
    assert [names.get_name("hub", each) for each in (Language.ENGLISH, Language.INDONESIAN)] == [
        "The city's hub",
        "Hub kota",
    ]
    assert names.get_name("gone", Language.ENGLISH) == "Gone"

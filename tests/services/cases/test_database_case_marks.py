"""What people have seen, in the hub's own database: the table alone names neither the person nor the case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.crypto.sealed_people import SealedPeople
from records.cases import CaseKey, CaseKind
from records.languages import Language
from resolvers.hub.case_marks import CaseMark, CasesUnavailable
from services.cases.city_agency_names import CityAgencyNames
from services.cases.database_case_marks import DatabaseCaseMarks
from store.cases.case_mark_table import CaseMarkTable
from store.database import create_database_engine
from tests.fakes.small_records import BUDI, CALL, SITI
from tests.sandbox_agencies import HOST, free_port

SECRET = b"a secret of thirty-two bytes...."
YEAR = timedelta(days=365)
LAMP = CaseKey(person=SITI, kind=CaseKind.COMPLAINT, agency="crm", id="JK2302240123")
THEIRS = CaseKey(person=BUDI, kind=CaseKind.COMPLAINT, agency="crm", id="JK2302240123")


def build_marks(engine: AsyncEngine, timeout: float = 30) -> DatabaseCaseMarks:
    return DatabaseCaseMarks(CaseMarkTable(engine, timeout=timeout), SealedPeople(SECRET), SECRET, retention=YEAR)


async def test_a_mark_says_until_when_changes_were_seen(migrated: AsyncEngine) -> None:
    marks, moment = build_marks(migrated), datetime.now(UTC) - timedelta(hours=1)
    await marks.mark_seen([CaseMark(LAMP, moment)], CALL)
    found = await marks.seen_until([LAMP, THEIRS], CALL)
    assert found[LAMP] == moment
    assert found[THEIRS] < datetime.now(UTC) - YEAR + timedelta(minutes=5)


async def test_changes_before_the_retention_of_marks_count_as_seen(migrated: AsyncEngine) -> None:
    marks, before = build_marks(migrated), datetime.now(UTC) - YEAR
    await marks.mark_seen([CaseMark(LAMP, before - timedelta(days=9))], CALL)
    found = await marks.seen_until([LAMP], CALL)
    assert found[LAMP] >= before


async def test_the_table_alone_names_neither_person_nor_case(migrated: AsyncEngine) -> None:
    await build_marks(migrated).mark_seen([CaseMark(LAMP, datetime.now(UTC))], CALL)
    async with migrated.connect() as connection:
        rows = str((await connection.execute(text("SELECT * FROM case_marks"))).all())
    assert SITI not in rows
    assert LAMP.id not in rows


async def test_a_database_that_does_not_answer_is_a_typed_failure() -> None:
    engine = create_database_engine(f"postgresql://simpul@{HOST}:{free_port()}/none?sslmode=disable")
    marks = build_marks(engine, timeout=5)
    with pytest.raises(CasesUnavailable):
        await marks.seen_until([LAMP], CALL)
    with pytest.raises(CasesUnavailable):
        await marks.mark_seen([CaseMark(LAMP, datetime.now(UTC))], CALL)
    assert await marks.seen_until([], CALL) == {}
    await engine.dispose()


def test_an_agency_has_its_name_in_each_language() -> None:
    names = CityAgencyNames({"en": {"crm": "complaint system"}, "id": {"crm": "sistem pengaduan"}})
    assert [names.get_name("crm", each) for each in (Language.ENGLISH, Language.INDONESIAN)] == [
        "complaint system",
        "sistem pengaduan",
    ]
    assert [names.get_name("hub", each) for each in (Language.ENGLISH, Language.INDONESIAN)] == [
        "The city's hub",
        "Hub kota",
    ]
    assert names.get_name("gone", Language.ENGLISH) == "gone"

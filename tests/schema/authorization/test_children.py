"""Officials and systems read a child's data only for purposes that cover children."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from auth.caller import Caller, CallerKind
from records.identifiers import Nik
from records.purposes import Purpose
from schema.declarations.request_context import RequestContext
from tests.fakes.clients import build_client
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import AYU, BUDI, SITI
from tests.schema.requests import get_reasons, run

ASSESSOR = Caller(kind=CallerKind.OFFICIAL, agency="pbb", purpose=Purpose.TAX_ASSESSMENT.name, case="PAJAK/1")
REGISTRAR = Caller(kind=CallerKind.OFFICIAL, agency="dukcapil", purpose=Purpose.SUBJECT_REQUEST.name, case="S/1")
TODAY = date(2026, 11, 25)


@pytest.fixture(autouse=True)
def _a_day_on_which_ayu_is_fourteen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RequestContext, "today", TODAY)


def build_query(nik: Nik, selected: str) -> str:
    return f'{{ citizen(nik: "{nik}") {{ {selected} }} }}'


async def test_a_purpose_that_does_not_cover_children_is_refused_before_the_register_is_called() -> None:
    city = SmallCity()
    response = await run(build_query(AYU, "nik name residence { address }"), caller=ASSESSOR, city=city)
    assert response.data == {"citizen": {"nik": None, "name": None, "residence": None}}
    assert sorted(get_reasons(response)) == [
        ("citizen.name", "PURPOSE_DOES_NOT_COVER"),
        ("citizen.nik", "PURPOSE_DOES_NOT_COVER"),
        ("citizen.residence", "PURPOSE_DOES_NOT_COVER"),
    ]
    assert [question for _, question, _ in city.calls] == ["known"]


async def test_the_same_data_about_an_adult_is_readable() -> None:
    response = await run(build_query(BUDI, "nik name residence { address }"), caller=ASSESSOR)
    assert response.errors == []
    assert (response.data or {})["citizen"]["name"] == "Person 2"


async def test_a_purpose_for_children_reads_a_childs_data() -> None:
    response = await run(build_query(AYU, "name residence { address }"), caller=REGISTRAR)
    assert response.errors == []
    assert (response.data or {})["citizen"]["name"] == "Person 3"


async def test_a_field_with_its_own_purposes_treats_children_like_adults() -> None:
    city = SmallCity()
    response = await run(build_query(AYU, "taxObjects { address } msmes { name }"), caller=ASSESSOR, city=city)
    assert (response.data, response.errors) == ({"citizen": {"taxObjects": [], "msmes": []}}, [])
    assert [question for _, question, _ in city.calls] == ["known", "objects_of", "msmes_of"]


async def test_of_several_people_only_the_children_are_refused() -> None:
    query = f'{{ citizens(niks: ["{SITI}", "{AYU}", "{BUDI}"]) {{ name }} }}'
    response = await run(query, caller=ASSESSOR)
    assert response.data == {"citizens": [{"name": "Person 1"}, {"name": None}, {"name": "Person 2"}]}
    assert get_reasons(response) == [("citizens.1.name", "PURPOSE_DOES_NOT_COVER")]


async def test_a_family_card_with_a_child_on_it_is_a_childs_data() -> None:
    response = await run(build_query(SITI, "name household { familyCardNumber }"), caller=ASSESSOR)
    assert response.data == {"citizen": {"name": "Person 1", "household": {"familyCardNumber": None}}}
    assert get_reasons(response) == [("citizen.household.familyCardNumber", "PURPOSE_DOES_NOT_COVER")]


async def test_a_person_who_came_of_age_is_no_longer_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RequestContext, "today", date(2030, 7, 1))
    assert (await run(build_query(AYU, "name"), caller=ASSESSOR)).errors == []
    monkeypatch.setattr(RequestContext, "today", date(2030, 6, 30))
    assert get_reasons(await run(build_query(AYU, "name"), caller=ASSESSOR)) == [
        ("citizen.name", "PURPOSE_DOES_NOT_COVER")
    ]


async def test_the_same_applies_to_a_system_of_an_agency() -> None:
    system = replace(ASSESSOR, kind=CallerKind.AGENCY_SYSTEM, client=build_client("sismiop"))
    assert get_reasons(await run(build_query(AYU, "name"), caller=system)) == [
        ("citizen.name", "PURPOSE_DOES_NOT_COVER")
    ]
    assert (await run(build_query(BUDI, "name"), caller=system)).errors == []

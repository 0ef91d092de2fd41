"""Who reads vaccinations: the person, guardians by the family card, officials of health care. Partners read none."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from auth.caller import Assurance, Caller, CallerKind
from records.hub.clients import ClientId
from records.purposes import Purpose, Scope
from tests.fakes.small_records import AYU, BUDI, CALLERS, SITI
from tests.resolvers.health_register import HealthCity
from tests.schema.requests import get_codes, run

OWN = "{ me { immunizations { vaccine givenOn status } } }"
CHILD = f'{{ citizen(nik: "{AYU}") {{ immunizations {{ givenOn }} }} }}'
BORN_2012 = date(2012, 7, 1)
OFFICIAL = Caller(kind=CallerKind.OFFICIAL, agency="dinkes", purpose=Purpose.HEALTHCARE.name, case="KIA/7")


def list_health_calls(city: HealthCity) -> list[str]:
    return [question for agency, question, _ in city.calls if agency == "satusehat"]


async def test_a_person_reads_their_vaccinations_the_newest_first_with_partial_dates() -> None:
    response = await run(OWN, caller="the person", city=HealthCity())
    assert [each["givenOn"] for each in (response.data or {})["me"]["immunizations"]] == ["2023-02", "2019", None]
    assert get_codes(response) == []


async def test_a_guardian_reads_those_of_a_child_on_the_family_card() -> None:
    city = HealthCity(ayu_born=BORN_2012)
    response = await run(CHILD, caller="the person", city=city)
    assert response.data == {"citizen": {"immunizations": [{"givenOn": "2013"}, {"givenOn": "2012-08-01"}]}}
    assert list_health_calls(city) == ["patients", "immunizations_of"]


@pytest.mark.parametrize(
    ("caller", "born"),
    [
        ("another citizen", BORN_2012),
        ("the person", date(1990, 6, 5)),
        (replace(CALLERS["the person"], assurance=Assurance.NONE), BORN_2012),
        (replace(CALLERS["the person"], first_party=False, scopes=frozenset({"citizen:health"})), BORN_2012),
    ],
    ids=["not on the card", "of age", "low assurance", "third-party app"],
)
async def test_nobody_else_reads_those_of_a_child_and_the_register_is_not_called(
    caller: str | Caller, born: date
) -> None:
    city = HealthCity(ayu_born=born)
    response = await run(CHILD, caller=caller, city=city)
    assert "givenOn" not in str(response.data)
    assert set(dict(get_codes(response)).values()) == {"FORBIDDEN"}
    assert list_health_calls(city) == []


async def test_an_official_reads_them_for_health_care_alone() -> None:
    city = HealthCity()
    query = f'{{ citizens(niks: ["{SITI}", "{BUDI}"]) {{ immunizations {{ givenOn }} }} }}'
    response = await run(query, caller=OFFICIAL, city=city)
    assert [len(each["immunizations"]) for each in (response.data or {})["citizens"]] == [3, 0]
    assert list_health_calls(city) == ["patients", "immunizations_of"]
    refused = HealthCity()
    response = await run(query, caller=replace(OFFICIAL, purpose=Purpose.CIVIL_REGISTRATION.name), city=refused)
    assert set(dict(get_codes(response)).values()) == {"FORBIDDEN"}
    assert list_health_calls(refused) == []


async def test_a_partner_reads_none_whatever_it_may_read() -> None:
    partner = Caller(
        kind=CallerKind.PARTNER,
        client=ClientId("mitra", "kredit-nusantara"),
        scopes=frozenset(each.value for each in Scope),
        purpose=Purpose.CREDIT_ASSESSMENT.name,
        case="K/1",
    )
    city = HealthCity()
    response = await run(f'{{ citizen(nik: "{SITI}") {{ immunizations {{ givenOn }} }} }}', caller=partner, city=city)
    assert set(dict(get_codes(response)).values()) == {"FORBIDDEN"}
    assert city.calls == []

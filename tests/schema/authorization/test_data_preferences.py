"""People's preferences decide what officials, systems and partners read about them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from auth.caller import Caller, CallerKind
from records.hub.consents import Consent, ConsentState
from records.hub.data_preferences import DataPreferences, Restriction
from records.identifiers import Nik
from records.purposes import Purpose, Scope
from tests.fakes.clients import build_client
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import AYU, BUDI, NOP, PRIVATE, PUBLIC, SITI
from tests.schema.requests import IDS, get_codes, get_reasons, run

NOW = datetime(2026, 11, 25, tzinfo=UTC)
OFFICIAL = Caller(kind=CallerKind.OFFICIAL, agency="dukcapil", purpose=Purpose.CIVIL_REGISTRATION.name, case="SIPIL/1")
BANK = Caller(
    kind=CallerKind.PARTNER,
    client=build_client("bank"),
    scopes=frozenset({Scope.TAX.value, Scope.MSMES.value}),
    purpose=Purpose.PAYMENT.name,
    case="KPR/1",
)
HER_LAND = IDS.seal("TaxObject", f"{SITI}:{NOP}")
LAND = f'{{ node(id: "{HER_LAND}") {{ ... on TaxObject {{ address }} }} }}'


def restricted(nik: Nik = SITI, *purposes: Purpose) -> dict[Nik, DataPreferences]:
    return {
        nik: DataPreferences(restrictions=(Restriction(subject=nik, number="HAK-1", purposes=purposes, since=NOW),))
    }


def consent(*scopes: Scope, client: str = "development/bank") -> dict[Nik, DataPreferences]:
    granted = Consent(
        subject=SITI,
        id="1",
        client=client,
        partner="A partner",
        scopes=scopes,
        purpose=Purpose.PAYMENT,
        state=ConsentState.GRANTED,
        granted_at=NOW,
        expires_at=NOW + timedelta(days=30),
    )
    return {SITI: DataPreferences(consents=(granted,))}


async def test_a_restriction_refuses_an_official_without_any_agency_call() -> None:
    city = SmallCity(preferences=restricted())
    response = await run(f'{{ citizen(nik: "{SITI}") {{ name }} }}', caller=OFFICIAL, city=city)
    assert response.data == {"citizen": None}
    assert get_reasons(response) == [("citizen", "RESTRICTED")]
    assert city.calls == []


async def test_each_persons_restriction_applies_to_that_person_only() -> None:
    city = SmallCity(preferences=restricted(BUDI))
    response = await run(
        f'{{ citizens(niks: ["{SITI}", "{BUDI}"]) {{ name residence {{ address }} }} }}', caller=OFFICIAL, city=city
    )
    assert response.data == {
        "citizens": [
            {"name": "Person 1", "residence": {"address": "Jl. Kebon Sirih 1"}},
            None,
        ]
    }
    assert get_reasons(response) == [("citizens.1", "RESTRICTED")]
    assert city.calls
    assert all(keys == (SITI,) for _, _, keys in city.calls)
    assert {each.subject for each in response.reads} == {SITI}


async def test_a_restriction_hides_whether_the_person_exists() -> None:
    city = SmallCity(preferences=restricted())
    response = await run(f'{{ citizens(niks: ["{SITI}", "{BUDI}"]) {{ id }} }}', caller=OFFICIAL, city=city)
    assert response.data is not None
    assert [each is None for each in response.data["citizens"]] == [True, False]
    assert [keys for _, _, keys in city.calls] == [(BUDI,)]
    assert {each.subject for each in response.reads} == {BUDI}


async def test_preferences_are_loaded_once_for_all_people_who_are_not_refused_otherwise() -> None:
    city = SmallCity()
    people = f'{{ citizens(niks: ["{SITI}", "{AYU}"]) {{ name civilStatus {{ religion }} residence {{ address }} }} }}'
    assert (await run(people, caller=OFFICIAL, city=city)).errors == []
    assert city.preference_queries == [(SITI, AYU)]
    without = SmallCity()
    await run(people, caller=replace(OFFICIAL, purpose=None), city=without)
    assert without.preference_queries == []


@pytest.mark.parametrize("caller", ["the person", "anonymous"])
async def test_preferences_are_not_loaded_for_citizens_and_public_data(caller: str) -> None:
    city = SmallCity(preferences=restricted())
    await run("{ me { name taxObjects { address } } markets { name } }", caller=caller, city=city)
    assert city.preference_queries == []


async def test_a_person_with_a_full_restriction_reads_their_own_data() -> None:
    response = await run("{ me { name } }", caller="the person", city=SmallCity(preferences=restricted()))
    assert (response.data, response.errors) == ({"me": {"name": "Person 1"}}, [])


async def test_a_restriction_of_one_purpose_leaves_the_others() -> None:
    query = f'{{ citizen(nik: "{SITI}") {{ name }} }}'
    other = await run(query, caller=OFFICIAL, city=SmallCity(preferences=restricted(SITI, Purpose.HEALTHCARE)))
    assert other.data == {"citizen": {"name": "Person 1"}}
    same = await run(query, caller=OFFICIAL, city=SmallCity(preferences=restricted(SITI, Purpose.CIVIL_REGISTRATION)))
    assert get_reasons(same) == [("citizen", "RESTRICTED")]


async def test_a_restriction_by_any_member_closes_the_family_card() -> None:
    query = f'{{ citizen(nik: "{SITI}") {{ household {{ familyCardNumber }} }} }}'
    response = await run(query, caller=OFFICIAL, city=SmallCity(preferences=restricted(AYU)))
    assert response.data == {"citizen": {"household": {"familyCardNumber": None}}}
    assert get_reasons(response) == [("citizen.household.familyCardNumber", "RESTRICTED")]


async def test_a_partner_reads_what_the_person_consented_to() -> None:
    response = await run(LAND, caller=BANK, city=SmallCity(preferences=consent(Scope.TAX)))
    assert (response.data, response.errors) == ({"node": {"address": "JL KEBON SIRIH 1"}}, [])


@pytest.mark.parametrize(
    "said",
    [{}, consent(Scope.MSMES), consent(), consent(Scope.TAX, client="development/shop")],
    ids=["nothing said", "another scope", "no scope", "another partner"],
)
async def test_a_partner_without_the_persons_consent_is_refused_and_no_agency_is_asked(
    said: dict[Nik, DataPreferences],
) -> None:
    city = SmallCity(preferences=said)
    response = await run(LAND, caller=BANK, city=city)
    assert response.data == {"node": None}
    assert get_reasons(response) == [("node", "CONSENT_REQUIRED")]
    assert city.calls == []


async def test_a_restriction_overrides_a_consent() -> None:
    (granted,) = consent(Scope.TAX)[SITI].consents
    (restriction,) = restricted()[SITI].restrictions
    city = SmallCity(preferences={SITI: DataPreferences(consents=(granted,), restrictions=(restriction,))})
    assert get_reasons(await run(LAND, caller=BANK, city=city)) == [("node", "RESTRICTED")]
    assert city.calls == []


@pytest.mark.parametrize("caller", [OFFICIAL, BANK], ids=["an official", "a partner"])
async def test_without_available_preferences_the_data_is_refused(caller: Caller) -> None:
    city = SmallCity(preferences=consent(Scope.TAX), failing_agencies={"preferences"})
    query = LAND if caller is BANK else f'{{ citizen(nik: "{SITI}") {{ name }} }}'
    response = await run(query, caller=caller, city=city)
    assert list((response.data or {}).values()) == [None]
    assert [code for _, code in get_codes(response)] == ["PREFERENCES_UNAVAILABLE"]
    assert city.calls == []


async def test_public_data_about_a_person_ignores_preferences() -> None:
    city = SmallCity(preferences=restricted(), failing_agencies={"preferences"})
    response = await run("{ complaints { nodes { number } } }", caller=OFFICIAL, city=city)
    assert response.errors == []
    assert city.preference_queries == []


DESK = Caller(kind=CallerKind.OFFICIAL, agency="crm", purpose=Purpose.COMPLAINT_HANDLING.name, case="CRM/1")


def by_id(number: str) -> str:
    node = IDS.seal("Complaint", number)
    return f'{{ node(id: "{node}") {{ ... on Complaint {{ description category {{ name }} events {{ note }} }} }} }}'


async def test_data_of_an_unknown_person_is_not_readable() -> None:
    city = SmallCity(preferences=restricted())
    response = await run(by_id(PRIVATE), caller=DESK, city=city)
    assert response.data == {"node": {"description": None, "category": None, "events": None}}
    assert {reason for _, reason in get_reasons(response)} == {"PERSON_UNKNOWN"}
    assert {batch for _, batch, _ in city.calls} == {"complaints"}


async def test_data_of_an_unknown_person_is_refused_even_without_any_restriction() -> None:
    response = await run(by_id(PRIVATE), caller=DESK)
    assert {reason for _, reason in get_reasons(response)} == {"PERSON_UNKNOWN"}


async def test_data_of_an_unknown_person_is_refused_for_a_data_request() -> None:
    counter = replace(OFFICIAL, purpose=Purpose.SUBJECT_REQUEST.name)
    response = await run(by_id(PRIVATE), caller=counter)
    assert {reason for _, reason in get_reasons(response)} == {"PERSON_UNKNOWN"}


async def test_a_data_request_allows_only_the_person_who_made_it() -> None:
    counter = replace(OFFICIAL, purpose=Purpose.SUBJECT_REQUEST.name, case="HAK-1")
    city = SmallCity(cases={"HAK-1": frozenset({SITI})})
    both = f'{{ citizens(niks: ["{SITI}", "{BUDI}"]) {{ name }} }}'
    response = await run(both, caller=counter, city=city)
    assert response.data == {"citizens": [{"name": "Person 1"}, None]}
    assert get_reasons(response) == [("citizens.1", "CASE_NOT_OPEN")]
    assert {keys for _, _, keys in city.calls} == {(SITI,)}
    other = SmallCity(cases={"HAK-1": frozenset({SITI})})
    made_up = await run(both, caller=replace(counter, case="x"), city=other)
    assert made_up.data == {"citizens": [None, None]}
    assert get_reasons(made_up) == [("citizens.0", "CASE_NOT_OPEN"), ("citizens.1", "CASE_NOT_OPEN")]
    assert other.calls == []


async def test_a_data_request_allows_the_family_card_and_no_more_about_its_members() -> None:
    counter = replace(OFFICIAL, purpose=Purpose.SUBJECT_REQUEST.name, case="HAK-1")
    city = SmallCity(cases={"HAK-1": frozenset({SITI})})
    members = "household { members { name citizen { civilStatus { religion } } } }"
    response = await run(f'{{ citizen(nik: "{SITI}") {{ {members} }} }}', caller=counter, city=city)
    assert get_reasons(response) == [("citizen.household.members.1.citizen.civilStatus", "CASE_NOT_OPEN")]
    found = (response.data or {})["citizen"]["household"]["members"]
    assert [each["name"] for each in found] == ["Person 1", "Person 3"]


async def test_complaints_of_a_known_citizen_are_readable_unless_restricted() -> None:
    of_siti = f'{{ citizen(nik: "{SITI}") {{ complaints {{ description }} }} }}'
    assert (await run(of_siti, caller=DESK)).errors == []
    assert get_reasons(await run(of_siti, caller=DESK, city=SmallCity(preferences=restricted()))) == [
        ("citizen", "RESTRICTED")
    ]


async def test_public_data_is_readable_for_every_reporter() -> None:
    assert (await run(by_id(PUBLIC), caller=DESK, city=SmallCity(preferences=restricted()))).errors == []

"""The query root: the agency calls, the order of answers, and the effect of an outage."""

from __future__ import annotations

import pytest

from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import AYU, BUDI, NOBODY, SITI
from tests.schema.requests import get_codes, run, run_for_data

ALL_OF_A_CITIZEN = """
    id nik name residence { address } civilStatus { religion } parentage { motherName }
    household { familyCardNumber } taxObjects { nop } msmes { name } complaints { number }
"""


async def test_me_is_the_signed_in_citizen_without_a_lookup() -> None:
    city = SmallCity()
    assert await run_for_data("{ me { nik } }", caller="the person", city=city) == {"me": {"nik": SITI}}
    assert city.calls == []


async def test_several_citizens_keep_the_requested_order_with_duplicates_and_nulls() -> None:
    city = SmallCity()
    found = await run_for_data(f'{{ citizens(niks: ["{BUDI}", "{NOBODY}", "{SITI}", "{BUDI}"]) {{ nik }} }}', city=city)
    assert found == {"citizens": [{"nik": BUDI}, None, {"nik": SITI}, {"nik": BUDI}]}
    assert city.calls == [("dukcapil", "known", (BUDI, NOBODY, SITI))]


@pytest.mark.parametrize(("count", "refused"), [(200, False), (201, True)])
async def test_at_most_200_citizens_in_one_request(count: int, refused: bool) -> None:  # noqa: FBT001 - a column of the table
    city = SmallCity()
    response = await run(
        "query ($niks: [NIK!]!) { citizens(niks: $niks) { nik } }", {"niks": [SITI] * count}, city=city
    )
    if refused:
        assert [error["message"] for error in response.errors] == [
            "Argument 'niks' holds 201 numbers; at most 200 are allowed. Send several requests."
        ]
        assert get_codes(response) == [("citizens", "BAD_USER_INPUT")]
        assert city.calls == []
    else:
        assert response.errors == []


async def test_an_empty_list_of_citizens_makes_no_call() -> None:
    city = SmallCity()
    assert await run_for_data("{ citizens(niks: []) { nik } }", city=city) == {"citizens": []}
    assert city.calls == []


async def test_an_unknown_citizen_is_null() -> None:
    assert await run_for_data(f'{{ citizen(nik: "{NOBODY}") {{ name taxObjects {{ nop }} }} }}') == {"citizen": None}


async def test_each_agency_is_called_once_per_step_for_any_number_of_citizens() -> None:
    city = SmallCity()
    niks = f'["{SITI}", "{BUDI}", "{AYU}"]'
    await run_for_data(f"{{ citizens(niks: {niks}) {{ {ALL_OF_A_CITIZEN} }} }}", city=city)
    three = (SITI, BUDI, AYU)
    assert sorted(city.calls, key=lambda call: call[:2]) == [
        ("crm", "complaints_of", three),
        ("dukcapil", "facets", three),
        ("dukcapil", "households", three),
        ("dukcapil", "known", three),
        ("jakpreneur", "msmes_of", three),
        ("pbb", "objects_of", three),
    ]


async def test_facets_that_were_not_selected_are_not_fetched() -> None:
    city = SmallCity()
    await run_for_data(f'{{ citizen(nik: "{SITI}") {{ name residence {{ address }} }} }}', city=city)
    [wanted] = city.wanted_facets
    assert sorted(kind.__name__ for kind in wanted) == ["Identity", "Residence"]


@pytest.mark.parametrize(
    ("agency", "lost"),
    [
        ("dukcapil", {"name", "residence", "civilStatus", "parentage", "household"}),
        ("pbb", {"taxObjects"}),
        ("jakpreneur", {"msmes"}),
        ("crm", {"complaints"}),
    ],
)
async def test_an_unavailable_agency_affects_only_its_own_fields(agency: str, lost: set[str]) -> None:
    city = SmallCity(failing_agencies={agency})
    response = await run(f'{{ citizen(nik: "{SITI}") {{ {ALL_OF_A_CITIZEN} }} }}', city=city)
    citizen = (response.data or {})["citizen"]
    assert {name for name, value in citizen.items() if value is None} == lost
    assert sorted(get_codes(response)) == sorted((f"citizen.{name}", "AGENCY_UNAVAILABLE") for name in lost)
    assert {error["extensions"]["agency"] for error in response.errors} == {agency}


async def test_with_all_agencies_down_a_citizen_still_has_a_nik() -> None:
    city = SmallCity(failing_agencies={"dukcapil", "pbb", "jakpreneur", "crm"})
    response = await run(f'{{ citizen(nik: "{SITI}") {{ {ALL_OF_A_CITIZEN} }} }}', city=city)
    assert (response.data or {})["citizen"]["nik"] == SITI
    assert len(response.errors) == 8


async def test_a_region_is_found_only_by_the_code_of_the_given_system() -> None:
    query = """{
        dotted: region(code: "31.71") { name }
        bare: region(code: "3171") { name }
        other: region(code: "31.71", system: BPS) { name }
    }"""
    assert await run_for_data(query, caller="anonymous") == {
        "dotted": {"name": "Region 31.71"},
        "bare": None,
        "other": None,
    }


async def test_a_code_without_a_source_is_null_with_a_reason() -> None:
    found = await run_for_data('{ region(code: "31.71") { codes { system code source unknownBecause } } }')
    assert found["region"]["codes"] == [
        {"system": "KEMENDAGRI", "code": "31.71", "source": "Kemendagri", "unknownBecause": None},
        {"system": "BPS", "code": None, "source": None, "unknownBecause": "No source."},
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("(year: 2026, month: 0)", "Argument 'month' is 0; it must be from 1 to 12."),
        ("(year: 2026, month: 13)", "Argument 'month' is 13; it must be from 1 to 12."),
        ("(year: 2023, month: 1)", "Argument 'year' is 2023; prices are available from 2024."),
        ("(year: 10000, month: 1)", "Argument 'year' is 10000; prices are available from 2024."),
    ],
)
async def test_an_invalid_month_fails_only_its_field(arguments: str, message: str) -> None:
    city = SmallCity()
    response = await run(f"{{ commodities {{ name trend{arguments} {{ averagePrice }} }} }}", city=city)
    assert response.data == {"commodities": [{"name": "Beras IR 64", "trend": None}]}
    assert [error["message"] for error in response.errors] == [message]
    assert [question for _, question, _ in city.calls] == ["commodity_lists"]


@pytest.mark.parametrize("name", ["categories", "regions"])
async def test_a_filter_with_over_100_values_is_refused_without_any_agency_call(name: str) -> None:
    city = SmallCity()
    query = "query ($filter: ComplaintFilter) { complaints(filter: $filter) { nodes { number } } }"

    response = await run(query, {"filter": {name: ["31.71"] * 101}}, caller="anonymous", city=city)

    assert get_codes(response) == [("complaints", "BAD_USER_INPUT")]
    assert response.errors[0]["message"] == f"Argument 'filter.{name}' holds 101 values; at most 100 are allowed."
    assert city.calls == []

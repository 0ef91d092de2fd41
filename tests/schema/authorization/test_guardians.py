"""A parent reads about a child on their own family card: the card decides, before any other call."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from auth.caller import Assurance
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import AYU, BUDI, CALLERS, SITI
from tests.schema.requests import IDS, get_codes, get_reasons, run, run_for_data

PARENT = CALLERS["the person"]
CARD = ("dukcapil", "households", (SITI,))


def with_a_child(**more: Any) -> SmallCity:  # noqa: ANN401 - fields of the city
    return SmallCity(ayu_born=date(2015, 7, 1), **more)


async def test_a_parent_reads_about_their_child_after_the_family_card_is_loaded() -> None:
    city = with_a_child()
    found = await run_for_data(
        f'{{ citizen(nik: "{AYU}") {{ nik name parentage {{ motherName }} msmes {{ name }} }} }}',
        caller="the person",
        city=city,
    )
    assert found == {"citizen": {"nik": AYU, "name": "Person 3", "parentage": {"motherName": "Ibu"}, "msmes": []}}
    assert city.calls[0] == CARD
    assert city.calls.count(CARD) == 1


@pytest.mark.parametrize(("born", "allowed"), [(date(2015, 7, 1), True), (date(1990, 6, 5), False)])
async def test_a_parent_sees_only_the_card_of_a_child_who_came_of_age(born: date, *, allowed: bool) -> None:
    city = SmallCity(ayu_born=born)
    response = await run(
        "{ me { household { members { nik citizen { birthPlace } } } } }", caller="the person", city=city
    )
    child = (response.data or {})["me"]["household"]["members"][1]
    assert child == {"nik": AYU, "citizen": {"birthPlace": "Jakarta" if allowed else None}}
    facets = [keys for _, question, keys in city.calls if question == "facets"]
    assert {key for keys in facets for key in keys} == ({SITI, AYU} if allowed else {SITI})
    assert [keys for _, question, keys in city.calls if question == "households"] == [(SITI,)]


async def test_a_parent_with_low_assurance_is_refused_without_loading_the_card() -> None:
    city = with_a_child()
    caller = replace(PARENT, assurance=Assurance.LOW)
    response = await run(f'{{ citizen(nik: "{AYU}") {{ name }} }}', caller=caller, city=city)
    assert get_reasons(response) == [("citizen", "NOT_YOURS")]
    assert city.calls == []


async def test_a_stranger_is_refused_after_their_own_card_without_a_call_about_the_child() -> None:
    city = with_a_child()
    response = await run(f'{{ citizen(nik: "{AYU}") {{ name }} }}', caller="another citizen", city=city)
    assert response.data == {"citizen": None}
    assert city.calls == [("dukcapil", "households", (BUDI,))]


async def test_without_a_readable_card_the_field_fails_with_the_registers_failure() -> None:
    city = with_a_child(failing_agencies={"dukcapil"})
    response = await run(f'{{ citizen(nik: "{AYU}") {{ msmes {{ name }} }} }}', caller="the person", city=city)
    assert response.data == {"citizen": None}
    assert get_codes(response) == [("citizen", "AGENCY_UNAVAILABLE")]
    assert city.calls == [CARD]


async def test_reading_about_oneself_loads_no_family_card() -> None:
    city = with_a_child()
    await run_for_data("{ me { nik taxObjects { nop } } }", caller="the person", city=city)
    assert [question for _, question, _ in city.calls] == ["objects_of"]


async def test_several_nodes_are_decided_separately_after_one_load_of_the_card() -> None:
    city = with_a_child()
    ids = ", ".join(f'"{IDS.seal("Citizen", nik)}"' for nik in (AYU, BUDI, SITI))
    response = await run(f"{{ nodes(ids: [{ids}]) {{ ... on Citizen {{ nik }} }} }}", caller="the person", city=city)
    assert (response.data or {})["nodes"] == [{"nik": AYU}, None, {"nik": SITI}]
    assert get_reasons(response) == [("nodes.1", "NOT_YOURS")]
    assert city.calls == [CARD, ("dukcapil", "known", (AYU, SITI))]


async def test_the_card_of_the_parent_never_leaves_with_a_refusal() -> None:
    response = await run(f'{{ citizen(nik: "{BUDI}") {{ name }} }}', caller="the person", city=with_a_child())
    assert response.data == {"citizen": None}
    assert SITI not in repr(response.errors)
    assert AYU not in repr(response.errors)

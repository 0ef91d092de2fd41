"""Businesses: who reads them by person and by number, and the joins with small businesses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from auth.caller import Caller, CallerKind
from records.businesses import Business
from records.calls.answers import Answers
from records.calls.call import Call
from records.identifiers import Nib, Nik
from records.msmes import Msme
from tests.fakes.sample_records import build_sample
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import BUDI, SITI, msme
from tests.schema.requests import get_codes, run

NIB, OTHER = Nib("9120001234567"), Nib("9120007654321")
SHOP = Caller(kind=CallerKind.BUSINESS, nib=NIB)
OWN: Business = build_sample(Business)
BUDIS = replace(OWN, nib=OTHER, owners=(BUDI,))


@dataclass
class TownWithBusinesses(SmallCity):
    """The city with a business of Siti and one of Budi, and a small business of hers that states his number."""

    msmes_of_siti: tuple[Msme, ...] = (msme(), replace(msme(), id="M-2", nib=OTHER))

    async def businesses(self, nibs: Sequence[Nib], _call: Call) -> Answers[Nib, Business]:
        return self._answers("oss", "businesses", nibs, {NIB: OWN, OTHER: BUDIS})

    async def msmes_of(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[Msme]]:
        return self._answers("jakpreneur", "msmes_of", niks, {SITI: self.msmes_of_siti})


async def ask(query: str, caller: str | Caller) -> tuple[Any, list[tuple[str, str]], list[tuple[str, str]]]:
    city = TownWithBusinesses()
    response = await run(query, caller=caller, city=city)
    return response.data, get_codes(response), [(agency, question) for agency, question, _ in city.calls]


async def test_a_citizen_reads_their_businesses_with_licences_and_small_businesses() -> None:
    data, codes, calls = await ask(
        "{ me { businesses { nib licences { name } activities { risk } msmes { nib } } } }", "the person"
    )
    [found] = data["me"]["businesses"]
    assert found["nib"] == NIB
    assert found["licences"] == [{"name": "31.71"}]
    assert found["activities"] == [{"risk": "LOW"}]
    assert found["msmes"] == [{"nib": NIB}]
    assert (codes, calls) == ([], [("oss", "businesses_of"), ("jakpreneur", "msmes_of")])


async def test_a_small_business_that_states_the_number_of_another_person_does_not_open_it() -> None:
    data, codes, _ = await ask("{ me { msmes { nib business { nib address } } } }", "the person")
    assert data["me"]["msmes"] == [
        {"nib": NIB, "business": {"nib": NIB, "address": "31.71"}},
        {"nib": OTHER, "business": {"nib": None, "address": None}},
    ]
    assert codes == [(f"me.msmes.1.business.{name}", "FORBIDDEN") for name in ("nib", "address")]


async def test_a_business_reads_itself_without_naming_its_number() -> None:
    data, codes, calls = await ask("{ business { nib name licences { number } msmes { name } } }", SHOP)
    assert data["business"]["nib"] == NIB
    assert len(data["business"]["msmes"]) == 1
    assert (codes, calls) == ([], [("oss", "businesses"), ("jakpreneur", "msmes_of")])


@pytest.mark.parametrize(
    ("caller", "nib", "code"),
    [
        (SHOP, OTHER, "FORBIDDEN"),
        ("the person", NIB, "FORBIDDEN"),
        ("anonymous", NIB, "FORBIDDEN"),
    ],
)
async def test_a_business_is_not_read_by_number_by_anybody_else(caller: str | Caller, nib: Nib, code: str) -> None:
    data, codes, calls = await ask(f'{{ business(nib: "{nib}") {{ name }} }}', caller)
    assert (data or {"business": None})["business"] is None
    assert {each for _, each in codes} == {code}
    assert calls == []


async def test_numbers_are_verified_for_everybody_in_their_order_up_to_a_bound() -> None:
    query = f'{{ verifyNib(nibs: ["{OTHER}", "{NIB}"]) {{ name status }} }}'
    data, codes, calls = await ask(query, "anonymous")
    assert data["verifyNib"] == [{"name": "31.71", "status": "ACTIVE"}] * 2
    assert (codes, calls) == ([], [("oss", "business_summaries")])
    many = ", ".join(f'"{each:013d}"' for each in range(21))
    _, codes, calls = await ask(f"{{ verifyNib(nibs: [{many}]) {{ name }} }}", "anonymous")
    assert ([each for _, each in codes], calls) == (["BAD_USER_INPUT"], [])


async def test_an_official_has_to_name_a_business() -> None:
    _, codes, calls = await ask("{ business { name } }", "an official")
    assert ([each for _, each in codes], calls) == (["BAD_USER_INPUT"], [])

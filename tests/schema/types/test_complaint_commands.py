"""A complaint that cannot be accepted is a problem that names the argument and the fix, and nothing is stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auth.caller import Caller
from records.complaints import ComplaintAnswer, NewComplaint
from records.hub.commands import CommandProblem, CommandProblemCode
from records.identifiers import Nik, RegionCode
from records.languages import Language
from records.regions import Coordinates
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import AYU, BUDI, CALLERS, NOBODY, SITI
from tests.schema.requests import get_codes, get_reasons, run

SUBMIT = """
mutation Submit($complaint: NewComplaintInput!, $key: String!, $forPerson: NIK) {
  submitComplaint(complaint: $complaint, key: $key, forPerson: $forPerson) {
    ... on CommandReceipt { number state }
    ... on CommandProblem { code field message }
  }
}
"""
HOLE = {"categoryCode": "C-1", "description": "Lubang", "address": "Jl. Melati"}


async def submit(city: SmallCity, key: str = "1", **given: Any) -> Any:  # noqa: ANN401 - JSON
    variables = {"complaint": {**HOLE, **given}, "key": key}
    response = await run(SUBMIT, variables, caller="the person", city=city)
    assert get_codes(response) == []
    return (response.data or {})["submitComplaint"]


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"description": ""}, "INVALID_TEXT", "description"),
        ({"description": " \n"}, "INVALID_TEXT", "description"),
        ({"description": "x" * 2_001}, "INVALID_TEXT", "description"),
        ({"description": "a\ud800b"}, "INVALID_TEXT", "description"),
        ({"address": "x" * 201}, "INVALID_TEXT", "address"),
        ({"address": ""}, "INVALID_TEXT", "address"),
        ({"answers": [{"code": "", "values": ["1"]}]}, "INVALID_TEXT", "answers"),
        ({"answers": [{"code": "A", "values": ["1"]}] * 21}, "TOO_MANY_VALUES", "answers"),
        ({"answers": [{"code": "A", "values": ["1"] * 21}]}, "TOO_MANY_VALUES", "answers"),
        ({"answers": [{"code": "B", "values": ["1"]}]}, "UNKNOWN_QUESTION", "answers.B"),
        ({"answers": [{"code": "A", "values": ["1", "3"]}]}, "UNKNOWN_CHOICE", "answers.A"),
        ({"answers": [{"code": "N", "values": ["x"]}]}, "INVALID_NUMBER", "answers.N"),
        ({"answers": [{"code": "N", "values": ["1", "2"]}]}, "TOO_MANY_VALUES", "answers.N"),
        ({"address": None}, "PLACE_REQUIRED", None),
        ({"point": {"latitude": 91, "longitude": 106}}, "UNKNOWN_PLACE", "point"),
        ({"point": {"latitude": -6, "longitude": 181}}, "UNKNOWN_PLACE", "point"),
        ({"region": "31.99"}, "UNKNOWN_PLACE", "region"),
        ({"categoryCode": "C-9"}, "UNKNOWN_CATEGORY", "categoryCode"),
    ],
    ids=lambda each: "-".join(each) if isinstance(each, dict) else str(each)[:20],
)
async def test_wrong_input_is_a_problem_with_its_field(given: dict[str, Any], code: str, field: str | None) -> None:
    city = SmallCity()
    problem = await submit(city, **given)
    message = CommandProblem(code=CommandProblemCode[code], field=field).get_message(Language.INDONESIAN)
    assert problem == {"code": code, "field": field, "message": message}
    assert city.accepted_commands == []


async def test_a_sound_complaint_is_accepted_as_it_was_written() -> None:
    city = SmallCity()
    point, answers = {"latitude": -6.2, "longitude": 106.8}, [{"code": "A", "values": ["1", "2"]}]
    receipt = await submit(city, point=point, region="31.71", answers=answers)
    assert receipt["number"] == "TT-26-ABCDEFGHJK"
    [accepted] = city.accepted_commands
    assert (accepted.subject, accepted.key, accepted.name, accepted.case, accepted.region) == (
        SITI,
        "1",
        "submit_complaint",
        None,
        "31.71",
    )
    assert accepted.payload == NewComplaint(
        category_code="C-1",
        description="Lubang",
        coordinates=Coordinates(latitude=-6.2, longitude=106.8),
        region_code=RegionCode("31.71"),
        address="Jl. Melati",
        answers=(ComplaintAnswer(code="A", values=("1", "2")),),
    )


async def test_a_complaint_is_accepted_while_categories_and_questions_cannot_be_read() -> None:
    city = SmallCity(failing_agencies={"crm"})
    wrong = [{"code": "B", "values": ["1"]}]
    assert (await submit(city, categoryCode="C-9", answers=wrong))["number"] == "TT-26-ABCDEFGHJK"
    assert len(city.accepted_commands) == 1


@pytest.mark.parametrize("key", ["", "   ", "k" * 65, "a\nb"])
async def test_a_wrong_key_is_refused(key: str) -> None:
    city = SmallCity()
    response = await run(SUBMIT, {"complaint": HOLE, "key": key}, caller="the person", city=city)
    assert get_codes(response) == [("submitComplaint", "BAD_USER_INPUT")]
    assert city.accepted_commands == []


ASSISTANT = replace(CALLERS["another citizen"], on_behalf_of=SITI)


@pytest.mark.parametrize("scopes", [frozenset(), frozenset({"openid"}), frozenset({"citizen:complaints"})])
async def test_an_assistant_submits_in_the_name_of_the_person(scopes: frozenset[str]) -> None:
    city = SmallCity()
    variables = {"complaint": HOLE, "key": "1", "forPerson": SITI}
    response = await run(SUBMIT, variables, caller=replace(ASSISTANT, scopes=scopes), city=city)
    assert (response.data or {})["submitComplaint"]["number"] == "TT-26-ABCDEFGHJK"
    assert [each.subject for each in city.accepted_commands] == [SITI]
    assert {each.subject for each in response.reads} == {SITI}


@pytest.mark.parametrize(
    ("caller", "person", "reason"),
    [
        (ASSISTANT, None, "NOT_YOURS"),
        (ASSISTANT, BUDI, "NOT_YOURS"),
        (ASSISTANT, NOBODY, "NOT_YOURS"),
        (CALLERS["another citizen"], SITI, "NOT_YOURS"),
        (CALLERS["the person"], AYU, "NOT_YOURS"),
        (CALLERS["an official"], SITI, "NOT_FOR_OFFICIALS"),
        (CALLERS["anonymous"], SITI, "SIGN_IN"),
        (replace(ASSISTANT, scopes=frozenset({"citizen:tax"})), SITI, "SCOPE_REQUIRED"),
        (replace(ASSISTANT, first_party=False, scopes=frozenset({"citizen:complaints"})), SITI, "FIRST_PARTY_ONLY"),
    ],
)
async def test_nobody_else_submits_in_the_name_of_a_person(caller: Caller, person: Nik | None, reason: str) -> None:
    city = SmallCity()
    response = await run(SUBMIT, {"complaint": HOLE, "key": "1", "forPerson": person}, caller=caller, city=city)
    assert [each for _, each in get_reasons(response)] == [reason]
    assert (city.accepted_commands, city.calls) == ([], [])


@pytest.mark.parametrize(
    ("scopes", "seen"),
    [(frozenset(), True), (frozenset({"citizen:complaints"}), True), (frozenset({"citizen:identity"}), False)],
)
async def test_an_assistant_sees_the_receipts_of_the_person(scopes: frozenset[str], *, seen: bool) -> None:
    response = await run("{ me { receipts { number } } }", caller=replace(ASSISTANT, scopes=scopes))
    refusal = [] if seen else [("me.receipts", "SCOPE_REQUIRED")]
    assert get_reasons(response) == refusal
    assert bool((response.data or {})["me"]["receipts"]) is seen


async def test_a_child_submits_a_complaint_like_everybody() -> None:
    city, child = SmallCity(), replace(CALLERS["the person"], nik=AYU)
    response = await run(SUBMIT, {"complaint": HOLE, "key": "1"}, caller=child, city=city)
    assert get_codes(response) == []
    assert [each.subject for each in city.accepted_commands] == [AYU]

"""A complaint that cannot be accepted is a problem that names the argument and the fix, and nothing is stored."""

from __future__ import annotations

from typing import Any

import pytest

from records.complaints import ComplaintAnswer, NewComplaint
from records.hub.commands import CommandProblemCode
from records.identifiers import RegionCode
from records.regions import Coordinates
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import SITI
from tests.schema.requests import get_codes, run

SUBMIT = """
mutation Submit($complaint: NewComplaintInput!, $key: String!) {
  submitComplaint(complaint: $complaint, key: $key) {
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
    assert problem == {"code": code, "field": field, "message": CommandProblemCode[code].description}
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


async def test_a_complaint_is_accepted_while_the_list_of_categories_cannot_be_read() -> None:
    city = SmallCity(failing_agencies={"crm"})
    assert (await submit(city, categoryCode="C-9"))["number"] == "TT-26-ABCDEFGHJK"
    assert len(city.accepted_commands) == 1


@pytest.mark.parametrize("key", ["", "   ", "k" * 65, "a\nb"])
async def test_a_wrong_key_is_refused(key: str) -> None:
    city = SmallCity()
    response = await run(SUBMIT, {"complaint": HOLE, "key": key}, caller="the person", city=city)
    assert get_codes(response) == [("submitComplaint", "BAD_USER_INPUT")]
    assert city.accepted_commands == []

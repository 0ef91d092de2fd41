"""The codes of the agencies of each domain."""

from __future__ import annotations

import pytest
from graphql import build_schema

from engine.agencies.agency_codes import ANY_AGENCIES, HUB, AgencyCodes, get_agency_codes, set_agency_codes


class Taxes: ...


class Roads: ...


class Fountains: ...


CODES = AgencyCodes({Taxes: ["tax-east", "tax-west"], Roads: ["roads"]})


def test_a_domain_has_no_agency_or_one_or_several() -> None:
    assert [CODES.list(each) for each in (Fountains, Roads, Taxes, None)] == [
        (),
        ("roads",),
        ("tax-east", "tax-west"),
        (),
    ]
    assert [CODES.answers(each) for each in (Fountains, Roads, Taxes, None)] == [False, True, True, True]
    assert [CODES.has_several(each) for each in (Fountains, Roads, Taxes, None)] == [False, False, True, False]


def test_only_a_single_agency_has_the_code_of_a_domain() -> None:
    assert [CODES.get(each) for each in (Fountains, Roads, Taxes, None)] == [None, "roads", None, None]
    assert [CODES.describe(each) for each in (Roads, Taxes, None)] == ["roads", "tax-east or tax-west", HUB]


def test_codes_can_be_narrowed_to_one_agency() -> None:
    east = CODES.narrow(Taxes, "tax-east")
    assert (east.get(Taxes), east.get(Roads), east.has_routes, CODES.has_routes) == ("tax-east", "roads", False, True)


def test_without_a_city_every_domain_has_the_name_of_its_protocol() -> None:
    assert (ANY_AGENCIES.get(Fountains), ANY_AGENCIES.list(Fountains), ANY_AGENCIES.get(None)) == (
        "fountains",
        ("fountains",),
        None,
    )
    assert (ANY_AGENCIES.answers(Fountains), ANY_AGENCIES.has_routes) == (True, False)


def test_a_schema_holds_the_codes_of_its_hub() -> None:
    schema = build_schema("type Query { it: Int }")
    assert get_agency_codes(schema) is ANY_AGENCIES
    set_agency_codes(schema, CODES)
    assert get_agency_codes(schema) is CODES
    schema.extensions["simpul-agencies"] = "tax"
    with pytest.raises(TypeError, match="holds no codes"):
        get_agency_codes(schema)

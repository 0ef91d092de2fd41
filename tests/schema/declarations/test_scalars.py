"""The values that each scalar accepts and refuses, and the rule in the error; refused values are never quoted."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from graphql import GraphQLScalarType, is_specified_scalar_type
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.document.refused_values import RefusedValue
from schema.declarations.scalars import (
    parse_date,
    parse_date_time,
    parse_family_card_number,
    parse_nib,
    parse_nik,
    parse_nop,
    parse_region_code,
    parse_rupiah,
)
from tests.schema.requests import build_engine, get_codes, run, run_for_data

NIK_DIGITS = "A NIK is a string of exactly 16 digits."
NIK_DAY = "Digits 7 to 12 of a NIK are a date of birth (DDMMYY; DD + 40 for women); these are not a date."
NIK_SERIAL = "A NIK ends with a serial number, from 0001."
REGION = (
    "A region code is a dotted Kemendagri code, such as 31, 31.71, 31.71.01 or 31.71.01.1001. "
    "For codes of other systems use region(code:, system:)."
)
RUPIAH = "An amount is a whole number of Rupiah, without separators or decimals."
DATE = "A date has the form YYYY-MM-DD, such as 2026-11-23."
MOMENT = "A date and time needs an offset, such as 2026-11-23T08:00:00+07:00."
FULL_WIDTH = str.maketrans("0123456789", "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19")


def nik(day: int, month: int, year: int, *, region: str = "317101", serial: str = "0001") -> str:
    return f"{region}{day:02}{month:02}{year:02}{serial}"


def refusal(parse: Callable[[object], Any], value: object) -> str:
    with pytest.raises(RefusedValue) as refused:
        parse(value)
    message = str(refused.value)
    assert not re.search(r"\d{10}", message)
    return message


@pytest.mark.parametrize(
    "value",
    [
        "3171014506900001",  # a woman, born 5 June 1990 (AGENCIES: 2.1)
        nik(5, 6, 90),
        nik(1, 1, 0),
        nik(31, 12, 99),
        nik(71, 12, 99),
        nik(41, 1, 0),
        nik(29, 2, 0),  # 2000 was a leap year
        nik(29, 2, 96),
        nik(69, 2, 4),  # a woman, born 29 February 2004
        nik(1, 1, 50, region="999999"),  # districts that are gone live on in numbers
        nik(1, 1, 50, serial="9999"),
    ],
)
def test_a_valid_nik_is_not_changed(value: str) -> None:
    assert parse_nik(value) == value


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("3171013002900001", NIK_DAY),  # 30 February
        (nik(29, 2, 97), NIK_DAY),
        (nik(69, 2, 97), NIK_DAY),
        (nik(31, 4, 90), NIK_DAY),
        (nik(0, 1, 90), NIK_DAY),
        (nik(40, 1, 90), NIK_DAY),
        (nik(32, 1, 90), NIK_DAY),
        (nik(72, 1, 90), NIK_DAY),
        (nik(99, 1, 90), NIK_DAY),
        (nik(1, 0, 90), NIK_DAY),
        (nik(1, 13, 90), NIK_DAY),
        (nik(1, 1, 90, serial="0000"), NIK_SERIAL),
        ("", NIK_DIGITS),
        ("317101450690000", NIK_DIGITS),
        ("31710145069000011", NIK_DIGITS),
        ("3171.0145.0690.00", NIK_DIGITS),
        (" 317101450690001", NIK_DIGITS),
        ("317101450690000\n", NIK_DIGITS),
        ("317101450690000x", NIK_DIGITS),
        ("3171014506900001".translate(FULL_WIDTH), NIK_DIGITS),
        ("317101450690000\u00b2", NIK_DIGITS),
        ("-171014506900001", NIK_DIGITS),
        (3171014506900001, NIK_DIGITS),
        (3171014506900001.0, NIK_DIGITS),
        (True, NIK_DIGITS),
        (None, NIK_DIGITS),
        (["3171014506900001"], NIK_DIGITS),
        ({}, NIK_DIGITS),
    ],
)
def test_an_invalid_nik_is_refused_with_the_violated_rule(value: object, rule: str) -> None:
    assert refusal(parse_nik, value) == rule


@settings(derandomize=True, max_examples=300)
@given(
    birthday=st.dates(date(1900, 1, 1), date(2099, 12, 31)),
    woman=st.booleans(),
    region=st.from_regex(r"[0-9]{6}", fullmatch=True),
    serial=st.integers(1, 9999),
)
def test_every_birthday_makes_a_nik(birthday: date, woman: bool, region: str, serial: int) -> None:  # noqa: FBT001 - Hypothesis names it
    value = nik(birthday.day + 40 * woman, birthday.month, birthday.year % 100, region=region, serial=f"{serial:04}")
    assert parse_nik(value) == value


@pytest.mark.parametrize(
    "value",
    ["317201000100100010", "31.72.010.001.001-0010.0", "31 72 010 001 001 0010 0", "31.72.010.001.001.0010.0"],
)
def test_a_nop_is_accepted_with_its_printed_separators(value: str) -> None:
    assert parse_nop(value) in ("317201000100100010", "317201000100100100")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "31720100010010001",
        "3172010001001000100",
        "31/72/010/001/001/0010/0",
        "x" * 18,
        317201000100100010,
        None,
        [],
        "317201000100100010".translate(FULL_WIDTH),
        "31.72.010.001.001_0010.0",
    ],
)
def test_an_invalid_nop_is_refused(value: object) -> None:
    assert refusal(parse_nop, value) == "A NOP is a string of exactly 18 digits."


@pytest.mark.parametrize(
    ("parse", "good", "rule"),
    [
        (parse_nib, "9120001234567", "A NIB is a string of exactly 13 digits."),
        (parse_family_card_number, "3171010203150001", "A family card number is a string of exactly 16 digits."),
    ],
)
def test_other_numbers_are_strings_of_a_fixed_length(parse: Callable[[object], Any], good: str, rule: str) -> None:
    assert parse(good) == good
    for bad in (good[:-1], good + "0", int(good), None, good.translate(FULL_WIDTH), f" {good[1:]}"):
        assert refusal(parse, bad) == rule


@pytest.mark.parametrize("value", ["31", "31.71", "31.71.01", "31.71.01.1001"])
def test_a_region_code_is_dotted(value: str) -> None:
    assert parse_region_code(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "3171",
        "3171010001",
        "31.71.01.100",
        "31.71.1",
        "31.",
        ".31",
        "31.71.",
        "31.71.01.1001.1",
        "31-71",
        " 31",
        "31\n",
        "",
        "Jakarta",
        31,
        31.71,
        None,
        ["31"],
        "31.71".translate(FULL_WIDTH),
        "3173",
    ],
)
def test_a_code_of_another_system_is_refused(value: object) -> None:
    assert refusal(parse_region_code, value) == REGION


@pytest.mark.parametrize("value", [0, 1, -1, 15_000, 2**53 - 1, -(2**53) + 1])
def test_an_amount_is_a_whole_number(value: int) -> None:
    assert parse_rupiah(value) == value


@pytest.mark.parametrize(
    "value", [True, False, 1.0, 1.5, "15000", "Rp15.000", "15.000", 2**53, -(2**53), 10**400, None, float("nan"), [1]]
)
def test_an_amount_that_is_not_whole_is_refused(value: object) -> None:
    assert refusal(parse_rupiah, value) == RUPIAH


def test_a_date_has_one_format() -> None:
    assert parse_date("2024-02-29") == date(2024, 2, 29)


@pytest.mark.parametrize(
    "value",
    [
        "2023-02-29",
        "2026-11-31",
        "20261123",
        "2026-W48-1",
        "2026-11-23T00:00:00",
        "23/11/2026",
        "2026-1-2",
        "",
        20261123,
        None,
        "2026-11-23".translate(FULL_WIDTH),
        " 2026-11-23",
        "0000-01-01",
        "10000-01-01",
    ],
)
def test_an_invalid_date_is_refused(value: object) -> None:
    assert refusal(parse_date, value) == DATE


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-11-23T08:00:00+07:00", datetime(2026, 11, 23, 8, tzinfo=timezone(timedelta(hours=7)))),
        ("2026-11-23T01:00:00Z", datetime(2026, 11, 23, 1, tzinfo=UTC)),
        ("2026-11-23T01:00:00.250-05:30", datetime(2026, 11, 23, 1, 0, 0, 250_000, timezone(-timedelta(hours=5.5)))),
    ],
)
def test_a_moment_has_its_offset(value: str, moment: datetime) -> None:
    assert parse_date_time(value) == moment


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-23T08:00:00",
        "2026-11-23",
        "2026-11-23 25:00:00+07:00",
        "2026-02-30T00:00:00Z",
        "now",
        "",
        1763856000,
        None,
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "9999-12-31T23:59:59Z",
        "9999-12-30T23:59:59.5Z",
        "0001-01-01T12:00:00Z",
    ],
)
def test_a_moment_without_an_offset_or_outside_some_time_zone_is_refused(value: object) -> None:
    assert refusal(parse_date_time, value) == MOMENT


async def test_a_refused_nik_names_its_argument_without_any_agency_call() -> None:
    response = await run('{ citizen(nik: "3171013002900001") { name } }')
    assert [error["message"] for error in response.errors] == [f"Argument 'nik' of 'citizen': {NIK_DAY}"]
    assert [error["extensions"] for error in response.errors] == [{"code": "BAD_USER_INPUT"}]


async def test_a_refused_region_in_a_filter_names_its_argument() -> None:
    query = "query ($f: ComplaintFilter) { complaints(filter: $f) { nodes { id } } }"
    response = await run(query, {"f": {"regions": ["31", "3171"]}})
    assert [error["message"] for error in response.errors] == [f"Argument 'filter' of 'complaints': {REGION}"]


async def test_a_refused_moment_in_a_filter_names_its_argument() -> None:
    query = '{ complaints(filter: {reportedFrom: "2026-11-23T08:00:00"}) { nodes { id } } }'
    response = await run(query)
    assert [error["message"] for error in response.errors] == [f"Argument 'filter' of 'complaints': {MOMENT}"]
    assert get_codes(response) == [("", "BAD_USER_INPUT")]


async def test_scalars_are_serialized_in_their_format() -> None:
    found = await run_for_data(
        """{ citizen(nik: "3171014506900001") {
            nik birthDate household { familyCardNumber }
            msmes { nib monthlyRevenue registeredOn region { code } }
            taxObjects { nop bills(year: 2025) { amount dueOn payments { amount } } }
            complaints { reportedAt }
        } }"""
    )
    citizen = found["citizen"]
    assert citizen["nik"] == "3171014506900001"
    assert citizen["birthDate"] == "1990-06-05"
    assert citizen["household"] == {"familyCardNumber": "3171010203150001"}
    assert citizen["msmes"] == [
        {
            "nib": "9120001234567",
            "monthlyRevenue": 5_000_000,
            "registeredOn": "2024-05-01",
            "region": {"code": "31.71.01.1001"},
        }
    ]
    assert citizen["taxObjects"] == [
        {
            "nop": "317301000100100010",
            "bills": [
                {"amount": 100_000, "dueOn": "2025-09-30", "payments": [{"amount": 90_000}, {"amount": 101_000}]}
            ],
        }
    ]
    assert citizen["complaints"][0] == {"reportedAt": "2026-11-20T09:00:00+00:00"}


def test_scalars_of_a_published_format_name_its_specification_and_national_numbers_describe_themselves() -> None:
    scalars = [each for each in build_engine().schema.type_map.values() if isinstance(each, GraphQLScalarType)]
    specified = {each.name: each.specified_by_url for each in scalars if not is_specified_scalar_type(each)}
    assert specified == {
        "Date": "https://scalars.graphql.org/andimarek/local-date.html",
        "DateTime": "https://www.rfc-editor.org/rfc/rfc3339",
        "PartialDate": "https://hl7.org/fhir/R4/datatypes.html#date",
        "Upload": "https://github.com/jaydenseric/graphql-multipart-request-spec",
        **dict.fromkeys(("FamilyCardNumber", "NIB", "NIK", "NOP", "RegionCode", "Rupiah")),
    }

"""The office and the service levels of a city: holidays of 2026, and what is wrong with a table."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from records.clocks import CITY_TIME_ZONE as WIB
from records.service_levels import ServiceStage, ServiceTime
from settings.city.folder import DEFAULT_CITY, CityTable, load_city
from settings.city.office_calendar import OfficeTable
from settings.city.problems import ManifestError
from tests.fakes.small_records import PUBLIC, complaint

CITY = """code = "kota"
name = { en = "Town", id = "Kota" }
time_zone = "Asia/Jakarta"
region = "31"
"""
OFFICE = """[office]
country = "ID"
[office.hours]
monday = ["08:00-12:00", "13:00-16:00"]
"""
HOUR = 3_600.0
NO_LIMIT = 'not a limit of at most a year: write a number and min, h or d, such as "6 h"'


def at(month: int, day: int, hour: int = 0, minute: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=WIB)


def load_jakarta() -> CityTable:
    return load_city(DEFAULT_CITY).city


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        (at(2, 13, 16), 1, at(2, 18, 8)),  # Friday; joint leave on Monday, Tahun Baru Imlek on Tuesday
        (at(3, 17, 15), 2, at(3, 25, 8, 30)),  # Nyepi and Idul Fitri, with joint leave until Tuesday the 24th
        (at(4, 2, 15), 2, at(4, 6, 8, 30)),  # Good Friday
        (at(5, 13, 15), 2, at(5, 18, 8, 30)),  # Ascension, and joint leave on the Friday after it
        (at(5, 29, 16), 1, at(6, 2, 8)),  # Waisak on Sunday, Pancasila on Monday
        (at(8, 14, 16), 1, at(8, 18, 8)),  # Independence Day
        (at(12, 23, 15), 2, at(12, 28, 8, 30)),  # Christmas, with its joint leave
        (at(12, 31, 15), 2, at(1, 4, 8, 30, year=2027)),  # New Year, and the weekend
    ],
)
def test_the_offices_of_jakarta_are_closed_on_the_holidays_of_2026(
    start: datetime, hours: float, due: datetime
) -> None:
    city = load_jakarta()
    assert city.office is not None
    office = city.office.build_working_time(city.time_zone)
    assert office.add(start, [hours * HOUR]) == [due]
    assert office.measure(start, due) == hours * HOUR


def test_the_offices_of_jakarta_work_as_many_hours_in_2026_as_its_calendar_says() -> None:
    city = load_jakarta()
    assert city.office is not None
    office = city.office.build_working_time(city.time_zone)
    assert office.day_seconds == 7.5 * HOUR
    # 261 weekdays without the 14 holidays and 7 days of joint leave that are weekdays.
    assert office.measure(at(1, 1), at(1, 1, year=2027)) == 240 * 7.5 * HOUR


def test_public_holidays_are_the_default_and_days_off_are_added() -> None:
    hours = {"wednesday": ["08:00-16:00"]}
    public = OfficeTable.model_validate({"country": "ID", "hours": hours}).build_working_time("Asia/Jakarta")
    assert public.measure(at(3, 18), at(3, 19)) == 8 * HOUR  # joint leave, which is another kind
    more = OfficeTable.model_validate({"country": "ID", "hours": hours, "days_off": [date(2026, 3, 18)]})
    assert more.build_working_time("Asia/Jakarta").measure(at(3, 18), at(3, 19)) == 0


def test_a_part_of_a_country_has_its_own_holidays() -> None:
    table = {"country": "DE", "subdivision": "BY", "hours": {"tuesday": ["09:00-17:00"]}}
    bavaria = OfficeTable.model_validate(table).build_working_time("Asia/Jakarta")
    assert bavaria.measure(at(1, 6), at(1, 7)) == 0  # Epiphany, 2026-01-06
    germany = OfficeTable.model_validate({**table, "subdivision": None}).build_working_time("Asia/Jakarta")
    assert germany.measure(at(1, 6), at(1, 7)) == 8 * HOUR


def test_the_levels_of_jakarta() -> None:
    levels, reported = load_jakarta().build_service_levels(), at(3, 17, 15)

    def find(code: str) -> Mapping[ServiceStage, tuple[datetime, ServiceTime]]:
        filed = complaint(PUBLIC, public=True, category_code=code, reported_at=reported, due_at=None)
        return {each.stage: (each.due_at, each.time) for each in levels.build_clocks(filed)}

    assert find("1101") == {
        ServiceStage.FIRST_RESPONSE: (reported + timedelta(hours=6), ServiceTime.CALENDAR),
        ServiceStage.ANSWER: (reported + timedelta(days=3), ServiceTime.CALENDAR),
        ServiceStage.RESOLUTION: (reported + timedelta(days=7), ServiceTime.CALENDAR),
    }
    assert find("1204")[ServiceStage.RESOLUTION] == (reported + timedelta(days=14), ServiceTime.CALENDAR)
    assert find("1901") == {  # working days of 7.5 hours, around Idul Fitri
        ServiceStage.FIRST_RESPONSE: (at(3, 25, 13, 30), ServiceTime.WORKING),
        ServiceStage.ANSWER: (at(3, 27, 15, 30), ServiceTime.WORKING),
        ServiceStage.RESOLUTION: (at(4, 2, 15), ServiceTime.WORKING),
    }


def find_problems(folder: Path, more: str) -> list[str]:
    (folder / "city.toml").write_text(f"{CITY}{more}")
    with pytest.raises(ManifestError) as caught:
        load_city(folder)
    return [str(each).removeprefix(f"{folder}/") for each in caught.value.problems]


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (
            '[service_levels.complaints]\nanswer = "three days"',
            f"city.toml:6: service_levels.complaints.answer: {NO_LIMIT}",
        ),
        (
            '[service_levels.complaints]\nanswer = "0 h"',
            f"city.toml:6: service_levels.complaints.answer: {NO_LIMIT}",
        ),
        (
            '[service_levels.complaints]\nresolution = "367 d"',
            f"city.toml:6: service_levels.complaints.resolution: {NO_LIMIT}",
        ),
        (
            '[service_levels.complaints]\nanwser = "3 d"',
            (
                "city.toml:6: service_levels.complaints.anwser: unknown key; write answer, or remove it:"
                " [service_levels.complaints] has answer, first_response, groups, resolution, time"
            ),
        ),
        (
            '[service_levels.complaints]\ntime = "office"',
            "city.toml:6: service_levels.complaints.time: write one of 'calendar', 'working'",
        ),
        (
            '[service_levels.complaints]\ntime = "working"',
            "city.toml:5: service_levels.complaints: working time needs office hours; write the table [office]",
        ),
        (
            '[service_levels.complaints.groups.trees]\nanswer = "1 h"',
            "city.toml:5: service_levels.complaints.groups.trees.categories: this key is missing; write it",
        ),
        (
            (
                '[service_levels.complaints.groups.a]\ncategories = ["1", "2"]\n'
                '[service_levels.complaints.groups.b]\ncategories = ["2"]'
            ),
            "city.toml:6: service_levels.complaints.groups.a.categories: '2' is named twice; name each category once",
        ),
        (
            OFFICE.replace('"ID"', '"XX"'),
            "city.toml:6: office.country: there are no holidays of this country; write its two letters, such as ID",
        ),
        (
            OFFICE.replace("[office.hours]", 'subdivision = "JK"\n[office.hours]'),
            "city.toml:7: office.subdivision: it has no other holidays; parts that have: none: remove this key",
        ),
        (
            OFFICE.replace("[office.hours]", 'holidays = ["school"]\n[office.hours]'),
            "city.toml:7: office.holidays: 'school' is no kind of holidays of the country; write government, public",
        ),
        (
            OFFICE.replace("[office.hours]", 'days_off = ["soon"]\n[office.hours]'),
            "city.toml:7: office.days_off.0: write a date without quotes, such as 2027-01-31",
        ),
        (
            OFFICE.replace('"08:00-12:00"', '"8-12"'),
            'city.toml:8: office.hours.monday.0: not an opening: write start and end, such as "07:30-12:00"',
        ),
        (
            OFFICE.replace('"08:00-12:00"', '"12:00-08:00"'),
            "city.toml:8: office.hours.monday.0: an opening ends after it starts, on the same day",
        ),
        (
            OFFICE.replace('"13:00-16:00"', '"11:00-16:00"'),
            "city.toml:8: office.hours.monday: an opening starts before the one before it ends; write them in order",
        ),
        (
            OFFICE.replace('["08:00-12:00", "13:00-16:00"]', "[]"),
            (
                "city.toml:8: office.hours.monday: the office is never open; write openings, such as"
                ' ["07:30-12:00", "13:00-16:00"]'
            ),
        ),
    ],
)
def test_each_problem_has_its_line_and_its_fix(tmp_path: Path, more: str, problem: str) -> None:
    assert find_problems(tmp_path, more) == [problem]


def test_a_city_needs_neither_an_office_nor_service_levels(tmp_path: Path) -> None:
    (tmp_path / "city.toml").write_text(CITY)
    levels = load_city(tmp_path).city.build_service_levels()
    assert levels.build_clocks(complaint(PUBLIC, public=True, due_at=None)) == ()


def test_no_problem_is_in_the_words_of_the_library(tmp_path: Path) -> None:
    whole: Any = tomllib.loads((DEFAULT_CITY / "city.toml").read_text(encoding="utf-8"))
    for table, key in ((whole["office"], "country"), (whole["office"]["hours"], "monday"), (whole, "service_levels")):
        kept = table[key]
        for wrong in ("5", "true", '"x y"', "[1]", "{ x = 1 }"):
            table[key] = tomllib.loads(f"it = {wrong}")["it"]
            lines = CITY + _write(whole)
            found = find_problems(tmp_path, lines)
            assert found, (key, wrong)
            assert not [each for each in found if "Input" in each or "should" in each]
        table[key] = kept


def _write(whole: Mapping[str, Any]) -> str:
    import tomli_w  # noqa: PLC0415 - a tool of this test

    return tomli_w.dumps({name: whole[name] for name in ("office", "service_levels")})

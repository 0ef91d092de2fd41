from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from connectors.readers.dates import day, moment, utc_moment
from connectors.readers.unreadable import UnreadableError
from records.clocks import CITY_TIME_ZONE

BIRTHDAY = date(1990, 6, 5)


@pytest.mark.parametrize(
    "raw",
    [
        BIRTHDAY,
        datetime(1990, 6, 5, 23, 59),  # noqa: DTZ001 - agencies' columns carry no time zone
        "05/06/1990",
        "5/6/1990",
        "05-06-1990",
        "1990-06-05",
        "19900605",
        "05-Jun-90",
        "5 Juni 1990",
        "05-JUN-1990",
        "05/06/1990 13:05",
        "05-06-1990 00:00:00",
        "1990-06-05 13.05.06",
        "1990-06-05T13:05:06",
        " 05/06/1990 ",
    ],
)
def test_every_format_of_a_date_is_read(raw: object) -> None:
    assert day(raw) == BIRTHDAY


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("17 Agustus 1945", date(1945, 8, 17)),
        ("17-Agu-1945", date(1945, 8, 17)),
        ("01 Mei 2024", date(2024, 5, 1)),
        ("10 Nopember 2024", date(2024, 11, 10)),
        ("10-Okt-24", date(2024, 10, 10)),
        ("25-Dec-68", date(2068, 12, 25)),
        ("25-Des-69", date(1969, 12, 25)),
        ("29/02/2024", date(2024, 2, 29)),
    ],
)
def test_months_are_read_in_indonesian_and_english(raw: str, expected: date) -> None:
    assert day(raw) == expected


def test_a_moment_is_read_as_its_day_in_jakarta() -> None:
    assert day(datetime(2024, 12, 31, 18, 0, tzinfo=UTC)) == date(2025, 1, 1)
    assert day("2024-12-31T18:00:00Z") == date(2025, 1, 1)


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "",
        "-",
        "---",
        "1900-01-01",
        "01/01/1900",
        date(1900, 1, 1),
        "1899-12-30",
        "0001-01-01",
        "0000-00-00",
        "00/00/0000",
        "0",
        "0000-00-00 00:00:00",
        "1900-01-01 00:00:00",
        "1900-01-01T00:00:00+07:00",
    ],
)
def test_an_absent_day_is_read_as_none(raw: object) -> None:
    assert day(raw) is None
    if not isinstance(raw, date) and raw not in {"1900-01-01", "01/01/1900", "1899-12-30", "0001-01-01"}:
        assert moment(raw) is None


@pytest.mark.parametrize(
    "raw",
    [
        "31/02/2024",
        "2023-02-29",
        "2024-W05-6",
        "2024-०१-02",
        "06/13/1990",
        "05/06/90x",
        "kemarin",
        "19901305",
        "5 Foo 1990",
        "1990-06",
        "1990",
        "2024-01-01T99:00:00",
        1.5,
        True,
        b"05/06/1990",
    ],
)
def test_an_invalid_date_is_unreadable_and_not_repeated_in_the_message(raw: object) -> None:
    with pytest.raises(UnreadableError) as raised:
        day(raw)
    assert str(raised.value) in {"not readable as a day", "not readable as a moment"}


@pytest.mark.parametrize(
    "raw",
    [
        "2024-03-09T15:04:05",
        "2024-03-09T15:04:05+07:00",
        "2024-03-09T08:04:05Z",
        "2024-03-09 15:04:05",
        "2024-03-09 15.04.05",
        "09/03/2024 15:04:05",
        "09-03-2024 15.04.05",
        "9-Mar-24 15:04:05",
        datetime(2024, 3, 9, 15, 4, 5),  # noqa: DTZ001 - agencies' columns carry no time zone
        datetime(2024, 3, 9, 8, 4, 5, tzinfo=UTC),
    ],
)
def test_every_format_of_a_moment_is_read(raw: object) -> None:
    read = moment(raw)
    assert read == datetime(2024, 3, 9, 15, 4, 5, tzinfo=timezone(timedelta(hours=7)))


def test_a_moment_without_a_time_zone_is_in_jakarta_time() -> None:
    read = moment("09/03/2024 15:04")
    assert read is not None
    assert (read.isoformat(), read.tzinfo) == ("2024-03-09T15:04:00+07:00", CITY_TIME_ZONE)


@pytest.mark.parametrize("raw", ["09/03/2024", "2024-03-09", "2024-03-09 24:61:00", "15:04", "09/13/2024 15:04", 7.5])
def test_a_day_without_a_time_is_no_moment(raw: object) -> None:
    with pytest.raises(UnreadableError, match=r"^not readable as a moment$"):
        moment(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T12:00:00+14:00",
        datetime(9999, 12, 31, 23, 59, tzinfo=UTC),
        datetime(1, 1, 2, tzinfo=timezone(timedelta(hours=14))),
    ],
)
def test_a_moment_at_the_ends_of_the_calendar_is_read_as_none(raw: object) -> None:
    assert moment(raw) is None
    found = day(raw)
    assert found is None or found.year in (1, 9999)


@pytest.mark.parametrize(("raw", "hour"), [("2026-10-30T23:15:02.103211", 6), ("2026-10-30T23:15:02+07:00", 23)])
def test_a_moment_without_a_zone_can_be_declared_as_utc(raw: object, hour: int) -> None:
    found = utc_moment(raw)
    assert found is not None
    assert (found.hour, found.tzinfo) == (hour, CITY_TIME_ZONE)


@pytest.mark.parametrize("raw", [None, "-", "1900-01-01T00:00:00"])
def test_no_moment_in_utc_is_none(raw: object) -> None:
    assert utc_moment(raw) is None

"""The feed of a real city: its departures are those that its rows give, computed plainly."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from records.calls.failures import AgencyFailure
from records.transit import DepartureQuery, RouteKind
from tests.connectors.failures import make_call
from tests.connectors.gtfs.feeds import FeedServer, open_feed

FEED = Path(__file__).parent / "cities" / "vbb-havelland.zip"
BERLIN = ZoneInfo("Europe/Berlin")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def read_rows(name: str) -> Sequence[dict[str, str]]:
    with zipfile.ZipFile(FEED) as packed, packed.open(f"{name}.txt") as file:
        return list(csv.DictReader(io.TextIOWrapper(file, "utf-8")))


def list_services(day: date) -> set[str]:
    text = f"{day:%Y%m%d}"
    found = {
        each["service_id"]
        for each in read_rows("calendar")
        if each["start_date"] <= text <= each["end_date"] and each[WEEKDAYS[day.weekday()]] == "1"
    }
    for each in read_rows("calendar_dates"):
        if each["date"] == text:
            (found.add if each["exception_type"] == "1" else found.discard)(each["service_id"])
    return found


def list_expected(day: date) -> Iterator[tuple[str, str, datetime]]:
    """Stop, trip and time of each departure of a day, none of which the feed has after midnight."""
    services = list_services(day)
    running = {each["trip_id"] for each in read_rows("trips") if each["service_id"] in services}
    rows = [each for each in read_rows("stop_times") if each["trip_id"] in running]
    last = {each["trip_id"]: each["stop_sequence"] for each in rows}
    for each in rows:
        if each["stop_sequence"] != last[each["trip_id"]] and each["pickup_type"] != "1":
            hours, minutes, seconds = map(int, each["departure_time"].split(":"))
            at = datetime(day.year, day.month, day.day, hours, minutes, seconds, tzinfo=BERLIN)
            yield each["stop_id"], each["trip_id"], at


@pytest.mark.parametrize(
    ("day", "count"), [(date(2020, 11, 20), 1_943), (date(2020, 12, 26), 228)], ids=["a Friday", "a holiday"]
)
async def test_departures_of_a_day_are_those_of_the_rows(day: date, count: int, tmp_path: Path) -> None:
    async with open_feed(tmp_path, FeedServer(zip=FEED.read_bytes()), max_unreadable=0) as feed:
        assert await feed.load() == ""
        midnight = datetime(day.year, day.month, day.day, tzinfo=BERLIN)
        queries = [DepartureQuery(stop_id=each["stop_id"], first=200, at=midnight) for each in read_rows("stops")]
        answers = await feed.transit.departures(queries, make_call())
        found = []
        for query in queries:
            answer = answers[query]
            assert not isinstance(answer, AgencyFailure)
            until = midnight + timedelta(days=1)
            found += [(each.stop_id, each.trip_id, each.departs_at) for each in answer if each.departs_at < until]
        assert len(found) == count
        assert sorted(found) == sorted(list_expected(day))


async def test_an_extended_route_type_is_that_of_a_bus(tmp_path: Path) -> None:
    async with open_feed(tmp_path, FeedServer(zip=FEED.read_bytes())) as feed:
        assert await feed.load() == ""
        [route] = (await feed.transit.routes(["1923_700"], make_call())).values()
        assert not isinstance(route, AgencyFailure)
        assert (route.kind, route.short_name, route.operator) == (
            RouteKind.BUS,
            "653",
            "Havelbus Verkehrsgesellschaft mbH",
        )

"""The timetable of a GTFS feed: what publishers write, and what breaks the reference."""

from __future__ import annotations

import zipfile
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connectors.declared.gtfs.values import find_moment, parse_seconds
from records.calls.failures import AgencyFailure
from records.regions import Coordinates, Near
from records.transit import Departure, DepartureQuery, RouteKind, RouteQuery, StopQuery, WheelchairAccess
from tests.connectors.failures import make_call
from tests.connectors.gtfs.feeds import FILES, NOON, Feed, FeedServer, change, open_feed, pack

JAKARTA = ZoneInfo("Asia/Jakarta")


@pytest.fixture
async def feed(tmp_path: Path) -> AsyncIterator[Feed]:
    async with open_feed(tmp_path, FeedServer()) as found:
        assert await found.load() == ""
        yield found


async def list_departures(feed: Feed, stop: str, at: datetime = NOON, first: int = 10) -> Sequence[Departure]:
    """The departures of a stop. Raises the failure of the stop."""
    query = DepartureQuery(stop_id=stop, first=first, at=at)
    answer = (await feed.transit.departures([query], make_call())).get(query, ())
    if isinstance(answer, AgencyFailure):
        raise answer
    return answer


def quote_all(text: str) -> str:
    return "\n".join(",".join(f'"{each}"' for each in row.split(",")) for row in text.split("\n"))


def show(departures: Sequence[Departure]) -> list[str]:
    return [f"{each.trip_id} {each.stop_id} {each.departs_at:%d %H:%M}" for each in departures]


async def test_departures_follow_the_services_of_each_day(feed: Feed) -> None:
    assert show(await list_departures(feed, "A")) == [
        *("t1 A 30 12:00", "t2 A 30 12:30", "late A 01 00:30"),
        *("again A 01 08:00", "again A 01 08:20", "again A 01 08:40"),
    ]


async def test_a_time_past_midnight_belongs_to_the_service_day_before(feed: Feed) -> None:
    [found] = await list_departures(feed, "A", datetime(2026, 12, 1, 0, 10, tzinfo=JAKARTA), first=1)
    assert (found.trip_id, f"{found.departs_at:%d %H:%M}", found.service_date.day) == ("late", "01 00:30", 30)


async def test_an_exception_removes_a_day(feed: Feed) -> None:
    assert await list_departures(feed, "B", datetime(2026, 12, 3, 1, tzinfo=JAKARTA)) == []
    assert show(await list_departures(feed, "B", datetime(2026, 12, 4, 1, tzinfo=JAKARTA), first=1)) == [
        "t1 B 04 12:11"
    ]


async def test_a_station_has_the_departures_of_its_platforms(feed: Feed) -> None:
    found = await list_departures(feed, "T")
    assert show(found) == ["t1 B 30 12:11", "t2 B 30 12:40"]
    assert [each.is_approximate for each in found] == [False, True]


async def test_no_trip_departs_from_its_last_stop(feed: Feed) -> None:
    assert await list_departures(feed, "C") == []


async def test_stops_and_routes_are_read_by_the_reference(feed: Feed) -> None:
    stops = await feed.transit.stops(["B", "C", "nope"], make_call())
    access = {key: each.wheelchair_boarding for key, each in stops.items() if not isinstance(each, AgencyFailure)}
    assert access == {"B": WheelchairAccess.ACCESSIBLE, "C": WheelchairAccess.NOT_ACCESSIBLE}
    routes = (await feed.transit.route_lists([RouteQuery(search="malam")], make_call()))[RouteQuery(search="malam")]
    assert not isinstance(routes, AgencyFailure)
    assert [(each.id, each.kind, each.operator) for each in routes] == [("M", RouteKind.BUS, "Bus Kota")]
    on = (await feed.transit.stops_on(["R"], make_call()))["R"]
    assert not isinstance(on, AgencyFailure)
    assert [each.id for each in on] == ["A", "B", "C"]


async def test_stops_near_a_point_come_nearest_first(feed: Feed) -> None:
    query = StopQuery(near=Near(point=Coordinates(latitude=-6.219, longitude=106.8), metres=1_500), first=3)
    found = (await feed.transit.stop_lists([query], make_call()))[query]
    assert not isinstance(found, AgencyFailure)
    assert [each.id for each in found] == ["C", "B", "T"]


@pytest.mark.parametrize(
    "packed",
    [
        pack({name: f"\ufeff{text}" for name, text in FILES.items()}),
        pack({name: text.replace("\n", "\r\n") for name, text in FILES.items()}),
        pack({f"gtfs/{name}": text for name, text in FILES.items()}),
        pack({name: quote_all(text) for name, text in FILES.items()}),
        pack({**FILES, "shapes.txt": "shape_id\n" * 100_000, "feed_info.txt": "feed_version\n1\n"}),
        change(stop_times=("t1,12:00:00,12:00:00,A,1\n", "t1, 12:00:00 , 12:00:00,A , 1,,,\n")),
        pack({**{f"old/{name}": "stop_id\nX\n" for name in FILES}, **FILES}),
    ],
    ids=["byte order mark", "CRLF", "folder", "quotes", "other files", "blanks and commas", "old feed beside"],
)  # fmt: skip
async def test_what_publishers_write_is_read(packed: bytes, tmp_path: Path) -> None:
    async with open_feed(tmp_path, FeedServer(zip=packed)) as feed:
        assert await feed.load() == ""
        assert show(await list_departures(feed, "A", first=2)) == ["t1 A 30 12:00", "t2 A 30 12:30"]


@pytest.mark.parametrize("missing", ["calendar_dates.txt", "frequencies.txt"])
async def test_optional_files_can_be_missing(missing: str, tmp_path: Path) -> None:
    files = {name: text for name, text in FILES.items() if name != missing}
    async with open_feed(tmp_path, FeedServer(zip=pack(files))) as feed:
        assert await feed.load() == ""
        assert show(await list_departures(feed, "A", first=1)) == ["t1 A 30 12:00"]


@pytest.mark.parametrize(
    ("packed", "problem"),
    [
        (b"<html>", "gtfs.zip: not a zip, or a damaged one"),
        (pack(FILES)[:-40], "gtfs.zip: not a zip, or a damaged one"),
        (pack({name: text for name, text in FILES.items() if name != "trips.txt"}), "gtfs.zip: there is no trips.txt"),
        (change(agency=("Asia/Jakarta", "Asia/Nowhere")), "gtfs.zip, agency.txt: no known agency_timezone"),
        (change(trips=("trip_id", "trip")), "gtfs.zip, trips.txt: there is no column 'trip_id'"),
        (pack({**FILES, "stops.txt": "stop_id\n" + "x" * 10_000_000}),
         "gtfs.zip, stops.txt: unpacked, the files are longer than max_unpacked allows"),
        (pack({f"{each}/{name}": text for name, text in FILES.items() for each in ("bus", "kereta")}),
         "gtfs.zip: it holds several feeds, in the folders bus/, kereta/"),
        (pack({"bus/gtfs.zip": pack(FILES)}), "gtfs.zip: there is no stops.txt"),
    ],
    ids=["no zip", "cut", "required file", "time zone", "required column", "zip bomb", "two feeds", "zip within"],
)  # fmt: skip
async def test_a_broken_feed_leaves_the_last_good_copy(packed: bytes, problem: str, tmp_path: Path) -> None:
    async with open_feed(tmp_path, FeedServer(), max_unpacked=1_000_000) as feed:
        assert await feed.load() == ""
        feed.server.zip, feed.server.etag = packed, '"2"'
        assert await feed.load() == problem
        assert show(await list_departures(feed, "A", first=1)) == ["t1 A 30 12:00"]


async def test_a_stop_twice_fails_alone(tmp_path: Path) -> None:
    packed = change(stops=("C,Halte C", "A,Halte lain,-6.3,106.8,,,\nC,Halte C"))
    async with open_feed(tmp_path, FeedServer(zip=packed)) as feed:
        assert await feed.load() == ""
        stops = await feed.transit.stops(["A", "B"], make_call())
        assert {key: getattr(each, "code", None) for key, each in stops.items()} == {"A": "AGENCY_MALFORMED", "B": None}
        with pytest.raises(AgencyFailure) as failure:
            await list_departures(feed, "A")
        assert failure.value.detail == "stops.txt, line 4: the id of an earlier stop, with different contents"
        assert show(await list_departures(feed, "B", first=1)) == ["t1 B 30 12:11"]


async def test_a_trip_on_an_unknown_route_departs_and_its_route_fails(tmp_path: Path) -> None:
    async with open_feed(tmp_path, FeedServer(zip=change(trips=("R,ALL,t1", "X,ALL,t1")))) as feed:
        assert await feed.load() == ""
        [found] = await list_departures(feed, "A", first=1)
        assert (found.trip_id, found.route_id) == ("t1", "X")
        routes = await feed.transit.routes(["X", "R"], make_call())
        assert {key: getattr(each, "code", None) for key, each in routes.items()} == {
            "X": "AGENCY_MALFORMED",
            "R": None,
        }


@pytest.mark.parametrize(
    ("changes", "left", "left_out"),
    [
        ({"stop_times": ("t1,12:00:00,12:00:00,A", "t1,noon,noon,A")}, ["t2 A 30 12:30"], 1),
        ({"stop_times": ("t1,12:00:00,12:00:00,A,1", "t1,12:00:00,12:00:00,Z,1")}, ["t2 A 30 12:30"], 1),
        ({"trips": ("R,ALL,t1,Halte C", "R,NO,t1,Halte C")}, ["t2 A 30 12:30"], 2),
        ({"trips": ("R,ALL,t1,Halte C", "R,ALL,t1,Halte C\nM,ALL,t1,Z")}, ["t2 A 30 12:30"], 2),
        ({"stop_times": ("t1,12:10:00,12:11:00,B,2", "t1,12:10:00,12:11:00,B,1")}, ["t1 A 30 12:00"], 1),
    ],
    ids=["time", "unknown stop", "unknown service", "trip twice", "sequence twice"],
)
async def test_a_broken_row_is_left_out(
    changes: dict[str, tuple[str, str]], left: list[str], left_out: int, tmp_path: Path
) -> None:
    async with open_feed(tmp_path, FeedServer(zip=change(**changes))) as feed:
        assert await feed.load() == ""
        assert show(await list_departures(feed, "A", first=1)) == left
        [source] = feed.transit.snapshots
        assert source.snapshot.get_status().left_out == left_out


async def test_the_same_service_again_is_no_fault(tmp_path: Path) -> None:
    service = "ALL,1,1,1,1,1,1,1,20260101,20271231\n"
    packed = change(calendar=(service, service * 2))
    async with open_feed(tmp_path, FeedServer(zip=packed), max_unreadable=0) as feed:
        assert await feed.load() == ""
        assert show(await list_departures(feed, "A", first=1)) == ["t1 A 30 12:00"]


async def test_more_broken_rows_than_allowed_are_not_published(tmp_path: Path) -> None:
    packed = change(stop_times=("t1,12:00:00,12:00:00,A", "t1,noon,noon,A"))
    async with open_feed(tmp_path, FeedServer(zip=packed), max_unreadable=0) as feed:
        assert await feed.load() == (
            "gtfs.zip, stop_times.txt, line 2: not a time; and 0 more rows: max_unreadable is 0"
        )


async def test_a_calendar_that_ended_is_no_answer(feed: Feed) -> None:
    with pytest.raises(AgencyFailure) as failure:
        await list_departures(feed, "A", datetime(2028, 2, 1, tzinfo=JAKARTA))
    assert (failure.value.code, failure.value.detail) == ("AGENCY_MALFORMED", "the timetable ended on 2027-12-31")


async def test_an_unchanged_schedule_is_not_loaded_again(feed: Feed) -> None:
    assert await feed.load() == ""
    assert feed.server.asked == [("/gtfs.zip", None), ("/gtfs.zip", '"1"')]


async def test_without_an_etag_the_date_is_compared(tmp_path: Path) -> None:
    async with open_feed(tmp_path, FeedServer(etag=None)) as feed:
        assert [await feed.load(), await feed.load()] == ["", ""]
        assert feed.server.asked[1] == ("/gtfs.zip", "Sun, 29 Nov 2026 00:00:00 GMT")


def test_times_count_from_noon_where_the_clock_changes() -> None:
    zone = ZoneInfo("America/New_York")
    day = datetime(2026, 3, 8, tzinfo=zone).date()
    assert find_moment(day, 6 * 3600, zone) == datetime(2026, 3, 8, 6, tzinfo=zone)
    moments = [find_moment(day, hours * 3600, zone).astimezone(UTC) for hours in (0, 24)]
    assert moments == [datetime(2026, 3, 8, 4, tzinfo=UTC), datetime(2026, 3, 9, 4, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("6:05:00", 21_900), ("24:30:00", 88_200), ("", None), ("12:60:00", None), ("-1:00:00", None), ("1200", None)],
)
def test_a_time_of_a_service_day(text: str, seconds: int | None) -> None:
    assert parse_seconds(text) == seconds


def test_the_sizes_that_a_zip_names_prove_nothing() -> None:
    packed = pack({"stops.txt": "stop_id\n" + "x" * 1_000_000})
    with zipfile.ZipFile(BytesIO(packed)) as archive:
        assert len(packed) * 100 < archive.getinfo("stops.txt").file_size

"""Real-time data of a GTFS feed: delays, cancelled and added trips, vehicles, alerts, and feeds that fail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from google.transit.gtfs_realtime_pb2 import FeedHeader, FeedMessage, TripDescriptor, TripUpdate
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.declared.gtfs.realtime_feed import RealtimeMessage
from connectors.declared.gtfs.trip_updates import find_departure_update, list_trip_keys
from connectors.declared.gtfs.vehicles_and_alerts import (
    build_alert,
    build_vehicle,
    list_alert_keys,
    list_vehicle_keys,
)
from connectors.drivers.gtfs.realtime_messages import parse_feed
from connectors.drivers.http.body_format import UnparsableBody
from records.calls.answers import DatedAnswers
from records.calls.failures import AgencyFailure, AgencyNotOffered
from records.languages import Language
from records.transit import AlertQuery, AlertText, Departure, DepartureQuery, Occupancy, ServiceAlert
from schema.types.transit import choose_text
from tests.connectors.failures import make_call
from tests.connectors.gtfs.feeds import NOON, Feed, FeedServer, begin_message, open_feed
from tests.fakes.sample_records import build_sample

StopUpdate = Mapping[str, Any]
NOW = int(NOON.timestamp())


@pytest.fixture
async def feed(tmp_path: Path) -> AsyncIterator[Feed]:
    async with open_feed(tmp_path, FeedServer()) as found:
        assert await found.load() == ""
        yield found


def add_update(
    message: FeedMessage, trip: Mapping[str, Any], *stops: StopUpdate, delay: int | None = None
) -> TripUpdate:
    update: TripUpdate = message.entity.add(id=f"e{len(message.entity)}").trip_update
    for name, value in trip.items():
        setattr(update.trip, name, value)
    for each in stops:
        found = update.stop_time_update.add()
        for name, value in each.items():
            if isinstance(value, dict):
                for part, number in value.items():
                    setattr(getattr(found, name), part, number)
            else:
                setattr(found, name, value)
    if delay is not None:
        update.delay = delay
    return update


async def list_departures(feed: Feed, stop: str = "B") -> Sequence[Departure]:
    query = DepartureQuery(stop_id=stop, first=3)
    found = (await feed.transit.departures([query], make_call())).get(query, ())
    assert not isinstance(found, AgencyFailure)
    return found


async def show(feed: Feed, stop: str = "B") -> list[str]:
    """The departures of a stop with what the real-time feed says about each."""
    departures = await list_departures(feed, stop)
    updates = await feed.transit.departure_updates(departures, make_call())
    shown = []
    for each in departures:
        update = updates.get(each)
        assert not isinstance(update, AgencyFailure)
        text = "" if update is None else f" {update.status.name} {update.delay_seconds}"
        shown.append(f"{each.trip_id}{text}")
    return shown


T1 = {"trip_id": "t1", "start_date": "20261130"}


@pytest.mark.parametrize(
    ("stops", "delay", "shown"),
    [
        ([{"stop_sequence": 2, "departure": {"delay": 120}}], None, "t1 EXPECTED 120"),
        ([{"stop_sequence": 1, "departure": {"delay": 60}}], None, "t1 EXPECTED 60"),
        ([{"stop_sequence": 1, "arrival": {"delay": 30}}], None, "t1 EXPECTED 30"),
        ([{"stop_id": "A", "departure": {"delay": 60}}], None, "t1 EXPECTED 60"),
        ([{"stop_sequence": 1, "departure": {"time": NOW + 90}}], None, "t1 EXPECTED 90"),
        ([{"stop_sequence": 2, "departure": {"time": NOW + 11 * 60 + 5}}], None, "t1 EXPECTED 5"),
        ([{"stop_sequence": 2, "arrival": {"time": NOW + 10 * 60 + 7}}], None, "t1 EXPECTED 7"),
        ([{"stop_sequence": 1}], None, "t1 EXPECTED 0"),
        ([{"stop_sequence": 1, "departure": {"delay": -30}}], None, "t1 EXPECTED -30"),
        ([{"stop_sequence": 3, "arrival": {"delay": 60}}], None, "t1"),
        ([], 45, "t1 EXPECTED 45"),
        ([{"stop_sequence": 2, "schedule_relationship": TripUpdate.StopTimeUpdate.SKIPPED}], None, "t1 SKIPPED None"),
        ([{"stop_sequence": 1, "departure": {"delay": 60}},
          {"stop_sequence": 2, "schedule_relationship": TripUpdate.StopTimeUpdate.NO_DATA}], None, "t1"),
        ([{"stop_sequence": 1, "departure": {"delay": 10**9}}], None, "t1"),
        ([{"stop_sequence": 1, "stop_id": "B", "departure": {"delay": 120}}], None, "t1 EXPECTED 120"),
        ([{"stop_sequence": 2, "stop_id": "C", "departure": {"delay": 120}}], None, "t1"),
        ([{"stop_sequence": 2, "stop_id": "B-peron-2", "departure": {"delay": 60}}], None, "t1 EXPECTED 60"),
        ([{"stop_sequence": 3, "departure": {"delay": 90}}, {"stop_sequence": 2, "departure": {"delay": 60}},
          {"stop_sequence": 1, "departure": {"delay": 30}}], None, "t1 EXPECTED 60"),
    ],
    ids=[
        *("at the stop", "of an earlier stop", "of an arrival", "by stop", "time of an earlier stop", "time"),
        *("time of arrival", "on time", "early", "of a later stop", "of the trip", "skipped", "no data", "absurd"),
        *("numbered otherwise, at the stop", "numbered otherwise, later", "another platform", "in another order"),
    ],
)  # fmt: skip
async def test_a_delay_moves_on_to_later_stops(
    stops: Sequence[StopUpdate], delay: int | None, shown: str, feed: Feed
) -> None:
    message = begin_message()
    add_update(message, T1, *stops, delay=delay)
    feed.server.messages["trips"] = message.SerializeToString()
    assert (await show(feed))[0] == shown


async def test_a_cancelled_trip_is_listed_as_cancelled(feed: Feed) -> None:
    message = begin_message()
    add_update(message, {**T1, "schedule_relationship": TripDescriptor.CANCELED})
    feed.server.messages["trips"] = message.SerializeToString()
    assert (await show(feed))[:2] == ["t1 CANCELLED None", "t2"]


async def test_an_added_trip_departs(feed: Feed) -> None:
    message = begin_message()
    trip = {"trip_id": "extra", "route_id": "R", "schedule_relationship": TripDescriptor.ADDED}
    add_update(message, trip, {"stop_id": "B", "departure": {"time": NOW + 60}})
    feed.server.messages["trips"] = message.SerializeToString()
    found = await list_departures(feed)
    assert [(each.trip_id, each.route_id, each.is_added) for each in found[:2]] == [
        ("extra", "R", True),
        ("t1", "R", False),
    ]
    assert (await show(feed))[0] == "extra EXPECTED None"


async def test_an_added_trip_does_not_depart_from_its_last_stop(feed: Feed) -> None:
    message = begin_message()
    trip = {"trip_id": "extra", "schedule_relationship": TripDescriptor.ADDED}
    stops = [{"stop_id": "A", "departure": {"time": NOW + 60}}, {"stop_id": "B", "arrival": {"time": NOW + 90}}]
    add_update(message, trip, *stops)
    feed.server.messages["trips"] = message.SerializeToString()
    assert [each.trip_id for each in await list_departures(feed, "A")][:1] == ["t1"]
    assert "extra" in [each.trip_id for each in await list_departures(feed, "A")]
    assert "extra" not in [each.trip_id for each in await list_departures(feed, "B")]


async def test_a_late_bus_is_still_listed(feed: Feed) -> None:
    feed.clock.now = NOON + timedelta(minutes=12)
    assert [each.trip_id for each in await list_departures(feed)] == ["t2", "t1"]
    message = begin_message(feed.clock.now)
    add_update(message, T1, {"stop_sequence": 2, "departure": {"delay": 300}})
    feed.server.messages["trips"] = message.SerializeToString()
    assert [each.trip_id for each in await list_departures(feed)] == ["t1", "t2", "t1"]


async def test_a_bus_that_left_early_is_not_listed(feed: Feed) -> None:
    feed.clock.now = NOON + timedelta(minutes=10)
    message = begin_message(feed.clock.now)
    add_update(message, T1, {"stop_sequence": 2, "departure": {"delay": -120}})
    feed.server.messages["trips"] = message.SerializeToString()
    assert [each.trip_id for each in await list_departures(feed)] == ["t2"]


async def test_a_repeated_trip_is_known_by_its_start(feed: Feed) -> None:
    feed.clock.now = datetime(2026, 12, 1, 0, 50, tzinfo=UTC)  # 07:50 in Jakarta
    message = begin_message(feed.clock.now)
    trip = {"trip_id": "again", "start_date": "20261201", "start_time": "08:20:00"}
    add_update(message, trip, {"stop_sequence": 1, "departure": {"delay": 60}})
    feed.server.messages["trips"] = message.SerializeToString()
    assert await show(feed, "A") == ["again", "again EXPECTED 60", "again"]


async def test_an_update_of_another_day_says_nothing(feed: Feed) -> None:
    message = begin_message()
    add_update(message, {**T1, "start_date": "20261129"}, {"stop_sequence": 1, "departure": {"delay": 60}})
    feed.server.messages["trips"] = message.SerializeToString()
    assert (await show(feed))[0] == "t1"


async def test_vehicles_are_on_their_route_or_on_that_of_their_trip(feed: Feed) -> None:
    message = begin_message()
    for number, trip in enumerate([{"route_id": "R"}, {"trip_id": "late"}, {"trip_id": "nowhere"}]):
        vehicle = message.entity.add(id=f"v{number}").vehicle
        for name, value in trip.items():
            setattr(vehicle.trip, name, value)
        vehicle.position.latitude, vehicle.position.longitude = (999.0 if number else -6.2), 106.8
        vehicle.position.bearing = 90
        vehicle.occupancy_status = 3
    feed.server.messages["vehicles"] = message.SerializeToString()
    found = await feed.transit.vehicles_on(["R", "M", "Z"], make_call())
    shown = {
        key: [(each.id, each.coordinates is not None, each.bearing, each.occupancy) for each in vehicles]
        for key, vehicles in found.items()
        if not isinstance(vehicles, AgencyFailure)
    }
    assert shown == {
        "R": [("v0", True, 90.0, Occupancy.STANDING_ROOM)],
        "M": [("v1", False, 90.0, Occupancy.STANDING_ROOM)],
    }


async def test_alerts_are_active_in_their_periods(feed: Feed) -> None:
    message = begin_message()
    for name, start, end in (("now", NOW - 60, NOW + 60), ("over", NOW - 120, NOW - 60), ("always", 0, 0)):
        alert = message.entity.add(id=name).alert
        if start:
            alert.active_period.add(start=start, end=end)
        alert.informed_entity.add(route_id="R")
        alert.informed_entity.add(stop_id="B")
    feed.server.messages["alerts"] = message.SerializeToString()

    def show_ids(found: Mapping[Any, Sequence[ServiceAlert] | AgencyFailure]) -> list[list[str]]:
        return [[each.id for each in alerts] for alerts in found.values() if not isinstance(alerts, AgencyFailure)]

    assert show_ids(await feed.transit.alert_lists([AlertQuery()], make_call())) == [["now", "always"]]
    assert show_ids(await feed.transit.alerts_about_routes(["R", "M"], make_call())) == [["now", "always"], []]
    assert show_ids(await feed.transit.alerts_about_stops(["B"], make_call())) == [["now", "always"]]


def test_texts_of_alerts_are_chosen_by_language() -> None:
    texts = (AlertText(language="id-ID", text="tutup"), AlertText(language=None, text="?"))
    assert choose_text(texts, Language.INDONESIAN) == "tutup"
    assert choose_text(texts, Language.ENGLISH) == "?"
    assert choose_text(texts[:1], Language.ENGLISH) == "tutup"
    assert choose_text((), Language.ENGLISH) is None


_LATE = begin_message(NOON - timedelta(hours=1))


def _differ(message: FeedMessage) -> FeedMessage:
    message.header.incrementality = FeedHeader.DIFFERENTIAL
    return message


@pytest.mark.parametrize(
    ("fail", "code"),
    [
        (lambda server: server.messages.update(trips=b"<html>502</html>"), "AGENCY_MALFORMED"),
        (lambda server: server.messages.update(trips=b""), "AGENCY_MALFORMED"),
        (lambda server: server.messages.update(trips=_differ(begin_message()).SerializeToString()), "AGENCY_MALFORMED"),
        (lambda server: server.messages.update(trips=_LATE.SerializeToString()), "AGENCY_MALFORMED"),
        (lambda server: setattr(server, "status", 503), "AGENCY_UNAVAILABLE"),
    ],
    ids=["no message", "empty", "difference", "late", "down"],
)  # fmt: skip
async def test_the_last_good_message_answers_within_its_bound(
    fail: Callable[[FeedServer], object], code: str, feed: Feed
) -> None:
    message = begin_message()
    add_update(message, T1, {"stop_sequence": 1, "departure": {"delay": 60}})
    feed.server.messages["trips"] = message.SerializeToString()
    departure = (await list_departures(feed))[0]
    fail(feed.server)
    feed.clock.now = NOON + timedelta(seconds=120)
    answers = await feed.transit.departure_updates([departure], make_call())
    assert isinstance(answers, DatedAnswers)
    assert answers.as_of == NOON
    assert (await show(feed))[0] == "t1 EXPECTED 60"
    feed.clock.now = NOON + timedelta(seconds=121)
    with pytest.raises(AgencyFailure) as failure:
        await feed.transit.departure_updates([departure], make_call())
    assert failure.value.code == code
    assert [each.trip_id for each in await list_departures(feed)] == ["t1", "t2"]  # by the timetable


async def test_an_older_message_than_before_is_ignored(feed: Feed) -> None:
    message = begin_message()
    add_update(message, T1, {"stop_sequence": 1, "departure": {"delay": 60}})
    feed.server.messages["trips"] = message.SerializeToString()
    assert (await show(feed))[0] == "t1 EXPECTED 60"
    feed.server.messages["trips"] = begin_message(NOON - timedelta(seconds=30)).SerializeToString()
    assert (await show(feed))[0] == "t1 EXPECTED 60"


async def test_a_feed_that_the_manifest_does_not_name_is_not_offered(feed: Feed) -> None:
    feed.realtime["vehicles"]._path = None
    with pytest.raises(AgencyNotOffered):
        await feed.transit.vehicles_on(["R"], make_call())


async def test_a_message_is_fetched_once_for_requests_within_fresh(feed: Feed) -> None:
    for each in feed.realtime.values():
        each.table = each.table.model_copy(update={"fresh": 60.0})
    await show(feed)
    await show(feed)
    assert [path for path, _ in feed.server.asked].count("/trips") == 1


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_no_changed_message_breaks_its_reader(data: st.DataObject) -> None:
    message = begin_message()
    add_update(message, {**T1, "start_time": "12:00:00"}, {"stop_id": "B", "departure": {"delay": 60}})
    vehicle = message.entity.add(id="v").vehicle
    vehicle.trip.route_id, vehicle.vehicle.label = "R", "TJ 1"
    message.entity.add(id="a").alert.header_text.translation.add(text="tutup", language="id")
    body = bytearray(message.SerializeToString())
    for _ in range(data.draw(st.integers(1, 5))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        parsed = parse_feed(bytes(body))
    except UnparsableBody:
        return
    by_key: dict[Any, list[Any]] = {}
    for entity in parsed.entity:
        for list_keys in (list_trip_keys, list_vehicle_keys, list_alert_keys):
            for key in list_keys(entity):
                by_key.setdefault(key, []).append(entity)
    read = RealtimeMessage(float(NOW), by_key)
    departure = replace(build_sample(Departure), trip_id="t1", stop_id="B", departs_at=NOON, service_date=NOON.date())
    found: list[Any] = [find_departure_update(read, departure, lambda _: ())]
    found += [build_vehicle(each, "R", read) for each in parsed.entity if each.HasField("vehicle")]
    found += [build_alert(each) for each in parsed.entity if each.HasField("alert")]
    assert msgspec.json.encode(found)  # every text is one

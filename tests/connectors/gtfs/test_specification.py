"""The examples of the specification are read as they are."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from google.protobuf import text_format  # type: ignore[import-untyped] # it has no types
from google.transit.gtfs_realtime_pb2 import FeedMessage

from records.calls.failures import AgencyFailure
from records.transit import AlertCause, AlertEffect, AlertQuery, DepartureQuery
from tests.connectors.failures import make_call
from tests.connectors.gtfs.feeds import FeedServer, open_feed

EXAMPLES = Path(__file__).parent / "specification"


def read_message(name: str) -> bytes:
    message = FeedMessage()
    text_format.Parse((EXAMPLES / name).read_text(encoding="utf-8"), message)
    return bytes(message.SerializeToString())


async def test_the_sample_feed_departs_by_its_headways(tmp_path: Path) -> None:
    server = FeedServer(zip=(EXAMPLES / "sample-feed-1.zip").read_bytes())
    async with open_feed(tmp_path, server) as feed:
        assert await feed.load() == ""
        [source] = feed.transit.snapshots
        assert (source.snapshot.get_status().rows, source.snapshot.get_status().left_out) == (9, 0)
        at = datetime(2010, 6, 5, 7, 45, tzinfo=ZoneInfo("America/Los_Angeles"))
        query = DepartureQuery(stop_id="STAGECOACH", first=4, at=at)
        found = (await feed.transit.departures([query], make_call()))[query]
        assert not isinstance(found, AgencyFailure)
        shown = [(each.trip_id, f"{each.departs_at:%H:%M}", each.is_approximate) for each in found]
        assert shown == [
            *(("STBA", "08:00", True), ("CITY1", "08:00", True)),
            *(("CITY1", "08:10", True), ("CITY1", "08:20", True)),
        ]
        closed = DepartureQuery(
            stop_id="STAGECOACH", at=datetime(2007, 6, 4, 1, tzinfo=ZoneInfo("America/Los_Angeles"))
        )
        assert (await feed.transit.departures([closed], make_call()))[closed] == []


async def test_the_examples_of_messages_are_read(tmp_path: Path) -> None:
    server = FeedServer(
        messages={"alerts": read_message("alerts.asciipb"), "trips": read_message("trip-updates-full.asciipb")}
    )
    async with open_feed(tmp_path, server) as feed:
        assert await feed.load() == ""
        feed.clock.now = datetime.fromtimestamp(1284457500, ZoneInfo("UTC"))
        query = AlertQuery()
        found = (await feed.transit.alert_lists([query], make_call()))[query]
        assert not isinstance(found, AgencyFailure)
        [alert] = found
        assert (alert.cause, alert.effect) == (AlertCause.CONSTRUCTION, AlertEffect.DETOUR)
        assert (alert.route_ids, alert.stop_ids) == (("100", "219"), ("16230", "16299"))
        message = await feed.realtime["updates"].load(make_call())
        assert sorted(message.by_key) == ["frequency-expanded-trip", "trip-1"]

"""A small GTFS feed in memory, a server for it, and a connector that reads it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from google.transit.gtfs_realtime_pb2 import FeedMessage
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.declared.driver_families import DRIVER_FAMILIES
from connectors.declared.driver_family import DriverParts
from connectors.declared.gtfs.tables import GtfsWire
from connectors.declared.gtfs.transit import GtfsTransit, build_gtfs_transit
from connectors.declared.snapshot.loader import SnapshotLoader
from connectors.drivers.long_work import LongWork
from connectors.resilience.agency_terms import AgencyTerms
from connectors.resilience.gate import Gate
from sandbox.agency_server import listen, serve_app
from tests.connectors.declared.snapshot.points import build_here

NOON = datetime(2026, 11, 30, 5, tzinfo=UTC)
"""Monday, 12:00 in Jakarta."""
FILES: Mapping[str, str] = {
    "agency.txt": "agency_name,agency_url,agency_timezone\nBus Kota,https://bus.contoh.id,Asia/Jakarta\n",
    "stops.txt": (
        "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,wheelchair_boarding\n"
        "A,Halte A,-6.20,106.80,,,1\nB,Halte B,-6.21,106.80,,T,\nC,Halte C,-6.22,106.80,,,2\n"
        "T,Terminal,-6.21,106.80,1,,1\n"
    ),
    "routes.txt": "route_id,route_short_name,route_long_name,route_type\nR,1,A - C,3\nM,2,Malam,700\n",
    "trips.txt": (
        "route_id,service_id,trip_id,trip_headsign\n"
        "R,ALL,t1,Halte C\nR,ALL,t2,Halte C\nM,ALL,late,Halte C\nR,RUN,again,C\n"
    ),
    "stop_times.txt": (
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
        "t1,12:00:00,12:00:00,A,1\nt1,12:10:00,12:11:00,B,2\nt1,12:20:00,12:20:00,C,3\n"
        "t2,12:30:00,12:30:00,A,1\nt2,,,B,2\nt2,12:50:00,12:50:00,C,3\n"
        "late,24:30:00,24:30:00,A,1\nlate,24:40:00,24:40:00,C,2\n"
        "again,06:00:00,06:00:00,A,1\nagain,06:10:00,06:10:00,C,2\n"
    ),
    "calendar.txt": (
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
        "ALL,1,1,1,1,1,1,1,20260101,20271231\n"
    ),
    "calendar_dates.txt": "service_id,date,exception_type\nRUN,20261201,1\nALL,20261203,2\n",
    "frequencies.txt": "trip_id,start_time,end_time,headway_secs,exact_times\nagain,08:00:00,09:00:00,1200,1\n",
}


def pack(files: Mapping[str, str | bytes]) -> bytes:
    """A zip with the files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def change(**changes: tuple[str, str]) -> bytes:
    """The feed with texts replaced in files, by their names without the ending."""
    files = dict(FILES)
    for name, (old, new) in changes.items():
        assert old in files[f"{name}.txt"]
        files[f"{name}.txt"] = files[f"{name}.txt"].replace(old, new)
    return pack(files)


def begin_message(at: datetime = NOON) -> FeedMessage:
    """A message without entities."""
    message = FeedMessage()
    message.header.gtfs_realtime_version = "2.0"
    message.header.timestamp = int(at.timestamp())
    return message


@dataclass
class FeedServer:
    """What the server answers, and what it was asked."""

    zip: bytes = field(default_factory=lambda: pack(FILES))
    etag: str | None = '"1"'
    messages: dict[str, bytes] = field(default_factory=dict)
    status: int = 200
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Paths, and the conditions of requests."""

    async def answer(self, request: Request) -> Response:
        condition = request.headers.get("If-None-Match") or request.headers.get("If-Modified-Since")
        self.asked.append((request.url.path, condition))
        if self.status != 200:
            return Response(status_code=self.status)
        if request.url.path != "/gtfs.zip":
            return Response(self.messages.get(request.url.path[1:], begin_message().SerializeToString()))
        dated = "Sun, 29 Nov 2026 00:00:00 GMT"
        known = self.etag or dated
        if condition == known:
            return Response(status_code=304)
        return Response(self.zip, headers={"Last-Modified": dated, **({"ETag": self.etag} if self.etag else {})})


@dataclass
class Feed:
    """A connector of a feed, its server, and its clock."""

    server: FeedServer
    transit: GtfsTransit
    clock: SimpleNamespace
    realtime: Mapping[str, Any]

    async def load(self) -> str:
        """Load the timetable now, and return the problem; empty if there is none."""
        [source] = self.transit.snapshots
        source.snapshot.place.folder.mkdir(parents=True, exist_ok=True)

        async def note(agency: str) -> None:
            del agency

        await SnapshotLoader(source, on_published=note, build=build_here).load()
        return source.snapshot.get_status().problem


@asynccontextmanager
async def open_feed(folder: Path, server: FeedServer, **schedule: object) -> AsyncIterator[Feed]:
    """A connector of the server's feed; its clock stands at noon, and messages are fetched at every read."""
    listener = listen(0)
    async with serve_app(Starlette(routes=[Route("/{path:path}", server.answer)]), listener):
        wire = GtfsWire.model_validate(
            {
                "driver": "gtfs",
                "url": f"http://127.0.0.1:{listener.getsockname()[1]}",
                "schedule": {"file": "gtfs.zip", "max_age": "3600 d", **schedule},
                "realtime": {
                    "vehicle_positions": "vehicles",
                    "trip_updates": "trips",
                    "alerts": "alerts",
                    "fresh": "0 s",
                },
            }
        )
        gate = Gate("bus", AgencyTerms(deadline=5, max_concurrency=4))
        parts = DriverParts(gate=gate, work=LongWork(), city=folder)
        driver = DRIVER_FAMILIES["gtfs"].build_driver(wire, parts)
        transit = build_gtfs_transit(SimpleNamespace(driver=driver, snapshot_folder=folder), {})
        clock = SimpleNamespace(now=NOON)
        transit._now = lambda: clock.now
        feeds = {
            "vehicles": transit._feeds.vehicles,
            "updates": transit._feeds.updates,
            "alerts": transit._feeds.alerts,
        }
        for each in feeds.values():
            each._clock = lambda: float(clock.now.timestamp())
        try:
            yield Feed(server, transit, clock, feeds)
        finally:
            transit.snapshots[0].snapshot.close()
            await driver.close()

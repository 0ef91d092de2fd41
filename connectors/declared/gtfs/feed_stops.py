"""The stops of a feed as rows of a snapshot, so that its reads by key, text and place answer them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from connectors.declared.gtfs.feed_faults import STOP, FeedFaults
from connectors.declared.snapshot.layout import SnapshotLayout
from connectors.declared.tables import FieldTable, RecordTable
from connectors.drivers.files.row_error import RowError
from connectors.drivers.gtfs.feed_zip import OpenFeed
from connectors.readers.coordinates import coordinates
from connectors.readers.rows import Row
from records.transit import Stop, StopKind

STOPS: Final = "stops.txt"
STOP_LAYOUT: Final = SnapshotLayout(
    record=Stop, id=("id",), keys=frozenset({"parent_id"}), search=frozenset({"name", "code"}), near="coordinates"
)
_COLUMNS: Final = (
    *("stop_id", "stop_code", "stop_name", "stop_desc", "stop_lat", "stop_lon", "location_type", "parent_station"),
    *("platform_code", "wheelchair_boarding", "stop_url"),
)
_PLACED: Final = frozenset({StopKind.STOP.value, StopKind.STATION.value, StopKind.ENTRANCE.value})
"""Kinds that must have a point and a name."""


def build_stop_table() -> RecordTable:
    """Which column is which field of a stop."""
    given: Mapping[str, object] = {
        "id": "stop_id",
        "code": "stop_code",
        "name": "stop_name",
        "description": {"from": "stop_desc", "read": "long_text", "unreadable": "null"},
        "coordinates": ["stop_lat", "stop_lon"],
        "kind": {"from": "location_type", "values": {each.value: each.name for each in StopKind}},
        "parent_id": "parent_station",
        "platform_code": "platform_code",
        "wheelchair_boarding": {
            "from": "wheelchair_boarding",
            "values": {"1": "ACCESSIBLE", "2": "NOT_ACCESSIBLE"},
            "unknown": "null",
        },
        "url": {"from": "stop_url", "read": "web_address", "unreadable": "null"},
    }
    return {name: FieldTable.model_validate(each) for name, each in given.items()}


@dataclass
class StopRows:
    """The usable stops of a feed."""

    feed: OpenFeed
    faults: FeedFaults
    row_word: str = "line"

    @property
    def name(self) -> str:
        """What errors call the source."""
        return f"{self.feed.name}, {STOPS}"

    def read(self) -> Iterable[tuple[int, Row]]:
        """The rows with their lines. Raises `RowError`."""
        if STOPS not in self.feed:
            raise RowError(f"{self.feed.name}: there is no {STOPS}")
        found: dict[str, tuple[int, dict[str, str]]] = {}
        doubled: set[str] = set()
        for line, values, is_whole in self.feed.read(STOPS, _COLUMNS, required=("stop_id",)):
            row = dict(zip(_COLUMNS, values, strict=True))
            identifier = row["stop_id"]
            row["location_type"] = row["location_type"] or StopKind.STOP.value
            if identifier in found and found[identifier][1] != row:
                doubled.add(identifier)
                problem: str | None = "the id of an earlier stop, with different contents"
            else:
                problem = _find_problem(row, is_whole=is_whole)
            if problem is not None:
                self.faults.leave_out(STOPS, line, problem, (STOP, identifier))
            else:
                found.setdefault(identifier, (line, row))
        for identifier in doubled:
            del found[identifier]
        for line, row in found.values():
            self._inherit(row, found)
            yield line, row

    def _inherit(self, row: dict[str, str], found: Mapping[str, tuple[int, Mapping[str, str]]]) -> None:
        """What the reference lets a stop take from its station."""
        _, station = found.get(row["parent_station"], (0, None))
        if row["wheelchair_boarding"] in {"", "0"} and station is not None:
            row["wheelchair_boarding"] = station["wheelchair_boarding"]


def _find_problem(row: Mapping[str, str], *, is_whole: bool) -> str | None:
    if not is_whole:
        return "more values than columns"
    if not row["stop_id"]:
        return "no stop_id"
    if row["location_type"] not in {each.value for each in StopKind}:
        return "an unknown location_type"
    if row["location_type"] in _PLACED and coordinates(row["stop_lat"], row["stop_lon"]) is None:
        return "no point on the map"
    return None

"""An agency with a list of reports that is searched over HTTP, on loopback, and its domain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import orjson

from connectors.declared.connector import DeclaredConnector, build_declared_connector
from connectors.drivers.http.driver import HttpDriver
from records.calls.answers import Answers
from records.calls.call import Call
from records.identifiers import RegionCode
from records.record import record
from records.regions import Coordinates, PlaceQuery
from tests.connectors.declared.http.booths import open_driver
from tests.connectors.declared.tables import parse_tables
from tests.connectors.drivers.byte_server import ReceivedRequest, reply, serve_bytes

parse = datetime.fromisoformat
START = datetime(2026, 11, 1, tzinfo=UTC)


class State(Enum):
    NEW = "new"
    DONE = "done"


@record
class Report:
    id: str
    title: str | None
    state: State | None
    region_code: RegionCode | None
    reported_at: datetime
    coordinates: Coordinates | None = None


@record
class ReportPosition:
    reported_at: datetime
    id: str


@record
class ReportQuery:
    first: int
    after: ReportPosition | None = None
    states: tuple[State, ...] = ()
    regions: tuple[RegionCode, ...] = ()
    titles: tuple[str, ...] = ()
    reported_from: datetime | None = None
    search: str = ""


@record
class ReportPage:
    reports: tuple[Report, ...]
    has_more: bool
    total: int | None = None


class Reports(Protocol):
    """A domain that no agency has."""

    async def reports(self, ids: Sequence[str], call: Call) -> Answers[str, Report]:
        """Reports by identifier."""

    async def pages(self, queries: Sequence[ReportQuery], call: Call) -> Answers[ReportQuery, ReportPage]:
        """Pages of reports, newest first."""


class ReportPlaces(Protocol):
    """The same reports as places."""

    async def reports(self, ids: Sequence[str], call: Call) -> Answers[str, Report]:
        """Reports by identifier."""

    async def places(self, queries: Sequence[PlaceQuery], call: Call) -> Answers[PlaceQuery, Sequence[Report]]:
        """Pages of reports by text and place."""


FILTERS = {
    "states": "state",
    "regions": "region_code",
    "titles": "title",
    "reported_from": {"field": "reported_at", "match": "from"},
}
SENT = {"state": "{states}", "area": "{regions}", "title": ["{titles}"], "since": "{reported_from}", "n": "{size}"}
ORDER = ["reported_at desc", "id desc"]
RECORD: dict[str, Any] = {
    "id": "no",
    "title": "title",
    "state": {"from": "state", "values": {"B": "NEW", "P": "NEW", "S": "DONE"}, "unknown": "null"},
    "region_code": "area",
    "reported_at": "at",
    "coordinates": {"from": ["lat", "lng"]},
}
PAGES: dict[str, Any] = {
    "path": "reports",
    "query": SENT | {"skip": "{offset}"},
    "rows": "data",
    "search": "title",
    "filters": FILTERS,
    "order": ORDER,
    "paging": {"by": "offset", "size": 3, "total": "total"},
}
PLACES: dict[str, Any] = {
    "path": "reports",
    "query": {"n": "{size}", "skip": "{offset}"},
    "rows": "data",
    "search": "title",
    "filters": {"near": "coordinates", "region_code": "region_code"},
    "order": ["id"],
    "sorts": False,
    "paging": {"by": "offset", "size": 3, "total": "total"},
}


def build_rows(count: int) -> list[dict[str, Any]]:
    """Rows, newest first: two of each hour, every third one done."""
    return [
        {
            "no": f"R{number:03}",
            "title": f"Jalan {number}",
            "state": ("B", "P", "S")[number % 3],
            "area": "31.71.06.1003" if number % 2 else "31.74.01.1001",
            "at": (START + timedelta(hours=number // 2)).isoformat(),
            "lat": -6.2 + number / 1000,
            "lng": 106.8,
        }
        for number in reversed(range(count))
    ]


@dataclass(slots=True)
class ReportAgency:
    """The agency; changes apply from the next request on."""

    rows: list[dict[str, Any]]
    url: str = ""
    ignored: set[str] = field(default_factory=set)
    """Parameters that it ignores."""
    asked: list[Mapping[str, str]] = field(default_factory=list)
    repeats_rows: bool = False
    """Whether each page begins with the last row of the one before."""
    is_endless: bool = False
    """Whether it always names another cursor."""

    async def answer(self, asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        target = urlsplit(asked.target)
        given = {name: ",".join(values) for name, values in parse_qs(target.query, keep_blank_values=True).items()}
        if asked.body:
            body = orjson.loads(asked.body)
            given |= {k: ",".join(map(str, v)) if isinstance(v, list) else str(v) for k, v in body.items()}
        self.asked.append(given)
        kept = {name: value for name, value in given.items() if name not in self.ignored}
        rows = [each for each in self.rows if _fits(each, kept)]
        size = int(kept.get("n", 100))
        start = (int(kept["page"]) - 1) * size if "page" in kept else int(kept.get("skip", kept.get("cursor", 0)))
        if self.repeats_rows and start:
            start -= 1
        end = start + size
        cursor = str(end) if end < len(rows) else None
        if self.is_endless:
            rows, cursor = [], str(start + 1)
        headers = {}
        if cursor is not None:
            others = "&".join(f"{k}={v}" for k, v in given.items() if k != "cursor").replace("+", "%2B")
            headers["Link"] = f'<{self.url}/reports?{others}&cursor={cursor}>; rel="next"'
        value = {"data": rows[start:end], "total": len(rows), "next": cursor, "more": cursor is not None}
        writer.write(reply(200, orjson.dumps(value), **headers))


def _fits(row: Mapping[str, Any], given: Mapping[str, str]) -> bool:
    """Whether a row has what is asked for, and is after the last record of the page before."""
    position = given.get("after_at"), given.get("after_no")
    if position[0] is not None and not (parse(row["at"]), row["no"]) < (parse(position[0]), position[1]):
        return False
    return (
        all(str(row[name]) in given[name].split(",") for name in ("state", "title") if given.get(name))
        and (not given.get("area") or row["area"].startswith(tuple(given["area"].split(","))))
        and (not given.get("since") or parse(row["at"]) >= parse(given["since"]))
        and given.get("q", "").lower() in row["title"].lower()
    )


def build_connector(
    driver: HttpDriver,
    changes: Mapping[str, Any],
    domain: type[Any] = Reports,
    record: Mapping[str, Any] = RECORD,
) -> DeclaredConnector:
    """The connector of the agency with changes of its search; None removes a key."""
    name, table = ("pages", PAGES) if domain is Reports else ("places", PLACES)
    search = {key: value for key, value in {**table, **changes}.items() if value is not None}
    by_id = {"path": "reports/{key}", "key": "no", "key_pattern": "R[0-9]{3}"}
    tables = {
        "reads": {name: search, "reports": by_id},
        "records": {"Report": record},
        "probe": {"read": "reports", "key": "R001"},
    }
    return build_declared_connector(domain, parse_tables("http", tables), driver, agency="kios")


@asynccontextmanager
async def connect(
    agency: ReportAgency,
    changes: Mapping[str, Any],
    domain: type[Any] = Reports,
    record: Mapping[str, Any] = RECORD,
) -> AsyncIterator[DeclaredConnector]:
    """The connector for the length of the block."""
    driver = open_driver(agency.url)
    try:
        yield build_connector(driver, changes, domain, record)
    finally:
        await driver.close()


@asynccontextmanager
async def serve_reports(count: int = 10) -> AsyncIterator[ReportAgency]:
    """The agency for the length of the block."""
    agency = ReportAgency(build_rows(count))
    async with serve_bytes(agency.answer) as server:
        agency.url = server.url
        yield agency

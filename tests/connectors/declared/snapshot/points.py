"""A domain of public points on the map, answered from a snapshot of files."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

from connectors.declared.connector import DeclaredConnector, DeclaredTables, build_declared_connector
from connectors.declared.driver_families import parse_reads, parse_snapshots
from connectors.declared.driver_family import HubValues
from connectors.declared.snapshot.build import BuildPlan, NamedSource
from connectors.declared.snapshot.layout import SnapshotFacts
from connectors.declared.snapshot.loader import SnapshotLoader
from connectors.declared.snapshot.process import Build, BuildError, RowBatches, build_outcome
from connectors.drivers.files.driver import FilesDriver
from connectors.readers.rows import Row
from connectors.resilience.agency_terms import AgencyTerms
from connectors.resilience.gate import Gate
from records.calls.answers import Answers
from records.calls.call import Call
from records.description import Doc
from records.identifiers import RegionCode
from records.record import record
from records.regions import Coordinates, Near


@record
class HotSpot:
    """A public point with Wi-Fi."""

    id: Annotated[str, Doc("Identifier.")]
    name: Annotated[str, Doc("Name of the place.")]
    address: Annotated[str | None, Doc("Address.")]
    region_code: Annotated[RegionCode | None, Doc("Kelurahan.")]
    coordinates: Annotated[Coordinates | None, Doc("Place.")]
    users: Annotated[int | None, Doc("Capacity.")]


@record
class HotSpotQuery:
    """A page of points."""

    search: str = ""
    near: Near | None = None
    region_code: RegionCode | None = None
    first: int = 100
    after: str | None = None


class HotSpots(Protocol):
    """The domain."""

    async def hot_spots(self, ids: Sequence[str], call: Call) -> Answers[str, HotSpot]:
        """Points by identifier."""

    async def hot_spots_in(self, regions: Sequence[RegionCode], call: Call) -> Answers[RegionCode, Sequence[HotSpot]]:
        """The points in each region."""

    async def hot_spot_lists(
        self, queries: Sequence[HotSpotQuery], call: Call
    ) -> Answers[HotSpotQuery, Sequence[HotSpot]]:
        """Points by text, place and region."""


ROWS: Mapping[str, Any] = {"file": "wifi_{date}.csv", "delimiter": ";", "decimal_comma": ["lat", "lon"]}
TABLES: Mapping[str, Any] = {
    "snapshots": {"points": {"every": "1 h", "max_age": "2 d", "rows": ROWS}},
    "reads": {
        "hot_spots": {"snapshot": "points", "key": "id"},
        "hot_spots_in": {"snapshot": "points", "key": "region_code"},
        "hot_spot_lists": {"snapshot": "points", "search": ["name", "address"], "near": "coordinates"},
    },
    "records": {
        "HotSpot": {
            "id": "id",
            "name": "nama",
            "address": "alamat",
            "region_code": "kode",
            "coordinates": {"from": ["lat", "lon"]},
            "users": "kapasitas",
        }
    },
}
HEADER = "id;nama;alamat;kode;lat;lon;kapasitas\n"
MONAS = "1;RPTRA Gambir;Jl. Merdeka Utara 1;31.71.01.1001;-6,175392;106,827153;30\n"
SENEN = "2;Pasar Senen;Jl. Pasar Senen 5;31.71.03.1001;-6,176417;106,841111;50\n"
GROGOL = "3;Puskesmas Grogol;Jl. Rawa Kepa XI;31.73.02.1001;-6,165000;106,790000;20\n"
POINTS = HEADER + MONAS + SENEN + GROGOL


def parse_tables(driver: str = "files", given: Mapping[str, Any] = TABLES) -> DeclaredTables:
    """The declared tables."""
    parsed = {"reads": parse_reads(driver, given["reads"]), "snapshots": parse_snapshots(driver, given["snapshots"])}
    return DeclaredTables.model_validate({**given, **parsed, "driver": driver})


def change_rows(**changes: object) -> Mapping[str, Any]:
    """The tables with other rows."""
    return change_snapshot(rows={**ROWS, **changes})


def change_snapshot(**changes: object) -> Mapping[str, Any]:
    """The tables with another snapshot."""
    return {**TABLES, "snapshots": {"points": {**TABLES["snapshots"]["points"], **changes}}}


def drop(folder: Path, name: str, text: str | bytes, *, seconds_ago: float = 3_600) -> Path:
    """Leave a file, which last changed some time ago."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    os.utime(path, (time.time() - seconds_ago,) * 2)
    return path


def build_gate(agency: str = "wifi") -> Gate:
    """A gate without a breaker."""
    return Gate(agency, AgencyTerms(deadline=5, max_concurrency=4))


def build_points(folder: Path, given: Mapping[str, Any] = TABLES) -> DeclaredConnector:
    """The connector over the files in `folder/drops`; snapshots are in `folder/snapshots`."""
    (folder / "drops").mkdir(exist_ok=True)
    driver = FilesDriver(folder / "drops", None, gate=build_gate())
    tables = parse_tables("files", given)
    return build_declared_connector(
        HotSpots, tables, driver, agency="wifi", hub=HubValues(snapshot_folder=folder / "snapshots")
    )


async def build_here(plan: BuildPlan, name: str, rows: NamedSource | RowBatches) -> SnapshotFacts:
    """Build a file as the process for it does."""
    if isinstance(rows, AsyncIterator):
        rows = ListedRows(name, [row async for batch in rows for row in batch])
    outcome = build_outcome(plan, rows)
    if outcome.facts is None:
        raise BuildError(outcome.problem)
    return outcome.facts


@dataclass
class ListedRows:
    """Rows of a source that gives batches."""

    name: str
    rows: Sequence[Row]
    row_word: str = "row"

    def read(self) -> Iterable[tuple[int, Row]]:
        """The rows with their numbers."""
        return enumerate(self.rows, start=1)


class Loading:
    """A connector with the loader of its only snapshot, or of the one with the name."""

    def __init__(self, connector: DeclaredConnector, build: Build | None = None, name: str | None = None) -> None:
        """Takes a connector. By default, files are built here, which takes no process."""
        [source] = (each for each in connector.snapshots if name in {None, each.snapshot.name})
        self.connector = connector
        self.snapshot = source.snapshot
        self.published: list[str] = []
        self.was_published = asyncio.Event()
        self.snapshot.place.folder.mkdir(parents=True, exist_ok=True)
        self.loader = SnapshotLoader(source, on_published=self._note, build=build or build_here)

    async def _note(self, agency: str) -> None:
        self.published.append(agency)
        self.was_published.set()

    async def load(self) -> str:
        """Load now, and return the problem; empty if there is none."""
        await self.loader.load()
        return self.snapshot.get_status().problem


@asynccontextmanager
async def loading_points(
    folder: Path, given: Mapping[str, Any] = TABLES, build: Build | None = None
) -> AsyncIterator[Loading]:
    """A connector and its loader."""
    found = Loading(build_points(folder, given), build)
    try:
        yield found
    finally:
        found.snapshot.close()
